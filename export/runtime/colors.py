"""Colors that a caller asks for: `colors:G`, red, green and blue of G things."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from export.manifest import Input
from export.runtime.errors import InputError

AUTOMATIC = -1.0
_HEX = re.compile(r"#([0-9a-fA-F]{6})")


def as_colors(port: Input, value: Any) -> np.ndarray:
    """Colors as the graph is fed them, ``(G, 3)`` float32 in [0, 1], -1 where none is asked for.

    Args:
        port: of kind ``colors:G``.
        value: ``(G, 3)`` numbers; or the colors of some by name or number, ``{"top": "#b03060"}``,
            as ``#rrggbb`` or three numbers in [0, 1]; or both in one text,
            ``"top=#b03060,skirt=#204080"``; None asks for none.

    Raises:
        InputError: an unknown name, or what is no color.
    """
    if value is None:
        return np.full((port.count, 3), AUTOMATIC, np.float32)
    if isinstance(value, str):
        value = dict(_pair(port, part) for part in value.split(",") if part.strip())
    if not isinstance(value, Mapping):
        return _checked(port, value, (port.count, 3))
    colors = np.full((port.count, 3), AUTOMATIC, np.float32)
    for name, color in value.items():
        colors[_place(port, name)] = _color(port, color)
    return colors


def _pair(port: Input, part: str) -> tuple[str, str]:
    name, equals, color = part.partition("=")
    if not equals:
        raise InputError(f"input {port.name!r}: got {part!r}; expected NAME=#rrggbb")
    return name.strip(), color.strip()


def _place(port: Input, name: Any) -> int:
    names = list(port.names)
    if name in names:
        return names.index(name)
    if len(str(name)) < 10 and str(name).isdecimal() and int(name) < port.count:
        return int(name)
    known = ", ".join(names) or f"0..{port.count - 1}"
    raise InputError(f"input {port.name!r}: got {str(name)[:40]!r}; expected one of {known}")


def _color(port: Input, color: Any) -> np.ndarray:
    if not isinstance(color, str):
        return _checked(port, color, (3,))
    if not (found := _HEX.fullmatch(color)):
        raise InputError(f"input {port.name!r}: got {color[:40]!r}; expected a color as #rrggbb")
    return np.frombuffer(bytes.fromhex(found[1]), np.uint8).astype(np.float32) / np.float32(255)


def _checked(port: Input, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    try:
        colors = np.asarray(value, np.float32)
    except (TypeError, ValueError, OverflowError):  # the last of JSON's numbers of many digits
        colors = np.empty(0, np.float32)
    # What is negative is automatic; the comparison fails for what is no number, too.
    if colors.shape != shape or not (colors <= 1).all() or not (colors >= AUTOMATIC).all():
        given = f"the shape {np.shape(value)}"
        if colors.shape == shape:
            given = f"values of {colors.min():g} to {colors.max():g}"
        raise InputError(
            f"input {port.name!r} has {given}; expected {shape} of red, green and blue in [0, 1], "
            "or -1 for automatic"
        )
    return colors
