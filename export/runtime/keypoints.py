"""What a caller says of joints, as an array: numbers in their order, or places by name.

By name: ``{"head": [x, y], "left_hand": [x, y, visible], "right_hand": None}``, None where a joint
is not visible. x and y are in pixels of the first picture, whole numbers at pixel centers. To take
a pose from another picture, say its size with it, ``{"size": [width, height], "joints": {...}}``:
the pose is enlarged or reduced as a whole, until it fits into the picture, and set in its middle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from export.manifest import Input
from export.runtime.errors import InputError

_FORM = "[x, y], [x, y, visible 0 or 1] or null"
_FARTHEST = 2.0**24  # pixels; beyond, float32 does not tell one from the next
_LARGEST = 1_000_000  # bytes of a file; a pose has some hundred


def read_pose(path: Path) -> dict[str, Any]:
    """The joints of one pose in a JSON file, not yet held against a model.

    Raises InputError for a file that cannot be read, is too large or no JSON object.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(_LARGEST + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be read: {reason}") from None
    return parse_pose(text, str(path))


def parse_pose(text: str | bytes, where: str) -> dict[str, Any]:
    """As `read_pose`, of a text that stands `where`."""
    if len(text) > _LARGEST:
        raise InputError(f"{where}: is too large for the joints of one pose")
    try:
        pose = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: is not JSON: {error}") from None
    if not isinstance(pose, dict):
        raise InputError(f'{where}: expected an object of joints, such as {{"head": [12, 30.5]}}')
    return pose


def as_keypoints(port: Input, value: Any, size: tuple[int, int]) -> np.ndarray:
    """Keypoints (K, 3) float32 of what a caller hands over for a picture of (height, width).

    Where a joint that is not visible is said to be does not matter, and may be left open.
    Raises InputError where a joint is missing or unknown, or something is no number.
    """
    if isinstance(value, Mapping):
        return _by_name(port, value, size)
    if isinstance(value, (str, PathLike)):
        raise InputError(
            f"input {port.name!r} is a path; Translator.file reads files of joints, run takes what "
            "is in them"
        )
    try:
        points = np.asarray(value)
    except ValueError:  # rows of unequal length
        points = np.empty(0, object)
    if points.shape != (port.count, 3) or points.dtype.kind not in "iuf":
        raise InputError(
            f"input {port.name!r} has the shape {points.shape}; expected ({port.count}, 3): "
            "x, y in pixels and visible 0 or 1"
        )
    names = port.names or [str(index) for index in range(port.count)]
    return np.stack([_checked(port, *entry) for entry in zip(names, points.tolist(), strict=True)])


def _by_name(port: Input, value: Mapping[str, Any], size: tuple[int, int]) -> np.ndarray:
    if not port.names:
        raise InputError(
            f"input {port.name!r}: this model does not name its joints; give an array "
            f"({port.count}, 3)"
        )
    sized = set(value) == {"size", "joints"} and isinstance(value["joints"], Mapping)
    joints: Mapping[str, Any] = value["joints"] if sized else value
    for name in joints:
        if name not in port.names:
            raise InputError(
                f"input {port.name!r} has the joint {str(name)[:40]!r}, which the model does not "
                f"know; take it out: it knows {', '.join(port.names)}"
            )
    missing = [name for name in port.names if name not in joints]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            f"input {port.name!r} has no joint {missing[0]!r}{more}; add it, as null where it "
            "cannot be seen"
        )
    points = np.stack([_checked(port, name, joints[name]) for name in port.names])
    return _moved(points, _size(port, value["size"]), size) if sized else points


def _checked(port: Input, name: str, place: Any) -> np.ndarray:
    """One joint (3,)."""
    if place is None:
        return np.zeros(3, np.float32)
    entries = place if isinstance(place, list | tuple) else []
    numbers = [float(one) for one in entries if _is_number(one)]
    if len(numbers) != len(entries) or len(numbers) not in (2, 3):
        raise InputError(
            f"input {port.name!r}: joint {name!r} is {str(place)[:40]}; expected {_FORM}"
        )
    x, y, visible = [*numbers, 1.0][:3]
    if visible not in (0, 1):
        raise InputError(
            f"input {port.name!r}: visible of joint {name!r} is {visible:g}; expected 0 or 1"
        )
    known = abs(x) <= _FARTHEST and abs(y) <= _FARTHEST  # NaN is neither.
    if not known and not visible:
        return np.zeros(3, np.float32)
    if not known:
        raise InputError(
            f"input {port.name!r}: joint {name!r} is at ({x:g}, {y:g}); expected pixels, or "
            "visible 0"
        )
    return np.array([x, y, visible], np.float32)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        float(value)
    except OverflowError:  # JSON bounds no number: a whole one of hundreds of digits
        return False
    return True


def _size(port: Input, size: Any) -> tuple[float, float]:
    """(width, height) of the picture that a pose was taken from."""
    sides = size if isinstance(size, list | tuple) else []
    if len(sides) != 2 or not all(_is_number(side) and 1 <= side <= _FARTHEST for side in sides):
        raise InputError(
            f"input {port.name!r}: size is {str(size)[:40]}; expected [width, height] in pixels"
        )
    return float(sides[0]), float(sides[1])


def _moved(points: np.ndarray, taken: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
    """A pose of a picture (width, height), as a whole in the middle of one of (height, width)."""
    height, width = size
    factor = min(width / taken[0], height / taken[1])
    corner = np.array([width - factor * taken[0], height - factor * taken[1]]) / 2
    places = (points[:, :2] + 0.5) * factor - 0.5 + corner
    return np.concatenate([places, points[:, 2:]], axis=1).astype(np.float32)
