"""`pixstack bench`: what it times, how it counts, what it tells."""

from __future__ import annotations

import json
import operator
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.runtime import Translator, probe
from export.runtime.errors import ModelError, ProviderError
from pixstack.bench import race
from pixstack.bench.race import Contender, Lane, Miss, Result, enter, lanes_here, steps
from pixstack.bench.report import describe
from pixstack.bench.resident import peak, peak_of
from pixstack.bench.turns import take_turns
from pixstack.bench.views import made_up
from tests.doors.conftest import Answer
from tests.doors.translations import write_pose
from tests.runtime.models import adder, dreamer, pointer, upscaler

Call = Callable[..., Answer]

CPU = ["--providers", "cpu", "--rounds", "1"]
MEASURABLE = pytest.mark.skipif(peak() is None, reason="the system tells no peak memory")


def test_contenders_take_turns_and_the_first_round_does_not_count() -> None:
    called: list[str] = []
    # Start and end of each turn: a takes 9, 1, 5, 2 seconds, b takes 9, 4, 4, 1.
    moments = iter([0, 9, 9, 18, 20, 21, 21, 25, 30, 35, 35, 39, 40, 42, 42, 43])
    done: list[int] = []
    medians, failures = take_turns(
        {"a": lambda: called.append("a"), "b": lambda: called.append("b")},
        rounds=3,
        step=lambda: done.append(1),
        clock=lambda: next(moments),
    )
    assert called == ["a", "b"] * 4
    assert medians == {"a": 2, "b": 4}
    assert failures == {}
    assert len(done) == 8


def test_who_fails_sits_out() -> None:
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        if len(tries) == 2:
            raise ModelError("broken")

    done: list[int] = []
    medians, failures = take_turns(
        {"good": lambda: None, "bad": fail}, rounds=3, step=lambda: done.append(1)
    )
    assert list(medians) == ["good"]
    assert str(failures["bad"]) == "broken"
    assert len(tries) == 2
    assert len(done) == 8


