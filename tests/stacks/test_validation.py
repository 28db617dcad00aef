"""How sure a measure is, how far training pictures are ahead, and when a run has had enough."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import stacks.validation
from stacks.checkpoint import STATE, read
from stacks.evaluate import Score
from stacks.train import train
from stacks.validation import bootstrap_interval
from tests.photographs import window, write_pictures
from tests.stacks.tiny import pictures, super_resolution
from translate.pairs import DataError


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    text = (folder / "log.jsonl").read_text("utf-8")
    return [line for line in map(json.loads, text.splitlines()) if line["kind"] == kind]


def test_the_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(3).normal(28, 4, size=40)
    low, high = bootstrap_interval(values.tolist(), [0, 7])
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    # Its own error at a thousand resamples is a few hundredths.
    assert low == pytest.approx(theirs.low, abs=0.15)
    assert high == pytest.approx(theirs.high, abs=0.15)
    assert (low, high) == bootstrap_interval(values.tolist(), [0, 7])
    assert bootstrap_interval([5.0], [0]) == (5.0, 5.0)


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float, float]]:
    """Scores of two held-out pictures, and of each training picture, one entry a look."""
    looks: list[tuple[float, float, float]] = []

    def evaluate(predict: object, pairs: Any, protocol: object, output: str) -> list[Score]:
        names = [item.name for item in pairs.items]
        low, high, known = looks[0]
        if "last" in names:
            values = [low, high]
        else:
            looks.pop(0)
            values = [known] * len(names)
        measures = ("psnr_y", "psnr_rgb", "ssim_y", "band_energy", "band_error")
        return [Score("one", dict.fromkeys(measures, value), 0.1) for value in values]

    monkeypatch.setattr(stacks.validation, "evaluate", evaluate)
    return looks


HELD_OUT = ["data.folder=[{ pictures = ':-1' }]", "phase.0.steps=0", "validation.every=1"]


def test_patience_ends_the_run_and_says_why(
    targets: Path, tmp_path: Path, scored: list[tuple[float, float, float]]
) -> None:
    scored += [(20, 22, 21), (21, 23, 22), (20, 22, 21), (20, 23, 21), (19, 20, 21), (1, 1, 1)]
    recipe = super_resolution(
        targets, *HELD_OUT, "phase.1.steps=50", "validation.patience=3", "health.gap=99"
    )
    best = train(recipe, tmp_path)
    # The best is the second look; the third one without a better is the fifth.
    [end] = lines(tmp_path, "end")
    assert end["step"] == 5
    assert end["reason"] == (
        "psnr_y has not been better than 22.0000 for 3 looks at the held-out pictures "
        "(validation.patience = 3)"
    )
    facts = read(tmp_path / "last" / "state.safetensors", STATE).facts
    assert (facts["step"], facts["stale"], facts["best"]) == (5, 3, 22)
    assert best.exists()
    train(recipe, tmp_path, resume=True)
    assert read(tmp_path / "last" / "state.safetensors", STATE).facts["step"] == 5, "it is over"


def test_patience_waits_for_the_stage_that_is_measured(
    targets: Path, tmp_path: Path, scored: list[tuple[float, float, float]]
) -> None:
    scored += [(20, 22, 21)] * 9
    recipe = super_resolution(
        targets, HELD_OUT[0], "validation.every=1", "validation.patience=2", "health.gap=99",
        "phase.0.train=['x2']", "phase.0.steps=5", "phase.1.steps=50",
    )  # fmt: skip
    train(recipe, tmp_path)
    # Five looks while x2 learns, whose result nobody measures, then the two of x4.
    [end] = lines(tmp_path, "end")
    assert end["step"] == 7
    assert "for 2 looks" in end["reason"]


def test_a_gap_that_widens_is_an_alarm(
    targets: Path, tmp_path: Path, scored: list[tuple[float, float, float]]
) -> None:
    # The deviation over the held-out pictures is 2: gaps of 1, 0.5 and 2.
    scored += [(20, 24, 24), (20, 24, 23), (20, 24, 26)]
    recipe = super_resolution(targets, *HELD_OUT, "phase.1.steps=3")
    train(recipe, tmp_path)
    assert [line["gap"] for line in lines(tmp_path, "validation")] == [1, 0.5, 2]
    assert [line["psnr_y/training"] for line in lines(tmp_path, "validation")] == [24, 23, 26]
    [alarm] = lines(tmp_path, "alarm")
    assert (alarm["alarm"], alarm["step"], alarm["where"]) == ("gap", 3, "psnr_y")
    assert "widened by 1.50" in alarm["said"]


def test_the_log_holds_the_interval(targets: Path, tmp_path: Path) -> None:
    train(super_resolution(targets, "validation.folder=[{ pictures = '-2:' }]"), tmp_path)
    for line in lines(tmp_path, "validation"):
        assert line["psnr_y/low"] <= line["psnr_y"] <= line["psnr_y/high"]
        assert line["psnr_y/low"] < line["psnr_y/high"]


def test_one_picture_has_no_interval(targets: Path, tmp_path: Path) -> None:
    train(super_resolution(targets, "validation.folder=[{ pictures = '-1:' }]"), tmp_path)
    for line in lines(tmp_path, "validation"):
        assert "psnr_y" in line
        assert not {"psnr_y/low", "psnr_y/high"} & line.keys()


@pytest.mark.parametrize(("side", "measured"), [(19, False), (20, True)])
def test_a_picture_too_small_to_measure_is_told_before_the_first_step(
    tmp_path: Path, side: int, measured: bool
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    write_pictures(data, {**pictures(), "z.png": window("astronaut", side, 64)})
    recipe = super_resolution(data)
    if measured:
        train(recipe, run)
        return
    with pytest.raises(DataError, match=r"z\.png: is 64x19; .* 20x20 or larger: leave it out of"):
        train(recipe, run)
    assert not (run / "last").exists()
