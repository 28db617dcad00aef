"""The table of techniques: what it says switches a technique on does, and nothing is missing."""

import re

import pytest

from stacks.recipe import parse_recipe
from tests.repository.tree import ROOT, anchors
from translate.discriminators import DISCRIMINATORS
from translate.generators import GENERATORS
from translate.layers.normalization import Normalization
from translate.losses.adversarial import ADVERSARIAL
from translate.terms import DISCRIMINATOR_TERMS, GENERATOR_TERMS

PAGE = (ROOT / "docs" / "techniques.md").read_text()
SWITCHES = sorted(
    set(re.findall(r"`((?:stage\.|optimizer\.|ema\.|checkpointing)[^`]*=[^`]+)`", PAGE))
)

BASE = """
name = "any"
[data]
views = { source = "rgb", noise = "noise:4", target = "rgb" }
[[stage]]
name = "only"
reads = ["source", "noise"]
generator = { kind = "unet" }
discriminator = { kind = "patch" }
sees = "pair"
[[phase]]
train = ["only"]
steps = 1
"""

LABELS = BASE.replace('target = "rgb"', 'target = "labels:4"')
OF_LABELS = [name for name in GENERATOR_TERMS if GENERATOR_TERMS[name].labels]


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_is_one_that_a_recipe_takes(switch: str) -> None:
    base = LABELS if any(f".{term}=" in switch for term in OF_LABELS) else BASE
    assert parse_recipe(base, [switch]) != parse_recipe(base) or is_default(switch)


def is_default(switch: str) -> bool:
    """Whether the page says of a switch that it is how things are."""
    line = next(line for line in PAGE.splitlines() if f"`{switch}`" in line)
    return (
        "default" in line or "always on" in line or switch.endswith(("norm=spectral", "sees=pair"))
    )


def test_everything_a_recipe_can_name_is_on_the_page() -> None:
    text = " ".join(SWITCHES)
    missing = [
        name
        for names in (ADVERSARIAL, DISCRIMINATOR_TERMS, GENERATOR_TERMS)
        for name in names
        if not re.search(rf"\b{re.escape(name)}\b", text)
    ]
    missing += [f"norm={norm}" for norm in Normalization.__args__ if norm != "none" and
                f"norm={norm}" not in text]  # fmt: skip
    assert missing == []


def test_networks_from_noise_are_named() -> None:
    for kind in set(GENERATORS) & set(DISCRIMINATORS):
        assert f"`{kind}`" in PAGE, kind


def test_nothing_is_left_to_fill_in() -> None:
    assert "@" not in PAGE


def test_links_to_the_page_of_experiments_lead_somewhere() -> None:
    known = anchors(ROOT / "docs" / "tricks.md")
    wanted = set(re.findall(r"tricks\.md#([\w-]+)", PAGE))
    assert wanted <= known, wanted - known
