"""Look at a folder of pictures, say what is there, and write a recipe that fits it.

What is found is a guess by rules that stand here, one a function; the recipe is a text that its
user reads and edits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from translate.layouts import Layout
from translate.pairs import (
    DataError,
    Half,
    View,
    half_of,
    label_picture,
    list_pictures,
    open_picture,
)
from translate.pictures import File
from translate.view_names import SIDES, name_of

SAMPLE = 12
"""Pictures of a view that are decoded to tell its kind."""
MOST_READ = 1000
"""Label maps that are decoded for their colors: one that is missed stops the training."""
MOST_LABELS = 64
"""A lossless picture of more values than this is a photograph."""
HELD_OUT = 0.1
"""Share of the pictures that is kept for validation."""
LEAST_HELD_OUT = 2
"""A measure of one picture says nothing of others."""
LEAST_TO_SPLIT = 6
"""Of fewer pictures none can be spared."""
FEW = 100
"""Pictures below which results are poor."""
TRAINING_FOLDERS = ("train", "training")
HELD_OUT_FOLDERS = ("val", "valid", "validation", "test")
SIZES = (256, 192, 128, 96, 64, 32)
"""Crops that a recipe may have: networks halve them several times."""


MOST_TOLD = 4
"""Odd colors that are listed one by one."""

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Found:
    """What a view turned out to be.

    Args:
        kind: as recipes write it.
        palette: of label maps that are drawn in colors.
        read: pictures that were decoded.
        alone: colors of the palette that are in a single picture, with that picture's name.
        names: of classes that are told by name.
    """

    kind: str
    palette: tuple[Color, ...] = ()
    read: int = 0
    alone: Mapping[Color, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @property
    def labels(self) -> bool:
        """Whether its pictures are label maps."""
        return self.kind.startswith("labels:")

    def remarks(self, view: str) -> list[str]:
        """Why the pictures were taken for labels, and what is odd about their colors."""
        if not self.labels:
            return []
        count = self.kind.partition(":")[2]
        what = f"{count} flat colors" if self.palette else f"no gray but 0 to {int(count) - 1}"
        told = [
            f"{view}: {what} in the {self.read} pictures read: taken for labels of {count} "
            f"classes; if they are pictures, add --kind {view}=rgb"
        ]
        told += [
            f"{view}: the color {color} is in {name} alone; if it is a slip, mend the picture and "
            "run this again"
            for color, name in list(self.alone.items())[:MOST_TOLD]
        ]
        if (more := len(self.alone) - MOST_TOLD) > 0:
            told.append(f"{view}: {more} more colors are in one picture each")
        return told


@dataclass(frozen=True)
class Survey:
    """A folder of pictures, understood.

    Args:
        folder: that was looked at, or that holds the tar.
        layout: how pairs lie in it.
        views: by name, source first.
        count: items.
        least: height and width of the smallest picture.
        most: of the largest one.
        layout_remarks: what was made of how the pictures lie.
        swap: of side-by-side pictures the left half is the target.
        path: beneath the folder, of the pictures or the tar that was looked at.
        apart: beneath the folder, of pictures that are held out already.
    """

    folder: Path
    layout: Layout
    views: Mapping[str, Found]
    count: int
    least: tuple[int, int]
    most: tuple[int, int]
    layout_remarks: Sequence[str] = ()
    swap: bool = False
    path: str = "."
    apart: str = ""

    @property
    def purpose(self) -> Literal["restoration", "generation", "translation"]:
        """What the pictures are good for: targets alone are degraded, classes are drawn."""
        if set(self.views) == {"target"}:
            return "restoration"
        return "translation" if "source" in self.views else "generation"

    @property
    def size(self) -> int:
        """Side of the crops to train on."""
        side = min(self.least)
        return next((size for size in SIZES if size <= side), SIZES[-1])

    @property
    def held_out(self) -> int:
        """Of the pictures looked at, how many are kept for validation."""
        if self.apart or self.why_none_held_out:
            return 0
        return max(LEAST_HELD_OUT, round(self.count * HELD_OUT))

    @property
    def why_none_held_out(self) -> str:
        """Why no pictures validate; empty where some do."""
        if self.purpose == "generation":
            return "what is made from noise has no truth to be held against"
        if self.views["target"].labels:
            return "runs have no measure of label maps"
        few = self.count < LEAST_TO_SPLIT and not self.apart
        return "they are too few to spare any" if few else ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What its user should know."""
        told = list(self.layout_remarks)
        for view, found in self.views.items():
            told += found.remarks(view)
        if self.count < FEW:
            told.append(
                f"{self.count} {'picture is' if self.count == 1 else 'pictures are'} too few to "
                f"learn much from: below {FEW} results will be poor"
            )
        if why := self.why_none_held_out:
            told.append(f"no pictures are held out for validation: {why}")
        return tuple(told)

    def taken_for(self, kinds: Mapping[str, str]) -> Survey:
        """The same with other kinds of some views."""
        changed = {
            view: Found(kinds[view]) if view in kinds else found
            for view, found in self.views.items()
        }
        return replace(self, views=changed)


