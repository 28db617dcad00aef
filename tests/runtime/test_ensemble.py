"""The mean over turns and mirror images, against pixels that are found by hand."""

import pickle
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from export.runtime import Cancelled, InputError, Translator
from tests.photographs import window
from tests.runtime import models

MODELS = Path(__file__).resolve().parents[2] / "models"

BOTH = "[augment]\nflip = true\nturn = true\n"


def neighbour(picture: np.ndarray, down: int, right: int) -> np.ndarray:
    """Of each pixel, the one so far from it; beyond the edge 0."""
    framed = np.pad(picture, [(1, 1), (1, 1), (0, 0)])
    height, width = picture.shape[:2]
    return framed[1 + down : 1 + down + height, 1 + right : 1 + right + width]


LEFT, RIGHT, ABOVE, BELOW = (0, -1), (0, 1), (-1, 0), (1, 0)


@pytest.mark.parametrize(
    ("recipe", "seen"),
    [
        (BOTH, [LEFT, RIGHT, ABOVE, BELOW]),
        ("[augment]\nturn = true\nflip = false\n", [LEFT, RIGHT, ABOVE, BELOW]),
        ("[augment]\nflip = true\nturn = false\n", [LEFT, RIGHT]),
    ],
)
def test_the_mean_over_the_positions(
    tmp_path: Path, recipe: str, seen: list[tuple[int, int]]
) -> None:
    picture = np.random.default_rng(0).random((5, 8, 3), np.float32)
    translator = Translator(models.leaner(tmp_path / "a.onnx", recipe), "cpu", self_ensemble=True)
    expected = np.mean([neighbour(picture, *where) for where in seen], axis=0)
    np.testing.assert_allclose(translator(picture), expected, atol=1e-6)


@pytest.mark.parametrize("multiple", [2, 4])
@pytest.mark.parametrize("size", [(97, 64), (90, 131), (101, 203), (7, 150)])
def test_tiles_and_the_whole_have_the_same_mean(
    tmp_path: Path, multiple: int, size: tuple[int, int]
) -> None:
    path = models.with_recipe(models.upscaler(tmp_path / "a.onnx", multiple), BOTH)
    tiled, whole = (
        Translator(path, "cpu", threads=1, memory=memory, self_ensemble=True)
        for memory in (1, 1 << 40)
    )
    picture = np.random.default_rng(1).random((*size, 3), np.float32)
    assert len(tiled.plan(*size).tiles) > 1
    assert len(whole.plan(*size).tiles) == 1
    first, second = tiled.run({"image": picture}), whole.run({"image": picture})
    for name, scale in (("x4", 4), ("x2", 2)):
        assert first[name].shape == (scale * size[0], scale * size[1], 3)
        np.testing.assert_allclose(first[name], second[name], atol=1e-5)
    # This network answers otherwise when it is turned.
    alone = Translator(path, "cpu", threads=1)(picture)
    assert np.abs(alone - first["x4"]).max() > 0.01


def test_pictures_of_the_mean_are_the_mean_of_pictures(tmp_path: Path) -> None:
    path = models.with_recipe(models.upscaler(tmp_path / "a.onnx", 4), BOTH)
    alone, ensemble = Translator(path, "cpu"), Translator(path, "cpu", self_ensemble=True)
    # Sides that the network takes as they are: turned, they lie on its grid all the same.
    picture = np.random.default_rng(2).random((12, 20, 3), np.float32)
    turned = [np.rot90(picture, turns) for turns in range(4)]
    back = [np.rot90(alone(one), -turns) for turns, one in enumerate(turned)]
    back += [np.rot90(alone(one[:, ::-1])[:, ::-1], -turns) for turns, one in enumerate(turned)]
    np.testing.assert_allclose(ensemble(picture), np.mean(back, axis=0), atol=1e-5)


