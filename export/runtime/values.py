"""What a caller says of an input that is no picture: classes, strengths, angles, plain arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from export.manifest import Input
from export.runtime.colors import as_colors
from export.runtime.errors import InputError

AUTOMATIC = -1.0
"""A strength that the model is to find."""


def as_array(port: Input, value: Any) -> np.ndarray:
    """A caller's value as an array; of what has no shape, such as rows of several lengths, none."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError):
        raise InputError(f"input {port.name!r} is no array: {str(value)[:40]!r}") from None


def check_value(port: Input, value: Any) -> None:
    """Raise InputError where a class, strength, angle or colors are not what the input takes."""
    checks = {"class": class_id, "strength": strength, "angle": angle, "colors": as_colors}
    if (check := checks.get(port.family)) is not None:
        check(port, value)


def class_id(port: Input, value: Any) -> int:
    """A class by its name or number; the default where none is given."""
    if value is None:
        return int(port.default or 0)
    if isinstance(value, str):
        if value in port.names:
            return port.names.index(value)
        if not value.isdecimal():
            known = ", ".join(port.names) or f"0..{port.count - 1}"
            raise InputError(f"input {port.name!r} is {value!r}; expected one of {known}")
    number = number_of(port, value)
    if number != int(number) or not 0 <= number < port.count:
        raise InputError(f"input {port.name!r} is {value}; expected 0..{port.count - 1}")
    return int(number)


def strength(port: Input, value: Any) -> float:
    """A strength within its range, or -1, which the model is to find."""
    automatic = AUTOMATIC if port.default is None else port.default
    number = automatic if value is None else number_of(port, value)
    if port.range is None or number in (AUTOMATIC, automatic):
        return number
    low, high = port.range
    if not low <= number <= high:
        raise InputError(
            f"input {port.name!r} is {number:g}; expected {low:g}..{high:g}, or -1 for automatic"
        )
    return number


def angle(port: Input, value: Any) -> float:
    """Degrees in [-180, 180]: as float32, many whole turns would leave few digits for the rest."""
    return math.remainder(port.default or 0 if value is None else number_of(port, value), 360)


def number_of(port: Input, value: Any) -> float:
    """One finite number, whatever it was given as."""
    try:
        number = float(np.asarray(value).reshape(()))
    except (TypeError, ValueError, OverflowError):  # the last of JSON's numbers of many digits
        number = float("nan")
    if not np.isfinite(number):
        raise InputError(f"input {port.name!r} is {str(value)[:40]!r}; expected a number")
    return number
