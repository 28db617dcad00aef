"""Where the samples of tars go in a clean copy, which is of folders: one a view, or one a class.

What a tar calls its members makes names of files here, and never paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import cast

from stacks.doctor.subject import Subject
from translate.pairs import Item
from translate.pictures import Member


class CleanError(ValueError):
    """A copy cannot be written; the message says why and what to do."""


def data_folders(subject: Subject) -> list[Path]:
    """Folders of the data, into which nothing is written; a tar is none."""
    if subject.layout != "shards":
        return [subject.root]
    return [subject.root / folder.path for folder, _ in subject.sources()]


def beneath_root(subject: Subject, path: str) -> Path:
    """Where a folder or a table of the recipe lies beneath the root, and so beneath the copy.

    Raises:
        CleanError: it does not.
    """
    try:
        place = (subject.root / path).relative_to(subject.root)
    except ValueError:
        place = None
    if place is None or ".." in place.parts:
        raise CleanError(
            f"{path}: does not lie beneath {subject.root}, so a copy has no place for it; name a "
            "data.root above all folders"
        )
    return place


def places_of_members(subject: Subject, kept: Sequence[int]) -> dict[Member, Path]:
    """A path beneath the copy for each picture of the kept entries that is a member of a tar.

    Raises:
        CleanError: samples have a source and a class, or two pictures would be called the same.
    """
    items = [subject.entries[place].item for place in kept]
    shards = {view.path.shard for item in items for view in item.views.values()
              if isinstance(view.path, Member)}  # fmt: skip
    starts = {shard: start_of(subject, shard) for shard in shards}
    places: dict[Member, Path] = {}
    # By names without their endings, by which the views of a folder find each other.
    taken: dict[Path, Member] = {}
    for item in items:
        for view, picture in item.views.items():
            member = picture.path
            if not isinstance(member, Member):
                continue
            folder, prefix = starts[member.shard]
            bare = folder / folder_of(subject, item, view) / f"{prefix}{plain(item.name)}"
            other = taken.setdefault(bare, member)
            if other != member:
                raise CleanError(f"{other} and {member} would both be {bare}; rename one of them")
            places[member] = bare.with_name(f"{bare.name}{member.suffix}")
    return places


def start_of(subject: Subject, shard: Path) -> tuple[Path, str]:
    """The folder of a tar's samples, and what their names begin with.

    Each folder of the recipe stays one, so that what trains and what validates stay apart; of the
    samples of several tars in it the names begin with those of the tars.
    """
    paths = list(dict.fromkeys(folder.path for folder, _ in subject.sources()))
    [path, *_] = [path for path in paths if subject.root / path in (shard, shard.parent)]
    prefix = f"{plain(shard.stem)}-" if subject.root / path != shard else ""
    if len(paths) == 1:
        return Path(), prefix
    folder = beneath_root(subject, path)
    return folder.with_suffix("") if path.lower().endswith(".tar") else folder, prefix


def folder_of(subject: Subject, item: Item, view: str) -> str:
    """The folder of a view, or of a class; none of targets alone."""
    classes = [name for name, value in item.values.items() if isinstance(value, int)]
    if classes and len(item.views) > 1:
        raise CleanError(
            "samples with a source and a class have no layout of folders; remove those with "
            "errors from the tar"
        )
    if classes:
        value = cast(int, item.values[classes[0]])
        names = subject.recipe.data.names.get(classes[0], ())
        width = len(str(subject.recipe.data.kinds[classes[0]].count - 1))
        # Numbers of one width: folders are read in the order of their names.
        return plain(names[value]) if names else f"{value:0{width}d}"
    return view if len(item.views) > 1 else ""


def plain(name: str) -> str:
    """One name of a file from what a tar calls something: folders joined, none led out of."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "-".join(part for part in parts if part not in ("/", "..")) or "unnamed"