def survey(folder: Path) -> Survey:
    """Look at a folder.

    Raises:
        DataError: it is missing or empty, or nothing in it can be understood.
    """
    if folder.suffix.lower() in (".csv", ".jsonl") and folder.is_file():
        raise DataError(
            f"{folder}: a table, which names its views itself; write a recipe with layout = "
            "'table' (docs/data.md has one), and try it by pixstack check-data"
        )
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected pictures, or a folder for each view")
    training, held_out = split_folders(folder)
    if held_out:
        found = survey(folder / training)
        remark = f"{training}/ is trained on, {held_out}/ validates"
        return replace(
            found,
            folder=folder,
            path=training,
            apart=held_out,
            layout_remarks=(remark, *found.layout_remarks),
        )
    parts = sorted(path for path in folder.iterdir() if path.is_dir() and has_pictures(path))
    if not parts:
        return survey_pictures(folder)
    views = named_views(parts)
    if views is None:
        return survey_classes(folder, parts)
    pictures = {name: list_pictures(path) for name, path in views.items()}
    names = [set(paths) for paths in pictures.values()]
    shared = sorted(set.intersection(*names))
    if not shared:
        example = {name: next(iter(paths)) for name, paths in pictures.items()}
        given = ", ".join(f"{name} has {first!r}" for name, first in example.items())
        raise DataError(
            f"{folder}: the views share no names ({given}); name the two pictures of a pair alike, "
            "or, where there are no pairs: pixstack train cyclegan "
            f"--set 'data.root=\"{folder}\"' --set 'data.folder=[{{ path = \".\" }}]'"
        )
    left = len(set.union(*names)) - len(shared)
    remarks = [f"{left} pictures have no partner and must be removed first"] if left else []
    found = {name: kind_of([paths[stem] for stem in shared]) for name, paths in pictures.items()}
    sizes = {
        name: [View(paths[stem], "rgb").size() for stem in shared]
        for name, paths in pictures.items()
    }
    first = next(iter(sizes.values()))
    for name, own in sizes.items():
        for stem, one, other in zip(shared, first, own, strict=True):
            if one != other:
                raise DataError(
                    f"{pictures[name][stem]}: has {other[1]}x{other[0]} pixels, its partner "
                    f"{one[1]}x{one[0]}; make the pictures of a pair the same size (enlarge the "
                    "smaller ones), or give the targets alone, which a recipe reduces itself"
                )
    return Survey(folder, "views", found, len(shared), *extremes(first), remarks)


def split_folders(folder: Path) -> tuple[str, str]:
    """The folders of what is trained on and what is held out: train and val; ".", "" without."""
    training = next((name for name in TRAINING_FOLDERS if (folder / name).is_dir()), None)
    held_out = next((name for name in HELD_OUT_FOLDERS if (folder / name).is_dir()), None)
    return (training, held_out) if training and held_out else (".", "")


def has_pictures(folder: Path) -> bool:
    """Whether any picture lies in a folder."""
    try:
        return bool(list_pictures(folder))
    except DataError:
        return False


def named_views(parts: Sequence[Path]) -> dict[str, Path] | None:
    """Folders that are views, source first; None where they are no views."""
    names = {path.name: path for path in parts}
    sides = both_sides(names)
    if sides is None:
        return None
    views = {sides.get(name, name): path for name, path in names.items()}
    if {"trainA", "trainB"} <= set(names):
        # Beside them lie the pictures that CycleGAN is tried on.
        views = {view: path for view, path in views.items() if not view.startswith("test")}
    return {"source": views.pop("source"), **views, "target": views["target"]}


def both_sides(names: Iterable[str]) -> dict[str, str] | None:
    """The names of the source and of the target among others; None where one is missing."""
    names = list(names)
    found = {name: view for view in SIDES if (name := name_of(view, names)) is not None}
    return found if len(found) == len(SIDES) else None


