"""Every recipe that comes with the project: it parses, builds and runs."""

import pytest
import torch

from stacks.feeds import random_inputs
from stacks.presets import preset_names
from stacks.recipe import load_recipe, parse_recipe, recipe_text
from stacks.stack import Stack
from translate.degrade import parse_degradation

PRESETS = preset_names()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_what_it_is(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.description.endswith(".")
    assert recipe.license == "Apache-2.0"
    if recipe.degrade.choices:
        assert recipe.validation.folder, "what restores is chosen on held-out pictures"
    assert parse_recipe(recipe_text(recipe)) == recipe


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_builds_its_stack(name: str) -> None:
    recipe = load_recipe(name)
    torch.manual_seed(0)
    stack = Stack(recipe).eval()
    side = 1 if recipe.points else stack.multiple * 2
    views = random_inputs(stack, 1, side, side)
    with torch.inference_mode():
        written = stack(views, stack.shipped)
    pictures = [stack.stages[name].spec.writes for name in stack.shipped]
    assert [view for view in written if view in pictures] == pictures, "the last view comes last"
    # The largest reduction is undone; a picture from noise has the size of those it learned from.
    scales = {parse_degradation(text).scale for text in recipe.degrade.choices} or {1}
    scale = recipe.data.size if recipe.points else max(scales)
    assert stack.views[pictures[-1]].scale == scale
    for view in pictures:
        assert written[view].shape[2:] == (side * stack.views[view].scale,) * 2
        assert torch.isfinite(written[view]).all()


def test_the_crisp_preset_can_start_from_the_faithful_one() -> None:
    faithful, crisp = Stack(load_recipe("photo-sr")), Stack(load_recipe("photo-sr-crisp"))
    shapes = [
        {name: tensor.shape for name, tensor in stack.state_dict().items()}
        for stack in (faithful, crisp)
    ]
    assert shapes[0] == shapes[1]
