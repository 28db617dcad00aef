"""The recipe and the study that the docs begin with are what the commands take."""

import re
from dataclasses import replace
from pathlib import Path

from stacks.landscape.combine import Combinations
from stacks.landscape.study import parse_study
from stacks.presets import source_text
from stacks.recipe import parse_recipe
from stacks.sight import discriminator_channels
from stacks.stack import Stack

DOCS = Path(__file__).resolve().parents[2] / "docs"


def toml(page: str) -> list[str]:
    """The blocks of TOML on a page."""
    text = (DOCS / page).read_text()
    return re.findall(r"^```toml\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def test_the_recipe_of_the_design_makes_a_stack() -> None:
    [recipe, *_] = toml("design.md")
    stack = Stack(parse_recipe(recipe))
    assert list(stack.stages) == ["shape", "render"]
    for name, stage in stack.stages.items():
        stage.spec.discriminator.build(discriminator_channels(stack, name))


def test_the_study_of_the_landscape_page_has_trials() -> None:
    [study, *_] = toml("landscape.md")
    made = replace(parse_study(study), recipe="dcgan")
    found = Combinations(made, source_text("dcgan")).grid({}, (0,))
    # Three normalizers, two penalties and the two rates of its grid.
    assert len(found) == 3 * 2 * 2
    assert [each.settings["normalizer"] for each in found if each.forced] == ["batch"] * 2