def survey_pictures(folder: Path) -> Survey:
    """One folder of pictures: pairs side by side, or targets alone."""
    pictures = list_pictures(folder)
    sizes = [View(path, "rgb").size() for path in pictures.values()]
    paths = [pictures[name] for name in sorted(pictures)]
    if all(width == 2 * height for height, width in sizes):
        found = {"source": kind_of(paths, "left"), "target": kind_of(paths, "right")}
        halves = [(height, width // 2) for height, width in sizes]
        remarks = ["twice as wide as high: taken for pairs side by side"]
        # Of a photograph and its labels the labels are what is at hand to start from.
        swap = found["target"].labels and not found["source"].labels
        if swap:
            found = {"source": found["target"], "target": found["source"]}
            remarks.append("the left half is a photograph, and was taken for the target")
        return Survey(
            folder, "side-by-side", found, len(pictures), *extremes(halves), remarks, swap
        )
    found = {"target": kind_of(paths)}
    remark = "pictures without partners: taken for targets, whose sources are made by reducing them"
    return Survey(folder, "targets", found, len(pictures), *extremes(sizes), (remark,))


def survey_classes(folder: Path, parts: Sequence[Path]) -> Survey:
    """One folder a class."""
    if len(parts) < 2:
        raise DataError(
            f"{folder}: holds the one folder {parts[0].name!r}; expected source/ and target/, a "
            "folder for each class, or pictures"
        )
    pictures = [path for part in parts for path in list_pictures(part).values()]
    sizes = [View(path, "rgb").size() for path in pictures]
    names = ", ".join(path.name for path in parts)
    label = Found(f"class:{len(parts)}", names=tuple(path.name for path in parts))
    found = {"label": label, "target": kind_of(pictures)}
    remark = f"taken for one class a folder: {names}; pairs are told by folders source and target"
    return Survey(folder, "classes", found, len(pictures), *extremes(sizes), (remark,))


def spread(items: Sequence) -> list:
    """A few items from first to last."""
    step = max(1, len(items) // SAMPLE)
    return list(items[::step])[:SAMPLE]


def extremes(sizes: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The smallest and the largest (height, width), by the shorter side."""
    ordered = sorted(sizes, key=lambda size: (min(size), max(size)))
    return ordered[0], ordered[-1]


def kind_of(paths: Sequence[File], half: Half = "whole") -> Found:
    """The kind of a view, from some of its pictures.

    Label maps are lossless and of few values: small ids in one band, or a few flat colors. Of what
    looks like them many pictures are read, for a color may be rare.
    """
    values: set[int] | None = set()
    colors: set[Color] | None = set()
    pictures_with: Counter[Color] = Counter()
    first_with: dict[Color, str] = {}
    gray, read = True, 0
    some = spread(paths)
    rest = [path for path in paths if path not in set(some)]
    for path in (some + rest)[:MOST_READ]:
        if read >= SAMPLE and values is None and colors is None:
            break
        read += 1
        image = half_of(label_picture(open_picture(path)), half)
        pixels = np.asarray(image.numpy())
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        lossless = path.suffix.lower() == ".png"
        if pixels.shape[2] == 1:
            colors = None
            seen = np.unique(pixels)
            few = lossless and len(seen) <= MOST_LABELS and seen.max() < MOST_LABELS
            values = values | {int(value) for value in seen} if values is not None and few else None
        else:
            values = None
            gray = gray and bool((pixels[..., 0] == pixels[..., 1]).all())
            if colors is None:
                continue
            own = colors_of(pixels)
            colors = colors | own
            if not lossless or len(colors) > MOST_LABELS:
                colors = None
            for color in own:
                pictures_with[color] += 1
                first_with.setdefault(color, path.name)
    if values and len(values) > 1:
        return Found(f"labels:{max(values) + 1}", read=read)
    if colors and len(colors) > 1:
        alone = {color: first_with[color] for color in sorted(colors) if pictures_with[color] == 1}
        # Of one or two pictures each has colors of its own.
        return Found(
            f"labels:{len(colors)}", tuple(sorted(colors)), read, alone if read > 2 else {}
        )
    return Found("gray" if gray and colors is None else "rgb", read=read)


def colors_of(pixels: np.ndarray) -> set[Color]:
    """The colors of 8-bit pixels: ``(H, W, 3 or more)``; further bands are left out."""
    red, green, blue = (pixels[..., band].astype(np.uint32) for band in range(3))
    # One number a color: its uniques are found many times faster than those of rows.
    packed = np.unique(red << 16 | green << 8 | blue)
    return {(value >> 16, value >> 8 & 255, value & 255) for value in packed.tolist()}
