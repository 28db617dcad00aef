"""Look at a folder of pictures, say what is there, and write a recipe that fits it.

What is found is a guess by rules that stand here, one a function; the recipe is a text that its
user reads and edits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from stacks.survey_kinds import Found, kind_of
from translate.layouts import Layout
from translate.pairs import DataError, View, list_pictures, pictures_in
from translate.partners import partners, shared
from translate.view_names import SIDES, name_of, view_folders

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
Size = tuple[int, int]
SCALES = (2, 3, 4)
"""By which the targets of pairs may be larger than the sources."""


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
        scale: by how much the targets are larger than the sources, along a side.
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
    scale: int = 1

    @property
    def purpose(self) -> Literal["restoration", "enlargement", "generation", "translation"]:
        """What the pictures are good for: targets alone are degraded, classes are drawn."""
        if set(self.views) == {"target"}:
            return "restoration"
        if self.scale > 1:
            return "enlargement"
        return "translation" if "source" in self.views else "generation"

    @property
    def size(self) -> int:
        """Side of the crops to train on."""
        side = min(self.least)
        whole = [size for size in SIZES if size % self.scale == 0]
        return next((size for size in whole if size <= side), whole[-1])

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
    if training != ".":
        found = replace(
            survey_part(folder / training), folder=folder, path=training, apart=held_out
        )
        if held_out:
            rest = f"{held_out}/ {'is left aside' if found.why_none_held_out else 'validates'}"
        else:
            rest = "some of which are kept for validation"
        remark = f"{training}/ is trained on, {rest}"
        return replace(found, layout_remarks=(remark, *found.layout_remarks))
    return survey_part(folder)


def survey_part(folder: Path) -> Survey:
    """Look at a folder that is not split, or at a part of one."""
    parts = {name: path for name, path in view_folders(folder).items() if has_pictures(path)}
    if not parts:
        return survey_pictures(folder)
    views = named_views(parts)
    if views is None:
        return survey_classes(folder, list(parts.values()))
    return survey_views(folder, views)


def survey_views(folder: Path, views: Mapping[str, Path]) -> Survey:
    """One folder a view, source first."""
    given = {name: list_pictures(path) for name, path in views.items()}
    pictures = partners(given)
    both = sorted(shared(pictures.values()))
    if not both:
        example = {name: next(iter(paths)) for name, paths in pictures.items()}
        given = ", ".join(f"{name} has {first!r}" for name, first in example.items())
        raise DataError(
            f"{folder}: the views share no names ({given}); name the two pictures of a pair alike, "
            "or, where there are no pairs: pixstack train cyclegan -o runs/cyclegan "
            f"--set 'data.root=\"{folder}\"' --set 'data.folder=[{{ path = \".\" }}]'"
        )
    left = len(set().union(*pictures.values())) - len(both)
    remarks = [f"{left} pictures have no partner and must be removed first"] if left else []
    if pictures != given:
        files = (paths[both[0]].name for paths in pictures.values())
        remarks.append(f"names differ between views: {' goes with '.join(files)}, and so on")
    found = {name: kind_of([paths[stem] for stem in both]) for name, paths in pictures.items()}
    sizes = {
        name: [View(paths[stem], "rgb").size() for stem in both] for name, paths in pictures.items()
    }
    first = next(iter(sizes.values()))
    scale = scale_between(first, sizes["target"])
    if scale > 1:
        found = {name: as_picture(folder, name, kind, scale) for name, kind in found.items()}
        if len({kind.kind for kind in found.values()}) > 1:
            # What is enlarged is of one kind with what it becomes; gray files are read in color.
            found = dict.fromkeys(found, Found("rgb"))
        remarks.append(f"targets are {scale} times as large as their sources, which is learned")
    for name, own in sizes.items():
        own_scale = scale if name == "target" else 1
        for stem, one, other in zip(both, first, own, strict=True):
            if (own_scale * one[0], own_scale * one[1]) != other:
                raise DataError(
                    f"{pictures[name][stem]}: has {other[1]}x{other[0]} pixels, its partner "
                    f"{one[1]}x{one[0]}; make the pictures of a pair the same size, or all "
                    "targets 2, 3 or 4 times as large as their sources"
                )
    ends = extremes(sizes["target"])
    return Survey(folder, "views", found, len(both), *ends, remarks, scale=scale)


def scale_between(sources: Sequence[Size], targets: Sequence[Size]) -> int:
    """By how much most targets are larger than their sources (height, width); 1 if by nothing that
    a generator enlarges by.
    """
    factors = Counter(
        target[0] // source[0]
        for source, target in zip(sources, targets, strict=True)
        if target[0] * source[1] == target[1] * source[0] and target[0] % source[0] == 0
    )
    [(factor, count)] = factors.most_common(1) or [(1, 0)]
    return factor if factor in SCALES and count > len(targets) / 2 else 1


def as_picture(folder: Path, view: str, found: Found, scale: int) -> Found:
    """What a view of smaller sources or larger targets is: a picture, gray or in color.

    Raises:
        DataError: there are further views.
    """
    if view not in ("source", "target"):
        raise DataError(
            f"{folder}: targets are {scale} times as large as the sources, and there is {view!r} "
            "besides; write a recipe with data.scale for that (docs/data.md)"
        )
    return Found("rgb") if found.labels else found


def split_folders(folder: Path) -> tuple[str, str]:
    """The folders of what is trained on and what is held out: train and val; ".", "" without, and
    "train", "" where nothing that is held out is like what is trained on.

    They lie in the folder, or in those of both sides: A/train, B/train, A/val, B/val.
    """
    inside = view_folders(folder)
    sides = [inside[name] for name in both_sides(inside) or ()]
    for places in ([folder], sides):
        training = next(parts_in(places, TRAINING_FOLDERS), "")
        if not training:
            continue
        # A test set often comes without its targets.
        like, there = shape_of(folder / training), parts_in(places, HELD_OUT_FOLDERS)
        held_out = next((name for name in there if shape_of(folder / name) == like), "")
        # A class may be called train: without a held-out part, no other folder stands beside it.
        parts = {*TRAINING_FOLDERS, *HELD_OUT_FOLDERS}
        if held_out or all(set(view_folders(place)) <= parts for place in places):
            return training, held_out
    return ".", ""


def shape_of(folder: Path) -> tuple[bool, bool]:
    """Whether pictures lie in a folder, and in folders of both sides within it."""
    inside = {name: path for name, path in view_folders(folder).items() if has_pictures(path)}
    return has_pictures(folder), both_sides(inside) is not None


def parts_in(places: Sequence[Path], names: Sequence[str]) -> Iterator[str]:
    """Those of the names that are folders in every place; none without a place."""
    return (name for name in names if places and all((one / name).is_dir() for one in places))


def has_pictures(folder: Path) -> bool:
    """Whether any picture lies in a folder."""
    return folder.is_dir() and bool(pictures_in(folder))


def named_views(names: Mapping[str, Path]) -> dict[str, Path] | None:
    """Folders that are views, source first; None where they are no views."""
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
    found = {"target": as_photograph(kind_of(paths))}
    remark = "pictures without partners: taken for targets, whose sources are made by reducing them"
    return Survey(folder, "targets", found, len(pictures), *extremes(sizes), (remark,))


def as_photograph(found: Found) -> Found:
    """What pictures without partners are: flat colors that go with nothing are no labels."""
    return Found("rgb") if found.labels else found


def survey_classes(folder: Path, parts: Sequence[Path]) -> Survey:
    """One folder a class."""
    if len(parts) < 2:
        raise DataError(
            f"{folder}: holds the one folder {parts[0].name!r}; expected source/ and target/, a "
            "folder for each class, or pictures"
        )
    listed = [list_pictures(part) for part in parts]
    if len(parts) == 2 and set(listed[0]) == set(listed[1]):
        one, two = (path.name for path in parts)
        raise DataError(
            f"{folder}: {one!r} and {two!r} hold pictures of the same names, as pairs do; call the "
            "folder that is read 'source' and the other 'target' (or A and B), or give the "
            "pictures of two classes names of their own"
        )
    pictures = [path for paths in listed for path in paths.values()]
    sizes = [View(path, "rgb").size() for path in pictures]
    names = ", ".join(path.name for path in parts)
    label = Found(f"class:{len(parts)}", names=tuple(path.name for path in parts))
    found = {"label": label, "target": as_photograph(kind_of(pictures))}
    remark = f"taken for one class a folder: {names}; pairs are told by folders source and target"
    return Survey(folder, "classes", found, len(pictures), *extremes(sizes), (remark,))


def extremes(sizes: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The smallest and the largest (height, width), by the shorter side."""
    ordered = sorted(sizes, key=lambda size: (min(size), max(size)))
    return ordered[0], ordered[-1]
