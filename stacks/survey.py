"""Look at a folder of pictures, say what is there, and write a recipe that fits it.

What is found is a guess by rules that stand here, one a function; the recipe is a text that its
user reads and edits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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

SAMPLE = 12
"""Pictures of a view that are decoded to tell its kind."""
MOST_LABELS = 64
"""A lossless picture of more values than this is a photograph."""
HELD_OUT = 0.1
"""Share of the pictures that is kept for validation."""
SIZES = (256, 192, 128, 96, 64, 32)
"""Crops that a recipe may have: networks halve them several times."""


@dataclass(frozen=True)
class Found:
    """What a view turned out to be."""

    kind: str
    palette: tuple[tuple[int, int, int], ...] = ()

    @property
    def labels(self) -> bool:
        """Whether its pictures are label maps."""
        return self.kind.startswith("labels:")


@dataclass(frozen=True)
class Survey:
    """A folder of pictures, understood.

    Args:
        folder: that was looked at.
        layout: how pairs lie in it.
        views: by name, source first.
        count: items.
        least: height and width of the smallest picture.
        most: of the largest one.
        remarks: what its user should know.
        swap: of side-by-side pictures the left half is the target.
    """

    folder: Path
    layout: Layout
    views: Mapping[str, Found]
    count: int
    least: tuple[int, int]
    most: tuple[int, int]
    remarks: tuple[str, ...] = field(default=())
    swap: bool = False

    @property
    def size(self) -> int:
        """Side of the crops to train on."""
        side = min(self.least)
        return next((size for size in SIZES if size <= side), SIZES[-1])

    @property
    def held_out(self) -> int:
        """Pictures kept for validation."""
        return max(1, round(self.count * HELD_OUT))


def survey(folder: Path) -> Survey:
    """Look at a folder.

    Raises:
        DataError: it is missing or empty, or nothing in it can be understood.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected pictures, or a folder for each view")
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
            f"{folder}: the views share no names ({given}); name the two pictures of a pair alike"
        )
    left = len(set.union(*names)) - len(shared)
    remarks = [f"{left} pictures have no partner and must be removed first"] if left else []
    found = {
        name: kind_of([paths[stem] for stem in spread(shared)]) for name, paths in pictures.items()
    }
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
                    f"{one[1]}x{one[0]}; make the pictures of a pair the same size"
                )
    return Survey(folder, "views", found, len(shared), *extremes(first), tuple(remarks))


def has_pictures(folder: Path) -> bool:
    """Whether any picture lies in a folder."""
    try:
        return bool(list_pictures(folder))
    except DataError:
        return False


def named_views(parts: Sequence[Path]) -> dict[str, Path] | None:
    """Folders that are views, source first; None where they are no views."""
    names = {path.name: path for path in parts}
    for source, target in (("source", "target"), ("A", "B")):
        if source in names and target in names:
            others = {name: path for name, path in names.items() if name not in (source, target)}
            return {"source": names[source], **others, "target": names[target]}
    return None


def survey_pictures(folder: Path) -> Survey:
    """One folder of pictures: pairs side by side, or targets alone."""
    pictures = list_pictures(folder)
    sizes = [View(path, "rgb").size() for path in pictures.values()]
    some = [pictures[name] for name in spread(sorted(pictures))]
    if all(width == 2 * height for height, width in sizes):
        found = {"source": kind_of(some, "left"), "target": kind_of(some, "right")}
        halves = [(height, width // 2) for height, width in sizes]
        remarks = ["twice as wide as high: taken for pairs side by side"]
        # Of a photograph and its labels the labels are what is at hand to start from.
        swap = found["target"].labels and not found["source"].labels
        if swap:
            found = {"source": found["target"], "target": found["source"]}
            remarks.append("the left half is a photograph, and was taken for the target")
        return Survey(
            folder, "side-by-side", found, len(pictures), *extremes(halves), tuple(remarks), swap
        )
    found = {"target": kind_of(some)}
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
    some = [pictures[index] for index in spread(range(len(pictures)))]
    found = {"label": Found(f"class:{len(parts)}"), "target": kind_of(some)}
    remark = f"taken for one class a folder: {names}"
    return Survey(folder, "classes", found, len(pictures), *extremes(sizes), (remark,))


def spread(items: Sequence) -> list:
    """A few items from first to last."""
    step = max(1, len(items) // SAMPLE)
    return list(items[::step])[:SAMPLE]


def extremes(sizes: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The smallest and the largest (height, width), by the shorter side."""
    ordered = sorted(sizes, key=lambda size: (min(size), max(size)))
    return ordered[0], ordered[-1]


def kind_of(paths: Sequence[Path], half: Half = "whole") -> Found:
    """The kind of a view, from some of its pictures.

    Label maps are lossless and of few values: small ids in one band, or a few flat colors.
    """
    values: set[int] | None = set()
    colors: set[tuple[int, int, int]] | None = set()
    gray = True
    for path in paths:
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
            flat = np.unique(pixels.reshape(-1, pixels.shape[2])[:, :3], axis=0)
            few = lossless and len(flat) <= MOST_LABELS
            if colors is not None and few:
                colors |= {(int(red), int(green), int(blue)) for red, green, blue in flat}
                few = len(colors) <= MOST_LABELS
            colors = colors if few else None
    if values and len(values) > 1:
        return Found(f"labels:{max(values) + 1}")
    if colors and len(colors) > 1:
        return Found(f"labels:{len(colors)}", tuple(sorted(colors)))
    return Found("gray" if gray and colors is None else "rgb")
