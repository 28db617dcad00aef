"""Tables of people: sketches of their edges, layouts of what they wear, and their photos.

From Clothing Co-Parsing (Yang et al. 2014, Apache-2.0), as `stacks.tables.fashion` reads it. A
network that is to draw a person from edges has to find out first what each of them is an edge of;
layouts teach it that. The last photos by name are held out, and no photo that is nearly the same as
a held-out one is trained on.

    python -m stacks.tables.sketch_people data/ccp --to data
    pixstack train sketch-photo -o runs/sketch-photo --data data
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from stacks.tables.fashion import HELD_OUT, described, root_of
from stacks.tables.rows import Row, beneath, write_table
from stacks.tables.sketch_pairs import write_sketch
from translate.pairs import DataError

COLUMNS = ("name", "source", "layout", "target")
FOLDER = "sketches"
WIDTH = 128
"""Edges are found at the size that is drawn: of a large photo they are too fine to be drawn again,
and a network cannot be asked for them (``python -m benchmarks.sketch``)."""


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write tables of people in sketches and photos.")
    parser.add_argument("ccp", type=Path, help="folder of photos, labels and label_list.txt")
    parser.add_argument("--to", type=Path, required=True, help="folder of tables and sketches")
    parser.add_argument("--root", type=Path, help="of the data; holds both folders")
    parser.add_argument("--held-out", type=int, default=HELD_OUT, help="photos for validation")
    parser.add_argument("--width", type=int, default=WIDTH, help="of the sketches, in pixels")
    given = parser.parse_args()
    try:
        write(given.ccp, given.to, given.root, given.held_out, given.width)
    except DataError as error:
        raise SystemExit(str(error)) from None


def write(
    ccp: Path,
    to: Path,
    root: Path | None = None,
    held_out: int = HELD_OUT,
    width: int = WIDTH,
) -> None:
    """Write sketch-people-train.csv and sketch-people-validation.csv, sketches and layouts.

    Raises:
        DataError: as `stacks.tables.fashion.write`.
    """
    root = root or root_of(ccp, to)
    for part, rows in zip(("train", "validation"), described(ccp, to, root, held_out), strict=True):
        path = to / f"sketch-people-{part}.csv"
        write_table(path, COLUMNS, sketched(rows, to / FOLDER, root, width))
        print(f"{path}: {len(rows)} people")


def sketched(rows: Sequence[Row], folder: Path, root: Path, width: int) -> list[Row]:
    """The rows with sketches of their photos for sources; sketches are written."""
    found: list[Row] = []
    for row in rows:
        sketch = folder / f"{row['name']}.png"
        write_sketch(root / row["target"], sketch, width)
        kept = {key: row[key] for key in ("name", "layout", "target")}
        found.append({**kept, "source": beneath(sketch, root, DataError)})
    return found


if __name__ == "__main__":
    main()
