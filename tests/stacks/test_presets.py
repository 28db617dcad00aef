"""Every recipe that comes with the project: it parses, builds and runs."""

from pathlib import Path

import pytest
import torch

from stacks.feeds import random_inputs
from stacks.keeper import Due
from stacks.presets import preset_names
from stacks.recipe import load_recipe, parse_recipe, recipe_text
from stacks.run import Run, launch
from stacks.sight import discriminator_channels
from stacks.stack import Stack
from tests.stacks.tiny import super_resolution
from translate.degrade import parse_degradation
from translate.tables import TableError

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


def test_a_discriminator_that_looks_for_the_class_is_shown_it_last() -> None:
    discriminator_channels(Stack(load_recipe("hand-pose")), "draw")
    last = ["stage.0.join='replace'", "stage.0.reads=['gesture', 'source']"]
    for changes, message in (
        (last, "of 10 classes is shown 'source', rgb last"),
        (["stage.0.sees='picture'"], "is shown nothing but the picture last"),
        (["stage.0.presentation.pack=2"], r"leave presentation\.pack out"),
    ):
        with pytest.raises(TableError, match=message):
            discriminator_channels(Stack(load_recipe("hand-pose", changes)), "draw")


def test_a_metric_that_falls_in_adversarial_phases_is_told() -> None:
    played = ["phase.4.steps=100"]
    [conflict] = load_recipe("photo-denoise", played).conflicts()
    assert str(conflict).startswith("validation.metric: got 'psnr_rgb'; it falls in adversarial")
    assert load_recipe("photo-denoise", [*played, "validation.metric=band_error"]).conflicts() == []
    assert load_recipe("photo-denoise").conflicts() == []


def test_devices_meet_where_a_measure_may_end_the_run(targets: Path) -> None:
    rare = [f"{key}=100" for key in ("log.every", "log.checkpoint", "health.every")]
    recipe = super_resolution(targets, "validation.every=7", "phase.0.steps=100", *rare)
    run = Run(recipe, launch(recipe))
    due = Due.after(run, 7)
    assert due.measure
    assert due.look
    assert not Due.after(run, 8).meet
    # Pictures are written there, which may fail.
    assert not Due.after(run, 9).look
    assert Due.after(run, 9).meet


def test_a_stage_begins_with_the_first_phase_that_has_steps_for_it(targets: Path) -> None:
    phases = (
        "phase=[{ train=['x4'], steps=0 }, { train=['x2'], adversarial=false, steps=5 }, "
        "{ train=['x2', 'x4'], steps=2 }]"
    )
    recipe = super_resolution(targets, phases)
    run = Run(recipe, launch(recipe))
    assert (run.first_step(["x2"]), run.first_step(["x4"])) == (0, 5)
    assert run.first_step(["x2"], judged=True) == 5
    assert run.average.names.keys() == {0, 5}
