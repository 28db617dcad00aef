"""Parameters and multiply-accumulates against sums by hand."""

import pytest

from stacks.cost import macs, parameters
from stacks.recipe import load_recipe, parse_recipe
from stacks.stack import Stack

ONE = """
name = "one"
[data]
views = { source = "rgb", target = "rgb" }
[[stage]]
name = "one"
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
[[phase]]
train = ["one"]
steps = 1
"""

# Enter 3 -> 4, block on 4, down 4 -> 6, block on 6, up 6 -> 4, block on 4, leave 4 -> 3.
WEIGHTS = {
    "fine": 3 * 4 * 9 + 2 * (2 * 4 * 4 * 9) + 4 * 3 * 9,
    "coarse": 2 * 6 * 6 * 9,
    "between": 2 * (4 * 6 * 4),
}
BIASES = 4 + 2 * (2 * 4) + 3 + 2 * 6 + 6 + 4


def test_parameters() -> None:
    assert parameters(Stack(parse_recipe(ONE))) == sum(WEIGHTS.values()) + BIASES


@pytest.mark.parametrize(("height", "width", "cells"), [(8, 12, 24), (7, 11, 24), (1, 1, 1)])
def test_macs_are_those_of_the_padded_picture(height: int, width: int, cells: int) -> None:
    # A weight of the fine grid is used at each pixel, one of the coarse grid once a cell of 2x2;
    # a strided convolution of 2x2 uses each weight once a cell, and so does its transpose.
    wanted = 4 * cells * WEIGHTS["fine"] + cells * (WEIGHTS["coarse"] + WEIGHTS["between"])
    assert macs(Stack(parse_recipe(ONE)), height, width) == wanted


def test_shipped_recipes_keep_their_budgets() -> None:
    assert macs(Stack(load_recipe("photo-sr")), 180, 320) <= 45e9
    assert macs(Stack(load_recipe("photo-denoise")), 512, 512) <= 80e9
