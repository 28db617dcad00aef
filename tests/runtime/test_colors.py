"""Colors that a caller asks for."""

from typing import Any

import numpy as np
import pytest

from export.manifest import Input
from export.runtime.colors import as_colors
from export.runtime.errors import InputError

PORT = Input("colors", "colors:2", names=("top", "skirt"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, [[-1, -1, -1], [-1, -1, -1]]),
        ({}, [[-1, -1, -1], [-1, -1, -1]]),
        ({"skirt": "#3300FF"}, [[-1, -1, -1], [0.2, 0, 1]]),
        ({0: (0.5, 0.25, 1)}, [[0.5, 0.25, 1], [-1, -1, -1]]),
        ("top=#ff0000, skirt=#330000", [[1, 0, 0], [0.2, 0, 0]]),
        ([[0, 0, 1], [-1, -1, -1]], [[0, 0, 1], [-1, -1, -1]]),
    ],
)
def test_colors_are_read(value: Any, expected: list[list[float]]) -> None:
    found = as_colors(PORT, value)
    assert found.dtype == np.float32
    assert np.allclose(found, expected)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"hat": "#ffffff"}, "'colors': got 'hat'; expected one of top, skirt"),
        ({2: "#ffffff"}, "got '2'; expected one of top, skirt"),
        ({"top": "red"}, "got 'red'; expected a color as #rrggbb"),
        ("red", "got 'red'; expected NAME=#rrggbb"),
        ([[0, 0, 1]], r"has the shape \(1, 3\); expected \(2, 3\)"),
        ([[0, 0, 1], [0, 0, 2]], r"in \[0, 1\], or -1 for automatic"),
        ([[0, 0, 1], [0, 0, float("nan")]], r"in \[0, 1\]"),
        ({"top": [10**400, 0, 0]}, r"expected \(3,\) of red"),
    ],
)
def test_what_is_no_color_is_told(value: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        as_colors(PORT, value)
