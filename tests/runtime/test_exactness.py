"""Tiled and untiled results are the same; where the halo is too small, they are not."""

from pathlib import Path

import numpy as np
import pytest

from export.runtime import Translator
from tests.runtime import models


def pair(folder: Path, multiple: int, halo: int | None = None) -> tuple[Translator, Translator]:
    """The same network cut into the smallest tiles, and untiled."""
    tiled = models.upscaler(folder / "tiled.onnx", multiple, halo)
    untiled = models.upscaler(folder / "untiled.onnx", multiple, tiling="whole")
    return (
        Translator(tiled, providers="cpu", threads=1, memory=1),
        Translator(untiled, providers="cpu", threads=1),
    )


def differences(tiled: Translator, untiled: Translator, height: int, width: int) -> list[float]:
    array = np.random.default_rng(height).random((height, width, 3), np.float32)
    first, second = tiled.run({"image": array}), untiled.run({"image": array})
    assert first["x4"].shape == (4 * height, 4 * width, 3)
    assert first["x2"].shape == (2 * height, 2 * width, 3)
    assert len(tiled.plan(height, width).tiles) > 1
    return [float(np.abs(first[name] - second[name]).max()) for name in ("x4", "x2")]


@pytest.mark.parametrize("multiple", [2, 4])
@pytest.mark.parametrize("size", [(97, 64), (90, 131), (101, 203), (7, 150), (90, 3)])
def test_tiling_changes_nothing(tmp_path: Path, multiple: int, size: tuple[int, int]):
    tiled, untiled = pair(tmp_path, multiple)
    assert max(differences(tiled, untiled, *size)) < 1e-5


@pytest.mark.parametrize("multiple", [2, 4])
def test_a_halo_too_small_is_seen(tmp_path: Path, multiple: int):
    tiled, untiled = pair(tmp_path, multiple, halo=multiple)
    assert max(differences(tiled, untiled, 97, 131)) > 1e-2


def test_eight_bit_results_are_the_same_to_the_last_bit_but_one(tmp_path: Path):
    tiled, untiled = pair(tmp_path, 4)
    array = np.random.default_rng(5).integers(0, 256, (83, 121, 3), np.uint8)
    steps = np.abs(tiled(array).astype(int) - untiled(array).astype(int))
    assert steps.max() <= 1
