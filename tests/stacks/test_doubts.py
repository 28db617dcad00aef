"""What recipes say and rarely mean: told with a reason, some of it refused."""

from __future__ import annotations

import pytest

from stacks.presets import preset_text
from stacks.recipe import parse_recipe
from stacks.stack import Stack
from translate.tables import TableError


def said(name: str, *overrides: str) -> list[str]:
    return [str(doubt) for doubt in parse_recipe(preset_text(name), overrides).conflicts()]


@pytest.mark.parametrize("name", ["dcgan", "sagan", "cgan", "style-hands"])
def test_what_is_drawn_from_noise_is_held_against_no_picture(name: str) -> None:
    assert said(name) == []
    (found,) = said(name, 'stage.0.objective={ adversarial = "hinge" }')
    assert found.startswith("stage[0].objective.generator: got 'l1'; what is drawn from noise")


def test_a_level_may_be_held_against_what_the_one_before_is_a_part_of() -> None:
    # Each level of LapGAN reads the truth of the one before.
    terms = ['stage.1.objective={ adversarial = "hinge", generator = { l1 = 1.0 } }']
    assert said("lapgan", *terms) == []
    assert (
        "stage[1].objective.generator: got 'l1'"
        in said("lapgan", *terms, "phase.0.feed=predicted")[0]
    )


def test_a_stage_that_is_handed_its_own_answer_is_told() -> None:
    before = said("figure-pose")
    (found,) = set(said("figure-pose", "phase.1.feed=truth")) - set(before)
    assert found.startswith("phase[1].feed: got 'truth'; the truth of 'coarse', that stage")


def test_levels_that_no_phase_grows_to_are_told() -> None:
    assert said("progressive") == []
    last = f"phase.{len(parse_recipe(preset_text('progressive')).phase) - 1}.steps=0"
    (found,) = said("progressive", last)
    assert found.startswith("phase.depth: got 4; stage")
    assert "add a phase at full depth" in found


def test_a_stage_that_no_phase_trains_is_told() -> None:
    (found,) = said("fashion", "phase.1.steps=0")
    assert found.startswith("stage[1].name: got 'shape'; no phase trains it")


def test_a_condition_that_nothing_asks_for_is_told() -> None:
    assert said("pix2pix") == []
    assert said("pix2pix", "stage.0.sees=picture") == []  # L1 asks for it
    (found,) = said("pix2pix", "stage.0.sees=picture", "stage.0.objective.generator={}")
    assert found.startswith("stage[0].sees: got 'picture'; nothing holds what is written against")


@pytest.mark.parametrize(
    ("kind", "told"),
    [("strength", "is a strength, which is -1"), ("colors:2", "are colors, which")],
)
def test_what_nobody_tells_in_training_is_not_read(kind: str, told: str) -> None:
    views = [f"data.views.amount={kind}", "stage.0.reads=['source', 'amount']"]
    with pytest.raises(TableError, match=rf"stage\[0\].reads: 'amount' {told}"):
        parse_recipe(preset_text("pix2pix"), views)


def test_shared_weights_read_the_same_planes_in_the_same_order() -> None:
    with pytest.raises(TableError, match="join = 'light'; 'there', whose generator it uses, has"):
        Stack(parse_recipe(preset_text("cyclegan"), ["stage.3.join=light"]))
