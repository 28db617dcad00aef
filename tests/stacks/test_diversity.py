"""Whether outputs follow the noise that a stack reads."""

import torch

from stacks.diversity import over_noises
from stacks.recipe import parse_recipe
from stacks.stack import Stack

# The second stage reads noise; the first does not, the third what the second wrote.
RECIPE = """
schema = 1
name = "three"
[data]
layout = "views"
views = { source = "rgb", noise = "noise:2", layout = "gray", target = "rgb" }
size = 16
[[stage]]
name = "parse"
writes = "layout"
truth = "layout"
generator = { kind = "pix2pix", channels = 2, depth = 2 }
objective = { generator = { l1 = 1 } }
[[stage]]
name = "draw"
reads = ["layout", "noise"]
writes = "drawn"
generator = { kind = "pix2pix", channels = 2, depth = 2 }
objective = { generator = { l1 = 1 } }
[[stage]]
name = "paint"
reads = ["drawn"]
generator = { kind = "pix2pix", channels = 2, depth = 2 }
objective = { generator = { l1 = 1 } }
[[phase]]
train = ["parse", "draw", "paint"]
steps = 1
"""


def test_views_that_no_noise_reaches_are_not_asked_to_follow_it() -> None:
    torch.manual_seed(0)
    stack = Stack(parse_recipe(RECIPE)).eval()
    views = {"source": torch.rand(1, 3, 16, 16), "noise": torch.randn(1, 2, 1, 1)}
    distances = over_noises(stack, views, seed=0)
    assert set(distances) == {"drawn", "target"}
    assert all(distance > 0 for distance in distances.values())


def test_a_stack_without_noise_has_nothing_to_follow() -> None:
    quiet = RECIPE.replace(', noise = "noise:2"', "").replace('"layout", "noise"', '"layout"')
    stack = Stack(parse_recipe(quiet)).eval()
    assert over_noises(stack, {"source": torch.rand(1, 3, 16, 16)}, seed=0) == {}