@pytest.mark.parametrize("write", [adder, pointer, dreamer, upscaler])
def test_made_up_views_are_always_the_same_and_fit(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    translator = Translator(write(tmp_path / "model.onnx"), providers="cpu")
    views = made_up(translator.manifest, 6, 9)
    again = made_up(translator.manifest, 6, 9)
    assert all(np.array_equal(view, again[name]) for name, view in views.items())
    assert translator.run(views)
    pictures = [port.name for port in translator.manifest.inputs if port.is_picture]
    assert all(views[name].shape[:2] == (6, 9) for name in pictures)


def test_made_up_labels_and_joints_are_valid_ones(tmp_path: Path) -> None:
    layout = made_up(Translator(adder(tmp_path / "a.onnx")).manifest, 20, 30)["layout"]
    assert set(layout.flat) == {0, 1, 2}
    points = made_up(Translator(pointer(tmp_path / "p.onnx")).manifest, 20, 30)["points"]
    x, y, visible = points.T
    assert ((x >= 0) & (x < 30) & (y >= 0) & (y < 20)).all()
    assert (visible == 1).all()


@MEASURABLE
def test_peak_memory_is_that_of_another_process() -> None:
    held = b"x" * 300_000_000
    little, much = peak_of(partial(int, "1")), peak_of(partial(operator.mul, b"x", 200_000_000))
    del held
    assert little is not None
    assert much is not None
    assert little < 200_000_000
    assert 190_000_000 < much - little < 210_000_000


@MEASURABLE
def test_peak_memory_of_what_fails_is_not_told() -> None:
    assert peak_of(partial(int, "no number")) is None
    with pytest.raises(MemoryError):
        peak_of(partial(signal.raise_signal, signal.SIGKILL))


def test_tiles_are_those_of_the_run(tmp_path: Path) -> None:
    translator = Translator(upscaler(tmp_path / "sr.onnx"), providers="cpu", memory=2_000_000)
    contender = Contender(translator, made_up(translator.manifest, 200, 150))
    contender()
    assert contender.tiles == len(translator.plan(200, 150).tiles) > 1


def test_the_lanes_are_those_that_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def problem(name: str) -> str | None:
        return "no plugin" if name == "openvino" else None

    monkeypatch.setattr(race, "problem", problem)
    lanes, problems = lanes_here()
    assert lanes == [Lane("cpu", "exact"), Lane("cuda", "exact"), Lane("cuda", "fast")]
    assert problems == {"openvino": "no plugin"}
    assert lanes_here(["tensorrt"])[0] == [Lane("tensorrt", "exact"), Lane("tensorrt", "fast")]
    with pytest.raises(ProviderError, match="openvino cannot be used here: no plugin"):
        lanes_here(["cpu", "openvino"])


def test_every_step_is_told_also_of_what_fails(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "cuda_problem", lambda: "no driver")
    monkeypatch.setattr(race, "peak_of", lambda work: 1000)
    entry, _ = enter("sr", models / "photo-sr.onnx", [(8, 8), (9, 7)])
    lanes = [Lane("cpu", "exact"), Lane("cuda", "fast")]
    counted: list[int] = []
    found = list(race.race(entry, lanes, rounds=2, threads=1, step=counted.append))
    assert sum(counted) == steps(entry, lanes, rounds=2) == 2 * 2 * 4
    assert [miss.size for miss in found if isinstance(miss, Miss)] == [(8, 8), (9, 7)]
    assert [one.size for one in found if isinstance(one, Result)] == [(8, 8), (9, 7)]


def test_speeds_are_worked_out_by_hand(models: Path) -> None:
    entry, _ = enter("sr", models / "photo-sr.onnx", [(500, 1000)])
    slow = Result(entry, (500, 1000), Lane("cpu", "exact"), "CPU", 2.0, 3, 5_000_000)
    fast = Result(entry, (500, 1000), Lane("cuda", "fast"), "CUDA TF32", 0.25, 3, None)
    first, second = describe([slow, fast])
    assert (first["megapixels_per_second"], first["times_cpu"]) == (0.25, 1)
    assert (second["megapixels_per_second"], second["times_cpu"]) == (2, 8)
    # Without the CPU there is nothing to compare with.
    assert describe([fast])[0]["times_cpu"] is None


def test_json_is_one_object(pixstack: Call, models: Path) -> None:
    answer = pixstack("bench", "photo-sr", "photo-denoise", *CPU, "--size", "24x16", "--threads",
                      "1", "--json", "-")  # fmt: skip
    assert answer.code == 0
    report = json.loads(answer.out)
    assert {"pixstack", "onnxruntime", "system"} < set(report)
    assert (report["rounds"], report["threads"], report["skipped"]) == (1, 1, [])
    first, second = report["results"]
    seconds, speed = first.pop("seconds"), first.pop("megapixels_per_second")
    assert speed == pytest.approx(24 * 16 / 1e6 / seconds)
    bytes_at_peak = first.pop("peak_resident_bytes")
    assert peak() is None or 20e6 < bytes_at_peak < 1e9
    assert first == {
        "model": "photo-sr",
        "path": str(models / "photo-sr.onnx"),
        "output": "x4",
        "width": 24,
        "height": 16,
        "own_size": False,
        "provider": "CPU",
        "precision": "exact",
        "times_cpu": 1,
        "tiles": 1,
    }
    assert (second["model"], second["output"]) == ("photo-denoise", "target")


def test_the_table_has_a_line_a_size(pixstack: Call, tmp_path: Path) -> None:
    target = tmp_path / "bench.json"
    answer = pixstack("bench", "photo-sr", *CPU, "--size", "24x16", "--size", "8X9", "--size",
                      "24x16", "--json", target)  # fmt: skip
    assert (answer.code, answer.err) == (0, "")
    heading, *lines = answer.out.splitlines()
    assert "MP/s" in heading
    assert "x CPU" in heading
    assert [line.split()[:4] for line in lines] == [
        ["photo-sr", "24x16", "CPU,", "exact"],
        ["photo-sr", "8x9", "CPU,", "exact"],
    ]
    assert len(json.loads(target.read_text())["results"]) == 2


def test_no_column_for_memory_that_nobody_tells(
    pixstack: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ("peak MB" in pixstack("bench", "photo-sr", *CPU, "--size", "8x8").out) == (
        peak() is not None
    )
    monkeypatch.setattr(race, "peak_of", lambda work: None)
    assert "peak MB" not in pixstack("bench", "photo-sr", *CPU, "--size", "8x8").out


def test_a_model_of_a_fixed_size_runs_at_its_own(pixstack: Call, tmp_path: Path) -> None:
    write_pose(tmp_path / "hand.onnx")
    dreamer(tmp_path / "dreamer.onnx")
    answer = pixstack("bench", tmp_path / "hand.onnx", tmp_path / "dreamer.onnx", *CPU, "--size",
                      "8x8", "--size", "9x9", "--json", tmp_path / "bench.json")  # fmt: skip
    assert answer.code == 0
    hand, dream = json.loads((tmp_path / "bench.json").read_text())["results"]
    assert (hand["width"], hand["height"], hand["own_size"]) == (128, 128, True)
    assert (dream["width"], dream["megapixels_per_second"]) == (None, None)
    assert "128x128 (its own)" in answer.out
    assert "noise" in answer.out


def test_sizes_that_a_model_does_not_take_are_skipped(pixstack: Call, tmp_path: Path) -> None:
    path = upscaler(tmp_path / "whole.onnx", tiling="whole", max_pixels=400)
    answer = pixstack("bench", path, *CPU, "--size", "20x20", "--size", "21x20", "--json", "-")
    assert answer.code == 0
    report = json.loads(answer.out)
    assert [row["width"] for row in report["results"]] == [20]
    [skipped] = report["skipped"]
    assert (skipped["width"], skipped["provider"], skipped["failed"]) == (21, None, False)
    assert len(answer.error_lines) == 1
    assert "at 21x20: the picture has 21x20 pixels" in answer.err
    answer = pixstack("bench", path, *CPU, "--size", "21x20")
    assert (answer.code, answer.out) == (1, "")
    assert answer.error_lines[-1].startswith("error: nothing was timed")


def test_by_default_two_sizes_on_all_that_works(
    pixstack: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def note(entry: race.Entry, lanes: list[Lane], *rest: object) -> list[Result]:
        asked.append((entry.sizes, [lane.provider for lane in lanes]))
        return []

    def problem(name: str) -> str | None:
        return "no driver" if name == "cuda" else None

    monkeypatch.setattr(race, "race", note)
    monkeypatch.setattr(race, "problem", problem)
    answer = pixstack("bench", "photo-sr")
    assert asked == [(((512, 512), (1080, 1920)), ["cpu", "openvino"])]
    assert "note: without cuda: no driver" in answer.error_lines


def test_a_failed_timing_does_not_cost_the_others(
    pixstack: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Translator.run

    def fail(translator: Translator, *rest: Any, **named: Any) -> dict[str, Any]:
        if translator.path.stem == "photo-sr":
            raise ModelError("photo-sr.onnx failed on 8x8 pixels: no memory")
        return run(translator, *rest, **named)

    monkeypatch.setattr(Translator, "run", fail)
    answer = pixstack("bench", "photo-sr", "photo-denoise", *CPU, "--size", "8x8", "--json", "-")
    assert answer.code == 1
    assert answer.error_lines == [
        "error: photo-sr at 8x8 on cpu (exact): photo-sr.onnx failed on 8x8 pixels: no memory",
        "error: 1 of 2 timings failed",
    ]
    report = json.loads(answer.out)
    assert [row["model"] for row in report["results"]] == ["photo-denoise"]
    assert report["skipped"][0]["failed"]


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["photo-sr", "--size", "512"], "expected WIDTHxHEIGHT in pixels, such as", 2),
        (["photo-sr", "--size", "0x9"], "--size 0x9", 2),
        (["photo-sr", "--providers", "gpu"], "'gpu' is unknown; use cpu, cuda, openvino", 2),
        (["photo-sr", "--providers", "cpu,"], "'' is unknown", 2),
        (["photo-sr", "--rounds", "0"], "--rounds", 2),
        (["photo-sr", "--threads", "0"], "--threads", 2),
        ([], "Missing argument", 2),
        (["photo-rs"], "no model is named 'photo-rs'; known: photo-denoise", 1),
        (["missing.onnx"], "missing.onnx: no such file", 1),
        (["photo-sr", "--providers", "cuda"], "cuda cannot be used here: no driver", 1),
    ],
)
def test_errors_are_one_line(
    arguments: list[str],
    words: str,
    code: int,
    pixstack: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "cuda_problem", lambda: "no driver")
    answer = pixstack("bench", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert len(answer.error_lines) == 1
    assert words in answer.err
