"""Tables of pairs for pose translation from COIL-20: the same object before and after a turn.

COIL-20 (Nene, Nayar and Murase 1996, Columbia University CUCS-005-96) shows twenty objects on a
turntable in 72 views, 5 degrees apart: ``obj{K}__{i}.png`` is object K turned by 5 i degrees. Of
the ordered pairs of two views of one object, as many as asked for are drawn, every turn as often as
every other. The last objects are held out, whole.

    python -m stacks.tables.turn_pairs data/coil20 --to data
    pixstack train object-turn -o runs/object-turn --data data
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from stacks.tables.rows import Row, beneath, check_held_out, write_table

COLUMNS: tuple[str, ...] = ("name", "source", "target", "turn")
VIEWS = 72
STEP = 360 // VIEWS
"""Degrees from one view to the next."""
HELD_OUT = 4
_NAME = re.compile(r"obj([1-9][0-9]*)__([0-9]+)\.png")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write tables of objects before and after a turn.")
    parser.add_argument("objects", type=Path, help="folder of the pictures obj{K}__{i}.png")
    parser.add_argument("--to", type=Path, default=Path("data"), help="folder of the tables")
    parser.add_argument("--held-out", type=int, default=HELD_OUT, help="objects for validation")
    parser.add_argument("--pairs", type=int, default=16 * VIEWS, help="of each object")
    parser.add_argument("--root", type=Path, help="of the data; the folder of the tables if unsaid")
    given = parser.parse_args()
    write(given.objects, given.to, given.held_out, given.pairs, given.root)


def write(
    objects: Path,
    to: Path,
    held_out: int = HELD_OUT,
    count: int = 16 * VIEWS,
    root: Path | None = None,
) -> None:
    """Write turn-pairs-train.csv and turn-pairs-validation.csv, ``count`` pairs of each object."""
    train, held = split(views_of(objects), held_out, objects)
    folder = beneath(objects, root or to, SystemExit)
    for part, chosen in (("train", train), ("validation", held)):
        rows = [row for number in chosen for row in pairs(number, count, folder)]
        path = to / f"turn-pairs-{part}.csv"
        write_table(path, COLUMNS, rows)
        print(f"{path}: {len(rows)} pairs of {len(chosen)} objects")


def views_of(objects: Path) -> dict[int, list[Path]]:
    """The pictures of every object by its number, in the order of their angles.

    Raises:
        SystemExit: there are none, or an object lacks a view.
    """
    found: dict[int, dict[int, Path]] = {}
    for path in sorted(objects.iterdir()) if objects.is_dir() else ():
        if name := _NAME.fullmatch(path.name):
            found.setdefault(int(name[1]), {})[int(name[2])] = path
    if not found:
        raise SystemExit(f"{objects}: no pictures named obj1__0.png and so on")
    for number, views in found.items():
        if missing := set(range(VIEWS)) - set(views):
            raise SystemExit(f"{objects}: obj{number}__{min(missing)}.png is missing")
    return {number: [found[number][view] for view in range(VIEWS)] for number in sorted(found)}


def split(
    numbers: Mapping[int, object] | Sequence[int], held_out: int, objects: Path
) -> tuple[list[int], list[int]]:
    """The objects to train on, and the last ones, which are held out."""
    known = sorted(numbers)
    check_held_out(held_out, len(known), "objects", objects, SystemExit)
    return known[:-held_out], known[-held_out:]


def pairs(number: int, count: int, folder: str) -> list[Row]:
    """``count`` pairs of an object, at most all there are; the same ones every time.

    The turns come in rounds of all 72, none at all among them, so that no turn is rarer than
    another by more than one pair; each starts from another view in every round.
    """
    random = np.random.default_rng(number)
    starts = random.permuted(np.tile(np.arange(VIEWS), (VIEWS, 1)), axis=1)
    every = [
        (int(starts[turn, around]), int(turn))
        for around in range(VIEWS)
        for turn in random.permutation(VIEWS)
    ]
    return [row(number, view, turn, folder) for view, turn in every[:count]]


def row(number: int, view: int, turn: int, folder: str) -> Row:
    """A view and the one ``turn`` steps further on, by the shorter way."""
    after = (view + turn) % VIEWS
    return {
        "name": f"obj{number}-{view}-{after}",
        "source": f"{folder}/obj{number}__{view}.png",
        "target": f"{folder}/obj{number}__{after}.png",
        "turn": str(shorter(STEP * turn)),
    }


def shorter(degrees: int) -> int:
    """The same turn by the shorter way, -175 to 180 in steps of 5."""
    return 180 - (180 - degrees) % 360


if __name__ == "__main__":
    main()
