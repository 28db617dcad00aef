"""`pixstack eval --input`: what further inputs may be, and whom they reach."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.doors.conftest import Answer
from tests.photographs import window, write_pictures
from tests.runtime.models import adder

Call = Callable[..., Answer]


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "targets", {"a.png": np.full((12, 16, 3), 100, np.uint8)})


def test_pictures_and_noise_are_given_as_files(
    pixstack: Call, targets: Path, tmp_path: Path
) -> None:
    model = adder(tmp_path / "adder.onnx")
    layout = write_pictures(tmp_path / "further", {"a.png": np.zeros((12, 16), np.uint8)}) / "a.png"
    # The stand-in adds an eighth of the noise: 51 of 255.
    np.save(tmp_path / "noise.npy", np.full((3, 12, 16), 8 * 51 / 255, np.float32))
    given = {
        "layout": str(layout),
        "noise": str(tmp_path / "noise.npy"),
        "kind": "none",
        "strength": "0",
    }
    settings = [f"--input={name}={value}" for name, value in given.items()]
    measure = ("eval", model, "--targets", targets)
    report = tmp_path / "report.json"
    answer = pixstack(*measure, *settings, "--json", report)
    assert answer.code == 0, answer.err
    told = json.loads(report.read_text())
    assert told["protocol"]["inputs"] == given
    expected = 20 * np.log10(255 / 51)
    assert told["outputs"]["result"]["psnr_rgb"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ("layout=small.png", 1, "a: input 'layout' has 8x6 pixels; expected 16x12"),
        ("layout=text.png", 1, "text.png is not a picture"),
        ("image=small.png", 2, "--input image: is what --sources or --degrade bring"),
        ("kind", 2, "--input kind: expected NAME=VALUE"),
    ],
)
def test_inputs_that_do_not_fit(
    pixstack: Call,
    targets: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(write_pictures(tmp_path / "further", {"small.png": np.zeros((6, 8), "u1")}))
    Path("text.png").write_text("no picture")
    answer = pixstack(
        "eval", adder(tmp_path / "adder.onnx"), "--targets", targets, "--input", setting
    )
    assert (answer.code, len(answer.error_lines)) == (code, 1)
    assert said in answer.err


@pytest.mark.parametrize(
    ("name", "side", "said"),
    [
        ("b-x4.png", 3, "share no names ('b-x4', 'a'); each target needs a source of its own name"),
        ("a.png", 24, "were --sources and --targets mixed up?"),
    ],
)
def test_sources_that_are_none_are_told(
    pixstack: Call, targets: Path, tmp_path: Path, name: str, side: int, said: str
) -> None:
    sources = write_pictures(tmp_path / "low", {name: np.zeros((side, side, 3), np.uint8)})
    answer = pixstack(
        "eval", adder(tmp_path / "adder.onnx"), "--targets", targets, "--sources", sources
    )
    assert (answer.code, len(answer.error_lines)) == (1, 1)
    assert said in answer.err


@pytest.mark.parametrize("options", [["--results"], ["--results", "--attention"]])
def test_results_never_take_the_place_of_pictures(
    pixstack: Call, targets: Path, tmp_path: Path, options: list[str]
) -> None:
    before = {path: path.read_bytes() for path in targets.iterdir()}
    folder = targets if len(options) == 1 else tmp_path / "both"
    answer = pixstack(
        "eval", adder(tmp_path / "adder.onnx"), "--targets", targets, "--degrade", "noise:5",
        *(part for option in options for part in (option, folder)),
    )  # fmt: skip
    assert (answer.code, len(answer.error_lines)) == (2, 1)
    said = "would overwrite a.png, which" if len(options) == 1 else "name one folder; give each"
    assert said in answer.err
    assert {path: path.read_bytes() for path in targets.iterdir()} == before


def test_inputs_are_those_of_the_first_model_alone(pixstack: Call, tmp_path: Path) -> None:
    targets = write_pictures(tmp_path / "targets", {"a.png": window("coffee", 24, 24)})

    def measured(model: str, *given: str) -> float:
        answer = pixstack("eval", model, "--targets", targets, *given, "--json", "-")
        assert answer.code == 0, answer.err
        return json.loads(answer.out)["outputs"]["target"]["psnr_rgb"]

    # Told 0, the stand-in changes nothing; left to itself, it takes the mean of 3x3 pixels.
    told = measured("photo-denoise+photo-denoise", "--input", "strength=0")
    assert told == pytest.approx(measured("photo-denoise"), abs=1e-9)
    assert measured("photo-denoise", "--input", "strength=0") == 100
