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


def test_a_stack_from_noise_makes_one_picture_of_its_own_size() -> None:
    recipe = """
    name = "eight"
    [data]
    layout = "targets"
    views = { noise = "noise:3", target = "rgb" }
    size = 8
    [[stage]]
    name = "eight"
    reads = ["noise"]
    generator = { kind = "progressive", size = 8, channels = 4 }
    [[phase]]
    train = ["eight"]
    steps = 1
    """
    # A dense layer to 4 maps of 4x4, a convolution there, two on 8x8, and a layer of 1x1 to rgb.
    wanted = 3 * 4 * 16 + 4 * 4 * 9 * 16 + 2 * 4 * 4 * 9 * 64 + 4 * 3 * 64
    assert macs(Stack(parse_recipe(recipe)), 256, 256) == wanted
    assert macs(Stack(parse_recipe(recipe)), 16, 16) == wanted
