"""Every recipe that comes with the project: it parses, builds and runs."""

import pytest
import torch

from stacks.cost import macs, parameters
from stacks.recipe import load_recipe, parse_recipe, preset_names, recipe_text
from stacks.stack import Stack
from translate.degrade import parse_degradation
from translate.layers.resampling import pad_to_multiple

PRESETS = preset_names()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_what_it_is(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.description.endswith(".")
    assert recipe.validation.folder, "what ships is chosen on held-out pictures"
    assert parse_recipe(recipe_text(recipe)) == recipe


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_builds_its_stack(name: str) -> None:
    recipe = load_recipe(name)
    torch.manual_seed(0)
    stack = Stack(recipe).eval()
    scales = {parse_degradation(text).scale for text in recipe.degrade.choices}
    source = torch.rand(1, 3, 13, 10)
    views = {"source": pad_to_multiple(source, stack.multiple)}
    if "strength" in stack.inputs:
        views["strength"] = torch.tensor([25.0])
    with torch.inference_mode():
        written = stack(views)
    pictures = [stage.writes for stage in recipe.stage]
    assert list(written)[-1] == pictures[-1], "the last view comes last"
    assert stack.views[pictures[-1]].scale == max(scales)
    for view in pictures:
        height, width = (side * stack.views[view].scale for side in views["source"].shape[2:])
        assert written[view].shape[2:] == (height, width)
        assert torch.isfinite(written[view]).all()


def test_the_cost_of_super_resolution() -> None:
    # 45 GMACs for a 1280x720 result of x4 is what the shipped models may cost.
    stack = Stack(load_recipe("photo-sr"))
    assert macs(stack, 180, 320) <= 45e9
    crisp = Stack(load_recipe("photo-sr-crisp"))
    assert parameters(crisp) == parameters(stack), "the crisp one is the same network"
    assert list(crisp.state_dict()) == list(stack.state_dict()), "and can start from its weights"


def test_the_cost_of_denoising() -> None:
    assert macs(Stack(load_recipe("photo-denoise")), 512, 512) <= 80e9


def test_costs_by_hand() -> None:
    text = """
    name = "a"
    [data]
    layout = "targets"
    views = { target = "rgb" }
    [degrade]
    choices = ["bicubic:2"]
    [[stage]]
    name = "s"
    writes = "x2"
    join = "add"
    generator = { kind = "pyramid", channels = 8, blocks = 1 }
    [[phase]]
    train = ["s"]
    steps = 1
    """
    stack = Stack(parse_recipe(text))
    # enter 3 -> 8, two of the block 8 -> 8, leave 8 -> 3 * 2 * 2, all 3x3, with biases.
    assert parameters(stack) == (9 * 3 * 8 + 8) + 2 * (9 * 8 * 8 + 8) + (9 * 8 * 12 + 12)
    assert macs(stack, 5, 7) == 5 * 7 * 9 * (3 * 8 + 2 * 8 * 8 + 8 * 12)
