"""A stack that moves pixels is held against its file on pictures smooth enough to compare."""

from pathlib import Path

import numpy as np

from export.convert import export_stack
from export.verify import MOVED, TOLERANCE, draw_picture
from tests.export import small
from tests.stacks.test_move import RECIPE

STEEP = 2
"""Makes a generator answer strongly: what is moved far, by a little more or less, differs."""


def test_random_pictures_of_a_grain_are_smooth_and_reach_beyond_black_and_white() -> None:
    drawn = draw_picture(np.random.default_rng(0), (2, 3, 97, 61), MOVED)
    assert drawn.shape == (2, 3, 97, 61)
    assert drawn.dtype == np.float32
    assert drawn.min() < 0
    assert drawn.max() > 1
    for axis in (2, 3):
        # Colors lie within 1.2 of each other, and as many pixels apart as told.
        assert np.abs(np.diff(drawn, axis=axis)).max() < 1.3 / MOVED
    assert draw_picture(np.random.default_rng(0), (1, 1, 1, 3), MOVED).shape == (1, 1, 1, 3)
    # Without a grain every pixel has a color of its own.
    assert np.abs(np.diff(draw_picture(np.random.default_rng(0), (1, 1, 9, 9), 1))).max() > 0.5


def test_pixels_that_move_far_are_no_hindrance(tmp_path: Path) -> None:
    stack = small.make(RECIPE)
    for weights in stack.generator("move").parameters():
        weights.data *= STEEP
    exported = export_stack(small.saved(stack, tmp_path), tmp_path / "move.onnx")
    assert exported.difference <= TOLERANCE
