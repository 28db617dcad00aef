"""Tables of fashion photos with their layouts: `parse`, `shape` and `render` learn from them.

Clothing Co-Parsing (Yang et al. 2014, Apache-2.0) comes as ``photos/NAME.jpg``, ``labels/NAME.png``
of 59 ids, and ``label_list.txt``. What a stack of FashionGAN's kind (Zhu et al. 2017, arXiv
1710.07346) needs beside that is written here: layouts of fifteen classes, among them the face,
which the data do not tell from other skin; the outfit that a layout shows; and the mean color of
each group of garments. The last photos by name are held out, and no photo that is nearly the same
as a held-out one is trained on. Nothing is written beside the data.

    python -m stacks.tables.fashion data/ccp --to data
    pixstack train fashion-parse -o runs/fashion-parse --data data
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from stacks.tables.rows import Row, beneath, check_held_out, write_table
from translate.pairs import DataError, View

Bytes = NDArray[np.uint8]

CLASSES: Mapping[str, tuple[str, ...]] = {
    "background": ("null",),
    "hair": ("hair",),
    "face": (),
    "skin": ("skin", "bracelet", "earrings", "necklace", "ring", "watch"),
    "top": (
        *("blouse", "shirt", "t-shirt", "top", "sweater", "sweatshirt", "jumper", "hoodie"),
        *("bodysuit", "bra"),
    ),
    "coat": ("coat", "jacket", "blazer", "cape", "cardigan", "vest", "suit"),
    "dress": ("dress", "romper", "intimate", "swimwear"),
    "trousers": ("pants", "jeans", "leggings"),
    "skirt": ("skirt", "panties"),
    "shorts": ("shorts",),
    "legwear": ("stockings", "tights", "socks"),
    "shoes": (
        *("shoes", "boots", "clogs", "flats", "heels", "loafers", "pumps", "sandals", "sneakers"),
        "wedges",
    ),
    "bag": ("bag", "purse", "wallet"),
    "headwear": ("hat", "glasses", "sunglasses"),
    "accessories": ("accessories", "belt", "gloves", "scarf", "tie"),
}
"""What each class of a layout is made of; the face is cut out of the skin."""
NAMES = tuple(CLASSES)
BACKGROUND, FACE, SKIN, COAT = (
    NAMES.index(name) for name in ("background", "face", "skin", "coat")
)
LOWER = ("dress", "trousers", "skirt", "shorts")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "top": ("top",),
    "coat": ("coat",),
    "dress": ("dress",),
    "trousers": ("trousers",),
    "skirt": ("skirt", "shorts"),
    "legwear": ("legwear",),
}
"""Classes that share a color."""
GARMENTS = tuple(
    NAMES.index(name)
    for name in (*(part for parts in GROUPS.values() for part in parts), "accessories")
)
"""Labels of what may be taken off or put on."""
OUTFITS = (
    *("as it is", "dress", "dress and coat", "top and trousers", "coat and trousers"),
    *("top and skirt", "coat and skirt", "shorts"),
)
"""The first is of no photo: it asks for no change."""

COLUMNS = ("name", "source", "target", "layout", "other", "outfit", *GROUPS)
HELD_OUT, PARTNERS = 80, 4
TWINS = (
    *(("0025", "1707"), ("0078", "0984"), ("0183", "0730"), ("0343", "1083"), ("0594", "0722")),
    *(("0643", "1913"), ("0907", "0990"), ("1671", "1790")),
)
"""Photos that are almost the same."""
FACE_HEIGHT = 0.11
"""From the topmost skin, the forehead, down to the chin, on the height of the person."""
WORN, SHOWN = 0.03, 0.005
"""Shares of the person from which on a coat makes the outfit, and a garment has a color."""


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write tables of fashion photos and layouts.")
    parser.add_argument("ccp", type=Path, help="folder of photos, labels and label_list.txt")
    parser.add_argument("--to", type=Path, required=True, help="folder of tables and layouts")
    parser.add_argument("--root", type=Path, help="of the data; holds both folders")
    parser.add_argument("--held-out", type=int, default=HELD_OUT, help="photos for validation")
    given = parser.parse_args()
    try:
        write(given.ccp, given.to, given.root, given.held_out)
    except DataError as error:
        raise SystemExit(str(error)) from None


def write(ccp: Path, to: Path, root: Path | None = None, held_out: int = HELD_OUT) -> None:
    """Write fashion-train.csv and fashion-validation.csv, and layouts to fashion-layouts.

    Raises:
        DataError: a file is missing, unreadable or holds an unknown label, a folder does not lie
            beneath the root, or no photo would be left to train on or to validate.
    """
    root = root or root_of(ccp, to)
    train, validation = described(ccp, to, root, held_out)
    for part, chosen in (
        ("train", [*partnered(train)]),
        ("validation", [*partnered(validation, 1)]),
    ):
        path = to / f"fashion-{part}.csv"
        write_table(path, COLUMNS, chosen)
        print(f"{path}: {len(chosen)} rows of {len({row['source'] for row in chosen})} photos")
    table = beneath(to / "fashion-train.csv", root, DataError)
    told = "" if table == "fashion-train.csv" else f" --set data.folder.0.path={table!r}"
    print(f"pixstack train fashion-parse -o RUN --data {root}{told}")


def root_of(ccp: Path, to: Path) -> Path:
    """The folder that holds both."""
    return Path(os.path.commonpath([ccp.resolve(), to.resolve()]))


def described(ccp: Path, to: Path, root: Path, held_out: int) -> tuple[list[Row], list[Row]]:
    """The rows of the photos to train on and of those held out; layouts are written.

    Raises:
        DataError: as `write`.
    """
    merged = merge_table(ccp / "label_list.txt")
    photos = sorted((ccp / "photos").glob("*.jpg"))
    check_held_out(held_out, len(photos), "photos", ccp / "photos", DataError)
    layouts = to / "fashion-layouts"
    layouts.mkdir(parents=True, exist_ok=True)
    return split([describe(photo, ccp, layouts, root, merged) for photo in photos], held_out)


def merge_table(labels: Path) -> Bytes:
    """Class of each id of the data, ``(K,)``, from the list of their names.

    Raises:
        DataError: no such list, or a name in it that no class has.
    """
    if not labels.is_file():
        raise DataError(f"{labels}: no such file; expected a line of id and name for each label")
    classes = {part: index for index, parts in enumerate(CLASSES.values()) for part in parts}
    names = [line.split()[1] for line in labels.read_text("utf-8").splitlines() if line.strip()]
    for name in names:
        if name not in classes:
            raise DataError(f"{labels}: has the label {name!r}; known: {', '.join(classes)}")
    return np.array([classes[name] for name in names], np.uint8)


def describe(photo: Path, ccp: Path, layouts: Path, root: Path, merged: Bytes) -> Row:
    """The row of a photo; its layout is written."""
    labels = View(ccp / "labels" / f"{photo.stem}.png", f"labels:{len(merged)}").decode()[..., 0]
    pixels = View(photo, "rgb").decode()
    if pixels.shape[:2] != labels.shape:
        raise DataError(f"{photo}: is not of the size of its labels; expected one class a pixel")
    layout = with_face(merged[labels])
    path = layouts / f"{photo.stem}.png"
    pyvips.Image.new_from_array(layout).write_to_file(str(path))
    place = beneath(photo, root, DataError)
    return {
        "name": photo.stem,
        "source": place,
        "target": place,
        "layout": beneath(path, root, DataError),
        "outfit": outfit_of(layout),
        **colors_of(pixels, layout),
    }


def with_face(layout: Bytes) -> Bytes:
    """A layout ``(H, W)`` with the skin of the head as face.

    People of the data stand upright and are seen from head to foot: what is skin within a ninth of
    their height below the forehead is the face.
    """
    rows = np.flatnonzero((layout != BACKGROUND).any(axis=1))
    skin = np.flatnonzero((layout == SKIN).any(axis=1))
    if not len(skin):
        return layout
    chin = skin[0] + round(FACE_HEIGHT * (rows[-1] + 1 - rows[0]))
    with_one = layout.copy()
    head = with_one[:chin]
    head[head == SKIN] = FACE
    return with_one


def shares(layout: Bytes) -> dict[str, float]:
    """Of each class on the person in a layout, by its name."""
    counts = np.bincount(layout.ravel(), minlength=len(NAMES)).astype(float)
    counts[BACKGROUND] = 0
    return dict(zip(NAMES, counts / max(1.0, counts.sum()), strict=True))


def outfit_of(layout: Bytes) -> str:
    """The outfit that a layout shows, by the largest garment below the waist.

    Where a long coat hides it all, what is below counts as a dress.
    """
    share = shares(layout)
    lower = max(LOWER, key=lambda name: share[name])
    coat = share["coat"] >= WORN
    if lower == "dress":
        return "dress and coat" if coat else "dress"
    return lower if lower == "shorts" else f"{'coat' if coat else 'top'} and {lower}"


def colors_of(pixels: Bytes, layout: Bytes) -> Row:
    """Mean color of each group of garments as ``#rrggbb``, empty where it is not shown."""
    share, colors = shares(layout), Row()
    for group, names in GROUPS.items():
        area = np.isin(layout, [NAMES.index(name) for name in names])
        shown = sum(share[name] for name in names) >= SHOWN
        mean = pixels[area].mean(axis=0).round().astype(int) if shown else ()
        colors[group] = "#" + "".join(f"{part:02x}" for part in mean) if shown else ""
    return colors


def split(rows: Sequence[Row], held_out: int) -> tuple[list[Row], list[Row]]:
    """What is trained on and what validates: the last ones, without the twins of theirs."""
    held = {row["name"] for row in rows[-held_out:]}
    others = {one for pair in TWINS for one in pair if held.intersection(pair)} - held
    train = [row for row in rows[:-held_out] if row["name"] not in others]
    return train, list(rows[-held_out:])


def partnered(rows: Sequence[Row], partners: int = PARTNERS) -> Iterator[Row]:
    """Each row with the layouts of other photos of its split, by which areas are enlarged."""
    random = np.random.default_rng(0)
    for index, row in enumerate(rows):
        for step in random.integers(1, max(2, len(rows)), size=partners):
            yield {**row, "other": rows[(index + int(step)) % len(rows)]["layout"]}


if __name__ == "__main__":
    main()
