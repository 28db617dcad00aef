"""`--self-ensemble`: at the command line, and in what it says of a measure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.doors.conftest import Answer
from tests.runtime.models import leaner

Call = Callable[..., Answer]
FLIPS = "[augment]\nflip = true\n"


def test_a_picture_is_the_mean_over_the_positions(
    pixstack: Call, photo: Path, tmp_path: Path
) -> None:
    model, target = leaner(tmp_path / "leaner.onnx", FLIPS), tmp_path / "mean.png"
    answer = pixstack("run", model, photo, "-o", target, "--self-ensemble")
    assert (answer.code, answer.err) == (0, "")
    # The stand-in moves a picture by a pixel to the right; mirrored, to the left.
    source = np.pad(np.asarray(Image.open(photo)).astype(float), [(0, 0), (1, 1), (0, 0)])
    expected = (source[:, :-2] + source[:, 2:]) / 2
    assert np.abs(np.asarray(Image.open(target)) - expected).max() <= 0.5


def test_a_measure_says_that_it_is_of_the_mean(
    pixstack: Call, targets: Path, tmp_path: Path
) -> None:
    model = leaner(tmp_path / "leaner.onnx", FLIPS)
    measure = ("eval", model, "--targets", targets, "--json", "-")
    alone, mean = pixstack(*measure), pixstack(*measure, "--self-ensemble", "--keep", "mean")
    assert (alone.code, mean.code) == (0, 0), mean.err
    without, found = json.loads(alone.out), json.loads(mean.out)
    assert found["protocol"].pop("self_ensemble") is True
    assert found["protocol"] == without["protocol"]
    assert found["outputs"] != without["outputs"]
    kept = json.loads(pixstack("info", model, "--json", "-").out)["metrics"]["mean"]
    assert kept["protocol"]["self_ensemble"] is True
    assert "by self-ensemble, over 2 pictures" in " ".join(pixstack("info", model).out.split())


def test_who_has_none_is_told(pixstack: Call, photo: Path, targets: Path, tmp_path: Path) -> None:
    target = tmp_path / "mean.png"
    answer = pixstack("run", "photo-sr", photo, "-o", target, "--self-ensemble")
    assert (answer.code, len(answer.error_lines)) == (2, 1)
    assert (
        "--self-ensemble: photo-sr has no self-ensemble: its recipe names no turns or mirror images"
        in answer.err
    )
    assert not target.exists()
    weights = tmp_path / "best.safetensors"
    weights.write_bytes(b"")
    answer = pixstack("eval", weights, "--targets", targets, "--self-ensemble")
    assert (answer.code, len(answer.error_lines)) == (2, 1)
    assert "--self-ensemble: is of .onnx files; export the stack first" in answer.err
