"""`pixstack run`: what it writes, what it prints, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from export.manifest import MANIFEST_KEY, Input, Manifest, Output
from export.runtime import Translator
from pixstack.errors import WrongUse
from pixstack.inputs import defaults_used, parse_inputs
from tests.doors.bad_files import WORDS, write_bad_files
from tests.doors.conftest import Answer
from tests.doors.standins import write_denoise, write_super_resolution
from tests.doors.translations import LABELS, write_dream, write_facade

Call = Callable[..., Answer]


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def files_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_one_picture_to_one_file(pixstack: Call, models: Path, photo: Path, tmp_path: Path) -> None:
    target = tmp_path / "large.png"
    answer = pixstack("run", "photo-sr", photo, "-o", target)
    assert (answer.code, answer.err) == (0, "")
    # The stand-in repeats every pixel four times along both sides.
    assert np.array_equal(pixels(target), pixels(photo).repeat(4, 0).repeat(4, 1))
    assert answer.out.startswith(f"{target}  60x40 -> 240x160  ")
    assert answer.out.rstrip().endswith(Translator(models / "photo-sr.onnx").provider)


def test_another_output_and_another_format(pixstack: Call, photo: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "double.tif"
    assert pixstack("run", "photo-sr", photo, "-o", target, "--output", "x2").code == 0
    assert np.array_equal(pixels(target), pixels(photo).repeat(2, 0).repeat(2, 1))


def test_a_further_input_reaches_the_model(pixstack: Call, photo: Path, tmp_path: Path) -> None:
    none, full = tmp_path / "none.png", tmp_path / "full.png"
    model = ("run", "photo-denoise", photo)
    assert pixstack(*model, "-o", none, "--input", "strength=0").code == 0
    assert pixstack(*model, "-o", full, "--input", "strength=25").code == 0
    assert np.array_equal(pixels(none), pixels(photo))
    inner = pixels(photo).astype(float)[:3, :3].mean((0, 1))
    assert np.abs(pixels(full)[1, 1] - inner).max() <= 0.5


def test_a_folder_of_pictures_to_a_folder(
    pixstack: Call, models: Path, photo: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    Image.open(photo).save(source / "a.jpg")
    Image.open(photo).save(source / "b.PNG")
    (source / "notes.txt").write_text("no picture")
    target = tmp_path / "out"
    answer = pixstack("run", "photo-denoise", source, "-o", target, "--json", "-")
    assert answer.code == 0
    assert files_under(target) == ["a.png", "b.png"]
    rows = json.loads(answer.out)
    assert [Path(row["target"]).name for row in rows] == ["a.png", "b.png"]
    assert rows[0]["width"] == rows[0]["result_width"] == 60
    assert rows[0]["height"] == rows[0]["result_height"] == 40
    assert rows[0]["provider"] == Translator(models / "photo-denoise.onnx").provider
    assert rows[0]["seconds"] >= 0


def test_one_broken_file_does_not_cost_the_others(
    pixstack: Call, photo: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_text("no picture")
    target = tmp_path / "out"
    answer = pixstack("run", "photo-sr", broken, photo, "-o", target)
    assert answer.code == 1
    assert files_under(target) == ["photo.png"]
    assert len(answer.error_lines) == 2
    assert answer.error_lines[-1] == "error: 1 of 2 pictures failed"


def test_turned_photographs_come_out_upright(pixstack: Call, photo: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned = tmp_path / "turned.jpg"
    Image.open(photo).save(turned, exif=exif)
    answer = pixstack("run", "photo-sr", turned, "-o", tmp_path / "up.png")
    assert "40x60 -> 160x240" in answer.out
    assert Image.open(tmp_path / "up.png").size == (160, 240)


@pytest.mark.parametrize("name", WORDS)
def test_bad_pictures_get_one_line_and_leave_nothing(
    name: str, pixstack: Call, tmp_path: Path
) -> None:
    bad = write_bad_files(tmp_path / "bad")[name]
    (tmp_path / "out").mkdir()
    answer = pixstack("run", "photo-sr", bad, "-o", tmp_path / "out" / "result.png")
    assert answer.code == 1
    assert len(answer.error_lines) == 1
    assert WORDS[name] in answer.err
    assert name in answer.err
    assert files_under(tmp_path / "out") == []


def test_a_single_pixel_is_a_picture(pixstack: Call, tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (9, 8, 7)).save(tmp_path / "dot.png")
    assert pixstack("run", "photo-sr", tmp_path / "dot.png", "-o", tmp_path / "out.png").code == 0
    assert np.array_equal(pixels(tmp_path / "out.png"), np.full((4, 4, 3), (9, 8, 7)))


def test_too_small_a_picture_is_told_the_least_size(
    pixstack: Call, models: Path, tmp_path: Path
) -> None:
    model = onnx.load(models / "photo-sr.onnx")
    manifest = json.loads({prop.key: prop.value for prop in model.metadata_props}[MANIFEST_KEY])
    onnx.helper.set_model_props(model, {MANIFEST_KEY: json.dumps(manifest | {"min_size": 8})})
    onnx.save(model, tmp_path / "eight.onnx")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    answer = pixstack(
        "run", tmp_path / "eight.onnx", tmp_path / "dot.png", "-o", tmp_path / "o.png"
    )
    assert answer.code == 1
    assert "8x8" in answer.err
    assert not (tmp_path / "o.png").exists()


def test_a_model_without_a_manifest_is_refused(
    pixstack: Call, models: Path, photo: Path, tmp_path: Path
) -> None:
    model = onnx.load(models / "photo-sr.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    answer = pixstack("run", tmp_path / "bare.onnx", photo, "-o", tmp_path / "o.png")
    assert (answer.code, len(answer.error_lines)) == (1, 1)
    assert "manifest" in answer.err
    assert not (tmp_path / "o.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "nothing", "PHOTO", "-o", "OUT.png"], 1, "known: photo-denoise, photo-sr"),
        (["run", "photo-sr", "MISSING", "-o", "OUT.png"], 1, "no such file or folder"),
        (["run", "photo-sr", "EMPTY", "-o", "OUT"], 1, "no pictures"),
        (["run", "photo-sr", "PHOTO", "-o", "PHOTO"], 2, "overwrite"),
        (["run", "photo-sr", "PHOTO", "-o", "."], 2, "overwrite"),
        (["run", "photo-sr", "PHOTO", "PHOTO", "-o", "OUT"], 2, "both become"),
        (["run", "photo-sr", "PHOTO", "OTHER", "-o", "OUT.png"], 2, "need a folder"),
        (["run", "photo-sr", "PHOTO", "-o", "OUT"], 2, "OUT.png"),
        (["run", "photo-sr", "PHOTO", "-o", "OUT.xyz"], 2, ".png"),
        (["run", "photo-sr", "PHOTO", "-o", "OUT.png", "--output", "x3"], 2, "x4, x2"),
        (["run", "photo-sr", "PHOTO", "-o", "OUT.png", "--input", "strength=1"], 2, "source"),
        (["run", "photo-denoise", "PHOTO", "-o", "OUT.png", "--input", "x"], 2, "NAME=VALUE"),
        (["run", "photo-denoise", "PHOTO", "-o", "OUT.png", "--input", "strength=x"], 2, "number"),
        (["run", "photo-denoise", "PHOTO", "-o", "OUT.png", "--input", "strength=99"], 2, "75"),
        (["run", "photo-sr", "PHOTO", "-o", "OUT.png", "--provider", "abacus"], 2, "abacus"),
        (["run", "photo-sr", "PHOTO", "-o", "OUT.png", "--models", "MISSING"], 1, "--models"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_told_before_anything_is_written(
    arguments: list[str],
    code: int,
    words: str,
    pixstack: Call,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").mkdir()
    shutil.copy(photo, tmp_path / "OTHER.png")
    before = {name: (tmp_path / name).read_bytes() for name in files_under(tmp_path)}
    names = {"PHOTO": "photo.png", "OTHER": "OTHER.png"}
    answer = pixstack(*(names.get(argument, argument) for argument in arguments))
    assert answer.code == code, answer.err
    assert len(answer.error_lines) == 1
    assert words in answer.err
    assert {name: (tmp_path / name).read_bytes() for name in files_under(tmp_path)} == before


def test_what_was_not_asked_for_is_said(pixstack: Call, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    answer = pixstack("run", "photo-denoise", photo, "-o", folder / "a.png")
    assert answer.code == 0
    assert answer.error_lines == [
        f"note: made the folder {folder}",
        "note: by default strength=automatic; --input NAME=VALUE sets another",
    ]
    asked = pixstack("run", "photo-denoise", photo, "-o", folder / "b.png", "--input", "strength=5")
    assert asked.err == ""


def test_the_defaults_of_every_kind_of_input() -> None:
    manifest = Manifest(
        name="all",
        task="pose",
        inputs=(
            Input("source", "rgb"),
            Input("gesture", "class:3", default=1, names=("fist", "palm", "one")),
            Input("kind", "class:4"),
            Input("turn", "angle", default=45),
            Input("strength", "strength", default=12.5, range=(0, 75)),
            Input("shades", "colors:2"),
            Input("style", "noise"),
        ),
        outputs=(Output("target", "rgb"),),
    )
    assert defaults_used(manifest, {}) == [
        "gesture=palm", "kind=0", "turn=45", "strength=12.5", "shades=automatic",
        "style=drawn by --seed",
    ]  # fmt: skip
    assert defaults_used(manifest, {"gesture": "fist", "kind": "3"})[0] == "turn=45"
    for setting in ("gesture=paw", "gesture=3", "kind=4", "shades=red", "strength=99"):
        with pytest.raises(WrongUse, match=f"input '{setting.partition('=')[0]}'.*expected"):
            parse_inputs([setting], manifest)


def test_models_that_draw_from_noise_draw_from_seeds(pixstack: Call, tmp_path: Path) -> None:
    write_dream(tmp_path / "dream.onnx")
    dream = tmp_path / "dream.onnx"

    def color(path: Path) -> list[int]:
        pixels = np.asarray(Image.open(path))
        assert pixels.shape == (4, 4, 3)
        assert (pixels == pixels[0, 0]).all()
        return pixels[0, 0].tolist()

    one = pixstack("run", dream, "-o", tmp_path / "one.png", "--seed", "7")
    assert one.code == 0, one.err
    assert "one.png  seed 7: 4x4  " in one.out
    assert one.err == (
        "note: by default noise=drawn by --seed, kind=dim; --input NAME=VALUE sets another\n"
    )
    many = pixstack("run", dream, "-o", tmp_path / "many", "--count", "3", "--seed", "6")
    assert many.code == 0
    assert files_under(tmp_path / "many") == ["6.png", "7.png", "8.png"]
    colors = [color(tmp_path / "many" / f"{seed}.png") for seed in (6, 7, 8)]
    assert len({tuple(one) for one in colors}) == 3
    assert color(tmp_path / "one.png") == colors[1]
    told = ("run", dream, "-o", tmp_path / "lit.png", "--seed", "7", "--input", "kind=lit")
    assert pixstack(*told).code == 0
    brighter = np.subtract(color(tmp_path / "lit.png"), colors[1])
    # Half of 255 more where neither end of the range was met.
    assert set(brighter[(brighter > 0) & (brighter < 127)]) | {127, 128} >= set(brighter)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "dream.onnx", "PHOTO", "-o", "OUT.png"], "leave photo.png out (--seed draws"),
        (["run", "photo-sr", "-o", "OUT.png"], "photo-sr translates pictures; name some"),
        (["run", "photo-sr", "PHOTO", "-o", "OUT.png", "--count", "2"], "--count: is of models"),
        (["run", "dream.onnx", "-o", "OUT"], "OUT: name a file such as OUT.png"),
        (["run", "dream.onnx", "-o", "OUT.png", "--count", "2"], "2 pictures need a folder"),
        (["run", "dream.onnx", "-o", "plain", "--count", "2"], "plain: this is a file; name a"),
    ],
)
def test_pictures_and_seeds_are_each_for_their_models(
    arguments: list[str],
    words: str,
    pixstack: Call,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_dream(tmp_path / "dream.onnx")
    (tmp_path / "plain").touch()
    monkeypatch.chdir(tmp_path)
    before = files_under(tmp_path)
    answer = pixstack(*("photo.png" if one == "PHOTO" else one for one in arguments))
    assert (answer.code, len(answer.error_lines)) == (2, 1)
    assert words in answer.err
    assert files_under(tmp_path) == before


def test_a_seed_draws_the_noise_beside_a_picture(pixstack: Call, tmp_path: Path) -> None:
    write_facade(tmp_path / "facade.onnx")
    labels = np.zeros((8, 8, 3), np.uint8)
    labels[:] = next(iter(LABELS.values()))
    Image.fromarray(labels).save(tmp_path / "labels.png")
    tints: set[bytes] = set()
    for index, seed in enumerate((0, 1, 1)):
        made = tmp_path / f"{index}.tif"
        model = ("run", tmp_path / "facade.onnx", tmp_path / "labels.png", "-o", made)
        assert pixstack(*model, "--seed", seed).code == 0
        tints.add(np.asarray(Image.open(made)).tobytes())
    assert len(tints) == 2


def test_what_fails_in_a_folder_is_named(pixstack: Call, photo: Path, tmp_path: Path) -> None:
    write_super_resolution(tmp_path / "four.onnx", least=4)
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(photo, folder / "fine.png")
    Image.new("RGB", (1, 1)).save(folder / "point.png")
    Image.open(photo).convert("P").save(folder / "still.gif")
    (folder / "note.txt").write_text("no picture")
    answer = pixstack("run", tmp_path / "four.onnx", folder, "-o", tmp_path / "out")
    assert answer.code == 1
    assert answer.error_lines[0].startswith(f"error: {folder / 'point.png'}: ")
    assert answer.error_lines[-1] == "error: 1 of 3 pictures failed"
    assert files_under(tmp_path / "out") == ["fine.png", "still.png"]


def test_a_link_to_the_input_is_the_input(pixstack: Call, photo: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.png"
    link.symlink_to(photo)
    before = photo.read_bytes()
    assert pixstack("run", "photo-denoise", photo, "-o", link).code == 2
    assert photo.read_bytes() == before


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_the_run_with_130_and_leaves_nothing(tmp_path: Path, asked: int) -> None:
    # Slow enough not to end by itself before the signal on a machine that is busy elsewhere.
    write_denoise(tmp_path / "slow.onnx", layers=24)
    values = np.random.default_rng(0).integers(0, 256, (3000, 2000, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "large.png")
    (tmp_path / "out").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "pixstack", "run", "slow.onnx", "large.png", "-o", "out/o.png"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        stderr=subprocess.PIPE,
        text=True,
        # A suite that runs in the background of a shell ignores interrupts, and so would its child.
        preexec_fn=lambda: signal.signal(asked, signal.SIG_DFL),
    )
    # The scratch file of the result is unlinked at once but stays open: the run has begun.
    deadline = time.monotonic() + 60
    while not _writes_into(process.pid, tmp_path / "out") and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be interrupted"
        time.sleep(0.02)
    process.send_signal(asked)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip().splitlines() == ["interrupted"]
    assert files_under(tmp_path / "out") == []


def _writes_into(process: int, folder: Path) -> bool:
    handles = Path(f"/proc/{process}/fd")
    for handle in handles.iterdir() if handles.is_dir() else ():
        try:
            if os.readlink(handle).startswith(str(folder)):
                return True
        except OSError:
            continue
    return False


def test_what_programs_hide_in_a_folder_is_left_alone(
    pixstack: Call, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / ".result.1234.part.png").write_bytes(b"half of it")
    (tmp_path / "folder.png").mkdir()
    answer = pixstack("run", "photo-sr", tmp_path, "-o", tmp_path / "out")
    assert answer.code == 0, answer.err
    assert files_under(tmp_path / "out") == ["photo.png"]


@pytest.mark.parametrize("content", [b"", b"1, 2, 3"])
def test_numbers_that_are_no_npy_file_are_refused(tmp_path: Path, content: bytes) -> None:
    manifest = Manifest(
        name="pose",
        task="pose",
        inputs=(Input("source", "rgb"), Input("points", "keypoints:3")),
        outputs=(Output("target", "rgb"),),
    )
    (tmp_path / "points.npy").write_bytes(content)
    with pytest.raises(WrongUse, match=r"--input points=.*points.npy: expected a .npy file"):
        parse_inputs([f"points={tmp_path / 'points.npy'}"], manifest)


def test_a_model_in_the_working_folder_needs_no_name(
    pixstack: Call, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_super_resolution(tmp_path / "mine.onnx")
    assert pixstack("run", "mine.onnx", "photo.png", "-o", "out.png").code == 0
