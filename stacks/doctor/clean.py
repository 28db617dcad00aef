"""A copy of the data without the items that have errors; the original stays as it is."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
from collections.abc import Container, Mapping, Set
from pathlib import Path
from typing import cast

import pyvips

from stacks.data import reading_of
from stacks.doctor.examine import Report
from stacks.doctor.findings import condemned
from stacks.doctor.modes import convertible
from stacks.doctor.subject import Subject
from stacks.doctor.unpacking import (
    CleanError,
    beneath_root,
    data_folders,
    places_of_members,
)
from stacks.spec import FolderSpec
from stacks.whole import unfinished, write_whole
from translate.layouts import table_rows
from translate.pairs import DataError, label_picture, open_picture, to_kind
from translate.pictures import File, Member
from translate.rows import JSON_LINES

NO_LINKS = (
    *(errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK),
    *(errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP),
)
"""What is said of links to another file system, and where there are none, or no more of a file."""


def write_clean(report: Report, to: Path, copy: bool = False) -> dict[str, int]:
    """Write the files of all items without errors beneath ``to``, where they lie beneath the root.

    It is there whole or not at all. Files are linked, which takes no space, and copied where the
    file system has no links; those in another mode than their view's are written anew as PNG.
    Samples of tars come as folders, one a view or one a class.

    Args:
        report: what to leave out.
        to: the folder to write, which must not exist.
        copy: never link, so that a program that changes a file in place changes no original.

    Returns:
        items kept and left out, files linked or copied, files translated.

    Raises:
        CleanError: the folder exists or lies inside the data, or nothing would be left; samples of
            tars have what folders cannot hold; two files would be called the same; a folder of the
            recipe does not lie beneath the root.
    """
    subject = report.subject
    bad = condemned(report.findings)
    kept = [place for place in range(len(subject.entries)) if place not in bad]
    if to.exists():
        raise CleanError(f"{to} exists; name a folder that does not")
    if any(to.resolve().is_relative_to(folder.resolve()) for folder in data_folders(subject)):
        raise CleanError(f"{to} lies inside the data in {subject.root}; name a folder beside it")
    if not kept:
        raise CleanError("every item has an error; there is nothing to write")
    if subject.layout != "shards":
        for folder, _ in subject.sources():
            beneath_root(subject, folder.path)
    pictures = (view.path for place in kept for view in subject.entries[place].item.views.values())
    wanted = dict.fromkeys([*pictures, *subject.joint_files()])
    unpacked = places_of_members(subject, kept)
    kinds = convertible(subject, report.headers)
    given = {path: unpacked[path] if isinstance(path, Member) else path.relative_to(subject.root)
             for path in wanted}  # fmt: skip
    places = places_of_files(given, kinds)
    translated = [path for path in places if path in kinds]
    names = {given[path].as_posix(): places[path].as_posix() for path in translated}
    to.parent.mkdir(parents=True, exist_ok=True)
    temporary = unfinished(to)
    try:
        for path, place in places.items():
            target = temporary / place
            target.parent.mkdir(parents=True, exist_ok=True)
            if path in kinds:
                translate(path, kinds[path], target)
            else:
                bring(path, target, copy)
        if subject.layout == "table":
            write_tables(report, temporary, kept, names)
        os.rename(temporary, to)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return {
        "items": len(kept),
        "left_out": len(bad),
        "brought": len(wanted) - len(translated),
        "translated": len(translated),
    }


def places_of_files(given: Mapping[File, Path], translated: Container[File]) -> dict[File, Path]:
    """Where each file goes beneath the copy, no two to the same place.

    A table may name ``1.png`` and ``1.jpg``. Where only the second one is translated, it becomes
    ``1.jpg.png``.

    Args:
        given: where each lies beneath the data.
        translated: those that become PNG.

    Raises:
        CleanError: that name is taken too.
    """
    places = {path: place for path, place in given.items() if path not in translated}
    # As a file system tells names apart that takes no notice of their case.
    taken = {place.as_posix().casefold() for place in places.values()}
    for path, place in given.items():
        if path in places:
            continue
        names = (place.with_suffix(".png"), place.with_name(f"{place.name}.png"))
        free = [name for name in names if name.as_posix().casefold() not in taken]
        if not free:
            raise CleanError(
                f"{path} would become {names[0]} or {names[1]}, which other files are called; "
                "rename one of them"
            )
        places[path] = free[0]
        taken.add(free[0].as_posix().casefold())
    return places


def bring(path: File, target: Path, copy: bool) -> None:
    """A file under another name: linked, or copied; a member of a tar is written out."""
    if isinstance(path, Member):
        target.write_bytes(path.read())
        return
    if not copy:
        try:
            os.link(path.resolve(), target)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
        else:
            return
    shutil.copy2(path, target)


def translate(path: File, kind: str, target: Path) -> None:
    """A picture as reading its view makes it, in 8 bits, as PNG."""
    image = open_picture(path)
    labels = kind.startswith("labels:")
    # Into a file of its own: what stood at the place, were it a link, would be written through.
    fresh = unfinished(target)
    try:
        image = in_eight_bits(label_picture(image)) if labels else to_kind(image, kind)
        # Neither profile nor orientation: both are in the pixels now.
        image.pngsave(str(fresh), keep=pyvips.enums.ForeignKeep.NONE)
        os.replace(fresh, target)
    except pyvips.Error as error:
        raise DataError(f"{path}: cannot be decoded: {' '.join(str(error).split())}") from None


def in_eight_bits(labels: pyvips.Image) -> pyvips.Image:
    """A label picture as a file of 8 bits keeps it.

    Ids above 255, which a quick check has not seen, stay in 16 bits, for training to refuse.
    """
    if labels.format != "uchar" and cast(float, labels.max()) > 255:
        return labels
    # A picture that calls itself one of 16 bits would be written as such.
    return labels.cast("uchar").copy(interpretation="b-w" if labels.bands == 1 else "srgb")


def write_tables(report: Report, to: Path, kept: list[int], names: Mapping[str, str]) -> None:
    """The tables, without the rows of the items that are left out."""
    subject = report.subject
    rows = {subject.entries[place].row for place in kept}
    # Each once, though a recipe may train on the first of its rows and validate on the last.
    tables = {Path(folder.path): folder for folder, _ in subject.sources()}
    for path, folder in tables.items():
        numbers = {row[1] for row in rows if row and row[0] == path}
        write_table(subject, folder, to / beneath_root(subject, folder.path), numbers, names)


def write_table(
    subject: Subject, folder: FolderSpec, to: Path, numbers: Set[int], names: Mapping[str, str]
) -> None:
    """One table, in its own format.

    Args:
        subject: whose table it is.
        folder: that names it.
        to: the file to write.
        numbers: of the rows to keep, from 1.
        names: of translated pictures, by what they were called.
    """
    file = subject.root / folder.path
    pictures = [view for view, kind in subject.recipe.data.kinds.items() if kind.is_picture]
    rows: list[dict[str, str | None]] = []
    given = [row for _, row in table_rows(file, reading_of(subject.recipe, folder))]
    for number, row in enumerate(given, start=1):
        if number in numbers:
            # A table may write "./a.jpg", which is a.jpg.
            plain = {view: Path(row[view] or "").as_posix() for view in pictures}
            told = {view: names.get(name, row[view]) for view, name in plain.items()}
            rows.append(dict(row) | told)
    text = io.StringIO(newline="")
    if file.suffix.lower() in JSON_LINES:
        text.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    else:
        # Cells behind the last column, which have no name, are read by nobody.
        columns = [column for column in given[0] if column is not None]
        writer = csv.DictWriter(text, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    write_whole(to, text.getvalue().encode())