@pytest.mark.parametrize(
    ("make", "recipe", "why"),
    [
        (models.enlarger, "", "its recipe names no turns or mirror images"),
        (models.enlarger, "[augment]\nflip = false\n", "its recipe names no turns"),
        (models.enlarger, "no = recipe = at all", "its recipe names no turns"),
        (models.enlarger, "augment = 7", "its recipe names no turns"),
        (models.enlarger, "deep = " + "[" * 3000, "its recipe names no turns"),
        (models.enlarger, "long = " + "1" * 5000, "its recipe names no turns"),
        (models.pointer, BOTH, "'points' (keypoints) would not turn with a picture"),
        (models.adder, BOTH, "of 'same layout' (labels) there is no mean"),
        (
            partial(models.adder, names=("none", "left hand", "right hand", "both")),
            BOTH,
            "a mirrored picture has no 'left hand' where 'kind' does",
        ),
        (models.dreamer, BOTH, "it reads no picture"),
    ],
)
def test_who_has_none(tmp_path: Path, make: Callable[[Path], Path], recipe: str, why: str) -> None:
    path = models.with_recipe(make(tmp_path / "a.onnx"), recipe)
    with pytest.raises(InputError, match=re.escape(f"has no self-ensemble: {why}")):
        Translator(path, "cpu", self_ensemble=True)


def test_every_position_of_every_tile_is_a_step(tmp_path: Path) -> None:
    path = models.with_recipe(models.upscaler(tmp_path / "a.onnx", 4), BOTH)
    translator = Translator(path, "cpu", threads=1, memory=1, self_ensemble=True)
    picture = np.zeros((90, 60, 3), np.float32)
    steps = 8 * len(translator.plan(90, 60).tiles)
    seen: list[tuple[int, int]] = []
    translator(picture, progress=lambda *told: seen.append(told))
    assert seen == [(done, steps) for done in range(steps + 1)]
    # A function is asked before each of them.
    asked: list[bool] = []
    with pytest.raises(Cancelled):
        translator(picture, cancel=lambda: asked.append(True) or len(asked) == 3)
    assert len(asked) == 3


def test_a_denoiser_that_ships_comes_nearer_to_the_truth() -> None:
    truth = window("astronaut", 91, 133)
    noise = np.random.default_rng(0).normal(0, 50 / 255, truth.shape)
    noisy = (truth / 255 + noise).astype(np.float32)

    def error(self_ensemble: bool) -> float:
        translator = Translator(MODELS / "photo-denoise.onnx", "cpu", self_ensemble=self_ensemble)
        return float(np.square(translator(noisy) - truth / 255).mean())

    assert error(True) < 0.995 * error(False)


def test_labels_are_moved_along() -> None:
    translator = Translator(MODELS / "facade-photo.onnx", "cpu", self_ensemble=True)
    alone = Translator(translator.path, "cpu")
    ids = np.random.default_rng(1).integers(0, 12, (64, 128))
    found = translator.run({"source": ids}, seed=2)["target"]
    mirrored = alone.run({"source": ids[:, ::-1]}, seed=2)["target"][:, ::-1]
    upright = alone.run({"source": ids}, seed=2)["target"]
    assert np.abs(upright.astype(int) - mirrored).max() > 10
    assert np.abs(found - (upright.astype(float) + mirrored) / 2).max() <= 1


def test_only_a_square_frame_is_turned(tmp_path: Path) -> None:
    path = models.leaner(tmp_path / "a.onnx", BOTH, tiling="fixed", size=(4, 6))
    picture = np.random.default_rng(3).random((4, 6, 3), np.float32)
    found = Translator(path, "cpu", self_ensemble=True)(picture)
    expected = (neighbour(picture, *LEFT) + neighbour(picture, *RIGHT)) / 2
    np.testing.assert_allclose(found, expected, atol=1e-6)
    square = models.leaner(tmp_path / "b.onnx", BOTH, tiling="fixed", size=5)
    picture = np.random.default_rng(3).random((5, 5, 3), np.float32)
    expected = np.mean([neighbour(picture, *one) for one in (LEFT, RIGHT, ABOVE, BELOW)], axis=0)
    found = Translator(square, "cpu", self_ensemble=True)(picture)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_it_goes_along_to_another_process(tmp_path: Path) -> None:
    translator = Translator(models.leaner(tmp_path / "a.onnx", BOTH), "cpu", self_ensemble=True)
    copy = pickle.loads(pickle.dumps(translator))
    picture = np.random.default_rng(4).random((5, 5, 3), np.float32)
    assert np.array_equal(copy(picture), translator(picture))
    assert not np.array_equal(Translator(translator.path, "cpu")(picture), copy(picture))
    assert repr(copy).endswith("provider='CPU', self_ensemble=True)")
