"""The items of a folder with faults: what `translate.layouts` refuses is a finding here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stacks.doctor.findings import Finding
from translate.layouts import (
    Layout,
    Reading,
    joint_files,
    row_item,
    sample_item,
    table_rows,
    with_joints,
)
from translate.pairs import DataError, Half, Item, folders_in, list_pictures, seen_in
from translate.partners import partners, shared
from translate.pictures import File, Member
from translate.shards import read_samples, shard_files
from translate.view_names import view_folder

OTHER_PICTURES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".pbm", ".pgm", ".ppm", ".tga"}
)
"""Endings of pictures that training does not read."""


@dataclass
class Listing:
    """Sets of items, as of `translate.layouts.find_sets`, and what was wrong with other files.

    ``numbers`` are those of the rows that the items of a table come from, counted from 1.
    """

    sets: list[list[Item]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def note(self, check: str, path: File | str, what: str, todo: str) -> None:
        """An error of a file that no item reads."""
        self.findings.append(Finding(check, "error", what, todo, str(path)))


def list_items(folder: Path, layout: Layout, reading: Reading) -> Listing:
    """The items beneath a folder.

    Raises:
        DataError: a folder that the layout needs is missing or holds no pictures, so that there is
            nothing to look at.
    """
    listing = Listing()
    if layout == "table":
        listing.sets = [rows(folder, reading, listing)]
    elif layout == "shards":
        listing.sets = [sharded(folder, reading, listing)]
    elif layout == "classes":
        listing.sets = [classes(folder, reading, listing)]
    elif layout in ("views", "unpaired"):
        pictures = {
            view: pictures_of(view_folder(folder, view), listing) for view in reading.pictures
        }
        if layout == "views":
            listing.sets = [jointed(folder, matched(pictures, reading, listing), reading, listing)]
        else:
            listing.sets = [
                [Item(name, {view: reading.view(view, path)}) for name, path in paths.items()]
                for view, paths in pictures.items()
            ]
    else:
        halves: dict[str, Half] = {"source": "left", "target": "right"}
        if reading.swap:
            halves = {"source": "right", "target": "left"}
        if layout == "targets":
            halves = {"target": "whole"}
        listing.sets = [
            [
                Item(name, {view: reading.view(view, path, half) for view, half in halves.items()})
                for name, path in pictures_of(folder, listing).items()
            ]
        ]
    return listing


def pictures_of(folder: Path, listing: Listing) -> dict[str, Path]:
    """Pictures of a folder by name without extension, in name order.

    Raises:
        DataError: the folder is missing or holds no pictures.
    """

    def namesake(first: Path, second: Path) -> None:
        what = f"shares its name with {first.name}"
        listing.note("unmatched", second, what, "keep one of the two")

    for path in seen_in(folder) if folder.is_dir() else ():
        suffix = path.suffix.lower()
        if suffix in OTHER_PICTURES and path.is_file():
            what = f"training does not read {suffix} files, and passes over it"
            listing.findings.append(
                Finding("format", "warning", what, "convert it to PNG", str(path))
            )
    return list_pictures(folder, namesake)


def matched(
    pictures: Mapping[str, Mapping[str, Path]], reading: Reading, listing: Listing
) -> list[Item]:
    """The names that every view has; a picture whose name another view lacks is a finding."""
    pictures = partners(pictures)
    both = shared(pictures.values())
    for view, paths in pictures.items():
        for name, path in paths.items():
            if name not in both:
                lacking = [other for other, others in pictures.items() if name not in others]
                what = f"view {view!r} has it, but {' and '.join(map(repr, lacking))} not"
                listing.note("unmatched", path, what, "add its partners, or remove it")
    if not both:
        given = ", ".join(f"{view} has {next(iter(paths))!r}" for view, paths in pictures.items())
        raise DataError(f"the views share no names ({given}); name the pictures of a pair alike")
    return [
        Item(name, {view: reading.view(view, paths[name]) for view, paths in pictures.items()})
        for name in sorted(both)
    ]


def jointed(folder: Path, items: Sequence[Item], reading: Reading, listing: Listing) -> list[Item]:
    """The items with their joints, where views of keypoints go with them; one without is a finding.

    Raises:
        DataError: a file of joints is missing or cannot be read.
    """
    files, found = joint_files(folder, reading), list[Item]()
    for item in items:
        try:
            found.append(with_joints(item, files, reading, str(folder)))
        except DataError as error:
            what, _, todo = str(error).removeprefix(f"{folder}: ").partition("; ")
            listing.note("unmatched", next(iter(item.views.values())).path, what, todo)
    return found


def classes(folder: Path, reading: Reading, listing: Listing) -> list[Item]:
    """One folder a class; one that holds no pictures is a finding, and so is a wrong number."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected a folder of one folder a class")
    [view] = reading.classes
    found = {path.name: path for path in folders_in(folder)}
    names, count = list(reading.names.get(view, ())), reading.parsed[view].count
    for name in names:
        if name not in found:
            what, todo = "the class has no folder", "add its pictures, or take its name out"
            listing.note("classes", folder / name, what, todo)
    items: list[Item] = []
    order = names if names and set(found) <= set(names) else list(found)
    filled = 0
    for index, name in enumerate(order):
        if name not in found:
            continue
        try:
            pictures = pictures_of(found[name], listing)
        except DataError:
            what, todo = "the folder of a class holds no pictures", "add some, or remove it"
            listing.note("classes", found[name], what, todo)
            continue
        filled += 1
        target = {stem: reading.view("target", path) for stem, path in pictures.items()}
        items += [
            Item(f"{name}/{stem}", {"target": one}, {view: index}) for stem, one in target.items()
        ]
    if not names and filled != count:
        listing.note(
            "classes",
            folder,
            f"{filled} of its folders hold pictures; view {view!r} is of {count} classes",
            f"bring a folder a class, or write class:{filled}",
        )
    return items


def rows(file: Path, reading: Reading, listing: Listing) -> list[Item]:
    """The rows of a table that can be read."""
    items: list[Item] = []
    if reading.keypoints:
        # A file of joints that cannot be read is no fault of a row.
        _ = reading.table_joints
    for index, (where, row) in enumerate(table_rows(file, reading), start=1):
        try:
            items.append(row_item(row, index, reading, where))
        except DataError as error:
            what = str(error).removeprefix(f"{where}: ")
            listing.note("table", where, what, "mend the row, or remove it")
        else:
            listing.numbers.append(index)
    return items


def sharded(path: Path, reading: Reading, listing: Listing) -> list[Item]:
    """The samples of tars that have all their parts."""

    def twice(first: Member, second: Member) -> None:
        listing.note("unmatched", second, f"is the same view as {first.name}", "keep one of them")

    items: list[Item] = []
    files, fault = shard_files(path), None
    for file in files:
        try:
            samples = read_samples(file, twice)
        except DataError as error:
            fault = error
            what, _, todo = str(error).removeprefix(f"{file}: ").partition("; ")
            listing.note("unreadable", file, what, todo or "write the tar anew, or remove it")
            continue
        for key, sample in samples.items():
            try:
                items.append(sample_item(file, key, sample, reading))
            except DataError as error:
                where = f"{file}:{key}"
                what, _, todo = str(error).removeprefix(f"{where}: ").partition("; ")
                listing.note("unmatched", where, what, todo)
    if fault and not items:
        raise fault
    return items
