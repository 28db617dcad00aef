"""Tables of pairs for sketch -> photo: boundaries that people drew, and edges of fashion photos.

BSDS500 (Arbelaez et al. 2011, research use) keeps its splits one level below its views, and
Clothing Co-Parsing (Yang et al. 2014, Apache-2.0) has no sketches at all; a table takes both. Edges
of its photos are found as people draw them: thin lines, the weaker the fainter (Canny 1986, by
libvips, without its thresholds). The last twelve of BSDS500's test and the last eighty of CCP are
held out; BSDS500's val, the test set of super-resolution and denoising, is left alone. The preset
sketch-photo learns from the table of `stacks.tables.sketch_people`; this one is for sketches of all
kinds.

    python -m stacks.tables.sketch_pairs data
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from stacks.tables.rows import Row, write_table
from stacks.whole import write_whole
from translate.pictures import open_header

COLUMNS = ("name", "source", "target")
DRAWN, PHOTOS, EDGES = Path("bsds500"), Path("ccp/photos"), Path("ccp/edges")
HELD_OUT_DRAWN, HELD_OUT_PHOTOS, MEASURED = 12, 80, 12
TWINS = ("0078", "0907")
"""Photos that are almost the same as held-out ones (0984, 0990)."""

SIGMA = 2.0
"""Of the smoothing before edges are found, in pixels."""
FAINTEST = 0.2
"""Edges weaker than this share of the strong ones are texture, which nobody draws."""


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write tables of sketches and photographs.")
    parser.add_argument("data", type=Path, help="folder that holds bsds500, and ccp if there")
    write(parser.parse_args().data)


def write(data: Path) -> None:
    """Write sketch-pairs-train.csv and sketch-pairs-validation.csv, and edges to ccp/edges."""
    train, test = drawn(data, "train"), drawn(data, "test")
    photos = traced(data)
    parts = {
        "train": train
        + test[:-HELD_OUT_DRAWN]
        + [row for row in photos[:-HELD_OUT_PHOTOS] if row["name"] not in TWINS],
        "validation": test[-HELD_OUT_DRAWN:] + photos[-HELD_OUT_PHOTOS:][-MEASURED:],
    }
    for part, rows in parts.items():
        path = data / f"sketch-pairs-{part}.csv"
        write_table(path, COLUMNS, rows)
        print(f"{path}: {len(rows)} pairs")


def drawn(data: Path, split: str) -> list[Row]:
    """Pairs of one split of BSDS500, in name order."""
    photos = data / DRAWN / "photos" / split
    if not photos.is_dir():
        raise SystemExit(f"{photos}: no such folder; expected the photos of BSDS500")
    rows: list[Row] = []
    for photo in sorted(photos.glob("*.jpg")):
        edges = data / DRAWN / "edges" / split / f"{photo.stem}.png"
        if not edges.is_file():
            raise SystemExit(f"{edges}: no such file; expected the boundaries drawn of {photo}")
        rows.append(row(data, edges, photo))
    return rows


def traced(data: Path) -> list[Row]:
    """Pairs of the photos of CCP, where they are, with edges found in them."""
    rows: list[Row] = []
    for photo in sorted((data / PHOTOS).glob("*.jpg")):
        edges = data / EDGES / f"{photo.stem}.png"
        write_sketch(photo, edges)
        rows.append(row(data, edges, photo))
    return rows


def write_sketch(photo: Path, to: Path, width: int = 0) -> None:
    """Write the edges of a photo, whole or not at all; what is there is taken for done.

    With a ``width`` in pixels the photo is brought to it first; what is of another one is not done.
    """
    if not to.is_file() or (width and open_header(to).width != width):
        found = pyvips.Image.new_from_array(sketch(photo, width))
        write_whole(to, found.write_to_buffer(".png"))


def row(data: Path, edges: Path, photo: Path) -> Row:
    """One pair, by paths beneath the data folder."""
    source, target = (path.relative_to(data).as_posix() for path in (edges, photo))
    return {"name": photo.stem, "source": source, "target": target}


def sketch(photo: Path, width: int = 0) -> NDArray[np.uint8]:
    """The edges of a photo's file, as `edges_of` finds them; of that width, if one is given."""
    whole = pyvips.Image.new_from_file(str(photo))
    return edges_of(whole.resize(width / whole.width) if width else whole)


def edges_of(photo: pyvips.Image) -> NDArray[np.uint8]:
    """The edges of a photo ``(H, W)``, white on black, the strongest hundredth fully white."""
    gray = photo.colourspace("b-w").extract_band(0)
    found = gray.cast("float").canny(sigma=SIGMA, precision="float").numpy().squeeze()
    strong = float(np.percentile(found, 99)) or 1.0
    drawn = (found / strong - FAINTEST) / (1 - FAINTEST)
    return np.round(255 * drawn.clip(0, 1)).astype(np.uint8)


if __name__ == "__main__":
    main()
