"""Whether the page can be read: contrasts by WCAG 2.2, success criterion 1.4.3."""

from __future__ import annotations

import re

import pytest

from pixstack.web.look import HEAD, theme

LEAST = 4.5  # of text against its ground, by level AA
NAMED = {"white": "#ffffff", "black": "#000000"}
LIGHT = [
    ("button_primary_text_color", "button_primary_background_fill"),
    ("button_primary_text_color", "button_primary_background_fill_hover"),
    ("button_secondary_text_color", "button_secondary_background_fill"),
    ("body_text_color", "body_background_fill"),
    ("body_text_color_subdued", "body_background_fill"),
    ("body_text_color_subdued", "background_fill_secondary"),
    ("block_info_text_color", "block_background_fill"),
    ("block_title_text_color", "block_background_fill"),
    ("block_label_text_color", "block_label_background_fill"),
    ("input_placeholder_color", "input_background_fill"),
    ("color_accent", "body_background_fill"),
    ("link_text_color", "body_background_fill"),
]
# Of the accent there is one for light and dark; `HEAD` changes it.
DARK = [(f"{text}_dark", f"{ground}_dark") for text, ground in LIGHT if text != "color_accent"]


def luminance(color: str) -> float:
    """Relative luminance of "#rrggbb", as WCAG defines it."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    dark, light = sorted(map(luminance, (one, two)))
    return (light + 0.05) / (dark + 0.05)


def color(name: str) -> str:
    """The color of a variable of the theme, whatever variables it goes through."""
    look = theme()
    value = str(getattr(look, name))
    while value.startswith("*"):
        name = value[1:] + ("_dark" if name.endswith("_dark") else "")
        # Palettes have no colors of their own for the dark.
        value = str(getattr(look, name if hasattr(look, name) else value[1:]))
    return NAMED.get(value, value)


def test_contrasts_are_those_of_the_standard() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    # https://webaim.org/resources/contrastchecker/ names this gray as the last that passes.
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize(("text", "ground"), LIGHT + DARK)
def test_text_stands_out_from_its_ground(text: str, ground: str) -> None:
    assert contrast(color(text), color(ground)) >= LEAST, (color(text), color(ground))


def test_the_accent_stands_out_in_the_dark() -> None:
    [accent] = re.findall(r"\.dark \{ --color-accent: var\(--(\w+-\d+)\)", HEAD)
    for ground in ("body_background_fill_dark", "block_background_fill_dark"):
        assert contrast(color(accent.replace("-", "_")), color(ground)) >= LEAST
