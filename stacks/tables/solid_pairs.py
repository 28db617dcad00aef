"""Tables of pairs for pose translation by an angle: drawn solids before and after a turn.

Beside the objects of COIL-20 (`stacks.tables.turn_pairs`), of which there are twenty, these teach
what a turn is. They turn the same way, on the same kind of stand. Everything is drawn here, from a
seed; there are none to validate on, for what counts are photographs.

    python -m stacks.tables.solid_pairs --to data
    pixstack train object-turn -o runs/object-turn --data data
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
from PIL import Image

from stacks.tables.rows import Row, write_table
from stacks.tables.solids import Sight, drawn_from, picture
from stacks.tables.turn_pairs import COLUMNS, STEP, VIEWS, shorter

FOLDER = "solids"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Draw solids before and after a turn.")
    parser.add_argument("--to", type=Path, default=Path("data"), help="folder of the tables")
    parser.add_argument("--solids", type=int, default=600, help="how many")
    parser.add_argument("--views", type=int, default=18, help=f"of each, 2 to {VIEWS}")
    parser.add_argument("--pairs", type=int, default=60, help="of each")
    parser.add_argument("--size", type=int, default=64, help="pixels a side")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write(given.to, given.solids, given.views, given.pairs, given.size, given.seed)


def write(to: Path, solids: int, views: int, count: int, size: int, seed: int = 0) -> None:
    """Write solids/*.png and solid-pairs-train.csv."""
    if solids < 1:
        raise SystemExit(f"--solids {solids}: expected 1 or more")
    if not 2 <= views <= VIEWS:
        raise SystemExit(f"--views {views}: expected 2 to {VIEWS}")
    (to / FOLDER).mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for number in range(solids):
        random = np.random.default_rng([seed, number])
        solid, sight = drawn_from(random), Sight.drawn_from(random)
        shown = sorted(random.choice(VIEWS, views, replace=False).tolist())
        for view in shown:
            drawn = picture(solid, sight, np.radians(STEP * view), size)
            Image.fromarray(drawn).save(to / file_of(number, view))
        every = list(itertools.permutations(shown, 2))
        chosen = random.permutation(len(every))[:count]
        rows += [row(number, *every[index]) for index in chosen]
    path = to / "solid-pairs-train.csv"
    write_table(path, COLUMNS, rows)
    print(f"{path}: {len(rows)} pairs of {solids} solids")


def file_of(number: int, view: int) -> str:
    """Where the picture of a view lies beneath the folder of the tables."""
    return f"{FOLDER}/{number:04d}-{view:02d}.png"


def row(number: int, view: int, after: int) -> Row:
    """Two views of a solid, and the turn between them by the shorter way."""
    return {
        "name": f"solid{number}-{view}-{after}",
        "source": file_of(number, view),
        "target": file_of(number, after),
        "turn": str(shorter(STEP * (after - view))),
    }


if __name__ == "__main__":
    main()
