"""What is found out of the networks of a run before its first step."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.checks import reductions
from stacks.data import phase_sampler, training_groups
from stacks.recipe import parse_recipe
from stacks.run import Run, launch
from tests.stacks.test_every_preset import shrunk
from tests.stacks.tiny import super_resolution
from translate.tables import TableError

SHOWN = "stage.0.discriminator="


@pytest.mark.parametrize(
    ("discriminator", "size"),
    [
        ("{ kind = 'patch', layers = 6 }", "32x32"),
        ("{ kind = 'multiscale', scales = 4 }", "32x32"),
        ("{ kind = 'dcgan', size = 64 }", "32x32"),
    ],
)
def test_a_discriminator_that_takes_no_such_pictures_is_refused(
    targets: Path, discriminator: str, size: str
) -> None:
    # The first stage writes half of a target of 64x64.
    recipe = super_resolution(targets, SHOWN + discriminator, "degrade.choices=['bicubic:4']",
                              "degrade.shares=[]")  # fmt: skip
    with pytest.raises(
        TableError, match=rf"^stage\[0\]\.discriminator: takes no pictures of {size}, which phase"
    ) as error:
        Run(recipe, launch(recipe))
    assert "\n" not in str(error.value)


def test_a_discriminator_of_no_phase_may_be_of_any_size(targets: Path) -> None:
    recipe = super_resolution(targets, SHOWN + "{ kind = 'dcgan', size = 128 }", "phase.1.steps=0")
    Run(recipe, launch(recipe))


def test_targets_are_reduced_for_the_stages_that_write_less(targets: Path) -> None:
    recipe = super_resolution(targets)
    run = Run(recipe, launch(recipe))
    # x2 of a batch at x4; of one at x2 it writes the target itself.
    assert reductions(recipe, run.stack) == {2}
    [sampler, *_] = [
        phase_sampler(recipe, training_groups(recipe), phase) for phase in recipe.phase
    ]
    whole = dict(drawn(sampler, step) for step in range(12))
    sampler.reductions = reductions(recipe, run.stack)
    less = dict(drawn(sampler, step) for step in range(12))
    assert whole[4] - less[4] == {"down4:target"}
    assert whole[2] == less[2]


def drawn(sampler, step: int) -> tuple[int, set[str]]:
    batch = sampler(step)
    return batch.scale, set(batch.views)


@pytest.mark.parametrize(
    ("preset", "reduced"), [("dcgan", set()), ("style-hands", set()), ("lapgan", {2, 4, 8})]
)
def test_a_stack_from_noise_reduces_what_its_levels_are_held_against(
    tmp_path: Path, preset: str, reduced: set[int]
) -> None:
    recipe = shrunk(preset, tmp_path)
    assert reductions(recipe, Run(recipe, launch(recipe)).stack) == reduced


@pytest.mark.parametrize("kind", ["degraded", "noise"])
def test_a_width_of_crops_that_are_squares_is_refused(targets: Path, kind: str) -> None:
    if kind == "degraded":
        with pytest.raises(TableError, match=r"^data\.width: crops that are degraded are squares"):
            super_resolution(targets, "data.width=32", "data.fit=resize")
        return
    noise = """
    name = "noise"
    [data]
    layout = "targets"
    size = 32
    width = 64
    fit = "resize"
    views = { noise = "noise:4", target = "rgb" }
    [[stage]]
    name = "draw"
    reads = ["noise"]
    generator = { kind = "dcgan", size = 32, channels = 8 }
    [[phase]]
    train = ["draw"]
    adversarial = false
    steps = 1
    """
    with pytest.raises(TableError, match=r"^data\.width: pictures from noise are squares"):
        parse_recipe(noise)
