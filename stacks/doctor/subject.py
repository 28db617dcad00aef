"""What is looked at: the items of a recipe, training and held-out, faults and all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path

from stacks.data import reading_of
from stacks.doctor.findings import Finding
from stacks.doctor.headers import Header
from stacks.doctor.listing import Listing, list_items
from stacks.spec import FolderSpec, Recipe
from translate.layouts import Layout, keypoint_file
from translate.pairs import DataError, Item, View
from translate.pictures import File

TRAINING, HELD_OUT = "training", "validation"


@dataclass(frozen=True)
class Entry:
    """An item, and the split that it is in.

    Args:
        item: of it.
        split: that it is in.
        row: of a table, where the table lies beneath the root, and the number of the row, from 1.
    """

    item: Item
    split: str
    row: tuple[Path, int] | None = None


@dataclass
class Subject:
    """The items of a recipe.

    Args:
        name: as it was asked for.
        root: folder that all files, or their tars, lie beneath.
        recipe: how its items are read; of a folder, the one that `pixstack new` would write.
        guessed: the recipe was made from the pictures, so its sizes and palettes prove nothing.
        layout: of the items.
        entries: that can be looked at.
        findings: of files that are part of no entry.
    """

    name: str
    root: Path
    recipe: Recipe
    guessed: bool
    layout: Layout
    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def splits(self) -> dict[str, int]:
        """Items by split."""
        counts: dict[str, int] = {}
        for entry in self.entries:
            counts[entry.split] = counts.get(entry.split, 0) + 1
        return counts

    @property
    def aligned(self) -> bool:
        """Whether the views of an item lie on each other; a table may pair what does not."""
        return self.layout in ("views", "side-by-side", "shards")

    def files(self) -> dict[File, list[int]]:
        """Every file, with the places of the entries that read it."""
        files: dict[File, list[int]] = {}
        for place, entry in enumerate(self.entries):
            for path in dict.fromkeys(view.path for view in entry.item.views.values()):
                files.setdefault(path, []).append(place)
        return files

    def joint_files(self) -> list[Path]:
        """The files of joints, which are of all items."""
        data = self.recipe.data
        if data.joints is None:
            return []
        if self.layout == "table":
            return [self.root / data.joints.file]
        views = [view for view, kind in data.kinds.items() if kind.family == "keypoints"]
        folders = dict.fromkeys(self.root / folder.path for folder, _ in self.sources())
        return [keypoint_file(folder, view) for folder in folders for view in views]

    def views(self) -> dict[str, dict[File, View]]:
        """The files of each view, each once."""
        views: dict[str, dict[File, View]] = {}
        for entry in self.entries:
            for name, view in entry.item.views.items():
                views.setdefault(name, {}).setdefault(view.path, view)
        return views

    def sources(self) -> list[tuple[FolderSpec, str]]:
        """The folders, each with its split."""
        held_out = [(folder, HELD_OUT) for folder in self.recipe.validation.folder]
        return [(folder, TRAINING) for folder in self.recipe.data.folder] + held_out


def open_subject(name: str, recipe: Recipe, guessed: bool = False) -> Subject:
    """The items of a recipe's folders, with what is wrong with their names.

    Raises:
        DataError: there is nothing to look at.
    """
    root = Path(recipe.data.root)
    subject = Subject(name, root, recipe, guessed, recipe.data.layout)
    listed: dict[tuple[str, int, Layout], Listing] = {}
    for folder, split in subject.sources():
        layout = recipe.data.layout
        if split == HELD_OUT and layout == "unpaired":
            layout = "views"
        key = (folder.path, folder.reduce, layout)
        if key not in listed:
            listed[key] = list_items(root / folder.path, layout, reading_of(recipe, folder))
            subject.findings += listed[key].findings
        rows = [(Path(folder.path), number) for number in listed[key].numbers[folder.chosen()]]
        for items in listed[key].sets:
            # Items of other layouts are of no row.
            pairs = zip_longest(items[folder.chosen()], rows)
            subject.entries += [Entry(item, split, row) for item, row in pairs]
    if not subject.entries:
        raise DataError(f"{root}: no item is left to look at; see its names and data.folder")
    return subject


def kinds_seen(subject: Subject, values: Mapping[str, Sequence]) -> Recipe:
    """The recipe of a folder with the labels that all its pictures have, not only the first ones.

    Args:
        subject: whose recipe was made from some of the pictures.
        values: of each view of labels: colors, or ids in one number each.
    """
    data = subject.recipe.data
    views, palettes = dict(data.views), dict(data.palette)
    for view, seen in values.items():
        if view in palettes:
            palettes[view] = tuple(seen)
            views[view] = f"labels:{len(seen)}"
        else:
            views[view] = f"labels:{max(seen) + 1}"
    return replace(subject.recipe, data=replace(data, views=views, palette=palettes))


Headers = Mapping[File, Header | DataError]


def sized(view: View, headers: Headers) -> tuple[int, int] | None:
    """(height, width) that training would bring a view to; None where its file is unreadable."""
    header = headers[view.path]
    if not isinstance(header, Header):
        return None
    width = header.width // 2 if view.half != "whole" else header.width
    return view.sized(header.height, width)
