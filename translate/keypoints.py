"""Files of keypoints: where the joints of each picture are, and where they go with its pixels.

- CSV: the columns ``picture`` (or ``name``), ``joint``, ``x``, ``y`` and, if not all are visible,
  ``visible``: 0 or 1, a row for each joint of each picture; of a joint that is not visible, x and y
  may be empty;
- JSON: ``{"PICTURE": {"JOINT": [x, y], "JOINT": [x, y, visible], "JOINT": null}}``, null where it
  is not visible.

x and y are in pixels of the picture, whole numbers at pixel centers. Pictures are named with or
without their extension.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from translate.pairs import SUFFIXES, DataError, Joints

Found = dict[str, dict[str, tuple[float, float, float]]]
UNSEEN = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class KeypointFile:
    """The joints of pictures, by their names without extension."""

    path: Path
    joints: Mapping[str, Joints]

    def of(self, picture: str | None, where: str) -> Joints:
        """The joints ``(K, 3)`` of a picture, whose name stands ``where`` it is looked for.

        Raises:
            DataError: the file has none of it.
        """
        joints = self.joints.get(bare(picture or ""))
        if joints is None:
            raise DataError(
                f"{where}: {picture!r} has no joints in {self.path}; add them there, or take it "
                "out here"
            )
        return joints


def read_keypoints(file: Path, names: Sequence[str]) -> KeypointFile:
    """Joints of every picture that a file names.

    Args:
        file: CSV or JSON.
        names: of the joints, all of which every picture must have.

    Raises:
        DataError: no such file or not of its form, a joint that is missing, unknown or there twice,
            what is no number; the message says where.
    """
    if not file.is_file():
        raise DataError(f"{file}: no such file; expected joints in CSV or JSON")
    reader = {".csv": read_csv, ".json": read_json}.get(file.suffix.lower())
    if reader is None:
        raise DataError(f"{file}: is neither .csv nor .json; name a file of joints")
    found = reader(file, names)
    if not found:
        raise DataError(f"{file}: holds no joints; expected those of every picture")
    for picture, joints in found.items():
        missing = [name for name in names if name not in joints]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise DataError(
                f"{file}: picture {picture!r} has no joint {missing[0]!r}{more}; add it, with "
                "visible 0 where it cannot be seen"
            )
    joints = {
        picture: np.array([places[name] for name in names], np.float32)
        for picture, places in found.items()
    }
    return KeypointFile(file, joints)


def read_csv(file: Path, names: Sequence[str]) -> Found:
    """What a CSV file holds."""
    found: Found = {}
    # Spreadsheets put a mark before the first column's name, which "sig" takes off.
    with open(file, newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        try:
            columns = list(reader.fieldnames or ())
            key = "picture" if "picture" in columns else "name"
            for column in (key, "joint", "x", "y"):
                if column not in columns:
                    raise DataError(
                        f"{file}: has no column {column!r}; expected picture, joint, x, y, visible"
                    )
            for row in reader:
                where = f"{file}, line {reader.line_num}"
                joints = found.setdefault(bare(row[key] or ""), {})
                given = [row["x"], row["y"], row.get("visible", "1")]
                add(joints, row["joint"], given, names, where)
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{file}: is no CSV file in UTF-8: {error}") from None
    return found


def read_json(file: Path, names: Sequence[str]) -> Found:
    """What a JSON file holds."""
    try:
        table = json.loads(file.read_text("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: is no JSON file in UTF-8: {error}") from None
    found: Found = {}
    for picture, joints in table.items() if isinstance(table, dict) else [("", None)]:
        where = f"{file}: picture {picture!r}"
        if not isinstance(joints, dict):
            raise DataError(f'{file}: expected {{"PICTURE": {{"JOINT": [x, y, visible]}}}}')
        if bare(picture) in found:
            raise DataError(f"{where} stands twice; keep one")
        found[bare(picture)] = {}
        for joint, place in joints.items():
            given = place if place is not None else [0, 0, 0]
            if not isinstance(given, list) or len(given) not in (2, 3):
                raise DataError(
                    f"{where}, joint {joint!r}: got {str(place)[:40]}; expected [x, y], "
                    "[x, y, visible] or null"
                )
            add(found[bare(picture)], joint, [*given, 1][:3], names, where)
    return found


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no key stands twice; of two, JSON would keep the last in silence."""
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return table


def add(
    joints: dict[str, tuple[float, float, float]],
    joint: str | None,
    given: Sequence[Any],
    names: Sequence[str],
    where: str,
) -> None:
    """Note a joint of a picture: x, y and visible as they are ``given``."""
    if joint is None or joint not in names:
        raise DataError(
            f"{where}: unknown joint {joint!r}; take it out, or add it to data.joints.names, which "
            f"has {', '.join(names)}"
        )
    if joint in joints:
        raise DataError(f"{where}: joint {joint!r} stands twice; keep one")
    visible = number(given[2])
    if visible not in (0, 1):
        raise DataError(f"{where}: visible of joint {joint!r} is {given[2]!r}; expected 0 or 1")
    if not visible:
        joints[joint] = UNSEEN
        return
    x, y = number(given[0]), number(given[1])
    for axis, value, text in (("x", x, given[0]), ("y", y, given[1])):
        if not math.isfinite(value):
            raise DataError(
                f"{where}: {axis} of joint {joint!r} is {text!r}; expected a number of pixels, or "
                "visible 0"
            )
    joints[joint] = (x, y, 1.0)


def number(given: Any) -> float:
    """A number, or none (NaN) where something else was given."""
    try:
        return math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError, OverflowError):  # the last of JSON's numbers of many digits
        return math.nan


def bare(name: str) -> str:
    """The name of a picture without its extension."""
    path = Path(name)
    return path.with_suffix("").as_posix() if path.suffix.lower() in SUFFIXES else name


def resized(joints: Joints, given: tuple[int, int], size: tuple[int, int]) -> Joints:
    """Joints of a picture of ``given`` (height, width), when it is brought to ``size``."""
    factors = np.array([size[1] / given[1], size[0] / given[0]])
    places = (joints[:, :2] + 0.5) * factors - 0.5
    return np.concatenate([places, joints[:, 2:]], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Motion:
    """Where points go that move with their picture: ``(x, y) -> matrix (x, y) + shift``."""

    matrix: NDArray[np.float64]
    shift: NDArray[np.float64]

    @property
    def mirrors(self) -> bool:
        """Whether left becomes right."""
        return bool(np.linalg.det(self.matrix) < 0)

    def after(self, first: Motion) -> Motion:
        """Both motions, ``first`` the first."""
        return Motion(self.matrix @ first.matrix, self.matrix @ first.shift + self.shift)

    def __call__(self, joints: Joints, swapped: Sequence[int]) -> Joints:
        """Joints moved; in a mirrored picture, those that change places (``swapped``) do so."""
        places = joints[:, :2] @ self.matrix.T + self.shift
        moved = np.concatenate([places, joints[:, 2:]], axis=1).astype(np.float32)
        return moved[list(swapped)] if swapped and self.mirrors else moved


STILL = Motion(np.eye(2), np.zeros(2))


def shifted(left: int, top: int) -> Motion:
    """How points move when a picture is cut at ``left`` and ``top``."""
    return Motion(np.eye(2), np.array([-left, -top], float))
