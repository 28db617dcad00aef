"""How pairs lie in folders.

- ``targets``: one folder of target pictures; the source is made by a declared degradation, or the
  stack starts from noise;
- ``views``: one folder a view (``A`` and ``B``, ``LQ`` and ``GT`` and others are taken for source
  and target, see `translate.view_names`), the same names in each, or nearly (`translate.partners`);
- ``side-by-side``: pictures whose left half is the source and right half the target, or the other
  way round;
- ``unpaired``: one folder a view, as in ``views``, but a picture of one has no partner in another;
- ``classes``: one folder a class of target pictures, in the order of the class names where folders
  are called like them, else in name order;
- ``shards``: a tar of samples, or a folder of tars, as the webdataset library reads them (see
  `translate.shards`);
- ``table``: a CSV file whose columns, or a JSONL file whose keys, are views: paths of pictures
  beneath the data root, classes by number or name, and angles in degrees.

Keypoints are read in two of these: in ``views``, from ``VIEW.csv`` or ``VIEW.json`` beside the
folders, by the names of the pictures; in a ``table``, whose columns name the pictures that they are
of, from the one file of the recipe.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from translate.joints import JointsSpec
from translate.keypoints import KeypointFile, bare, read_keypoints, resized
from translate.kinds import Kind, parse_kind
from translate.pairs import (
    DataError,
    Half,
    Item,
    Joints,
    Palette,
    View,
    folders_in,
    list_pictures,
)
from translate.partners import partners
from translate.pictures import File
from translate.rows import Row, read_table
from translate.shards import Sample, read_samples, shard_files
from translate.view_names import view_folder

Aligned = Literal["targets", "views", "side-by-side", "classes", "table", "shards"]
"""Layouts of items whose views belong together."""
Layout = Literal[Aligned, "unpaired"]


@dataclass(frozen=True)
class Reading:
    """What the views are and how their pictures are brought to size.

    Args:
        kinds: view name -> kind, source first.
        reduce: shrink by this whole factor when decoding.
        fit: height and width that whole pictures are brought to.
        swap: in side-by-side pictures, the left half is the target.
        palettes: colors of the labels, by view.
        names: of the classes, by view.
        root: where the pictures that a table names lie.
        joints: that the keypoints are of.
        scale: pixels of the target on one of the other views, along a side.
    """

    kinds: Mapping[str, str]
    reduce: int = 1
    fit: tuple[int, int] | None = None
    swap: bool = False
    palettes: Mapping[str, Palette] = field(default_factory=dict)
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    root: Path = Path()
    joints: JointsSpec | None = None
    scale: int = 1

    @functools.cached_property
    def parsed(self) -> dict[str, Kind]:
        """The kinds, read."""
        return {view: parse_kind(text) for view, text in self.kinds.items()}

    @functools.cached_property
    def pictures(self) -> list[str]:
        """Views that come as files."""
        return [view for view, kind in self.parsed.items() if kind.is_picture]

    @functools.cached_property
    def classes(self) -> list[str]:
        """Views that are classes."""
        return [view for view, kind in self.parsed.items() if kind.family == "class"]

    @functools.cached_property
    def values(self) -> list[str]:
        """Views that are told without pictures: classes, angles and keypoints."""
        return [view for view, kind in self.parsed.items() if kind.is_value]

    @functools.cached_property
    def keypoints(self) -> list[str]:
        """Views that are keypoints."""
        return [view for view, kind in self.parsed.items() if kind.family == "keypoints"]

    @functools.cached_property
    def header(self) -> Callable[[View], tuple[int, int]]:
        """(height, width) of a picture's file, read once: a table names it in many pairs."""
        return functools.cache(View.given)

    def measure(self, picture: View) -> tuple[int, int]:
        """(height, width) of a decoded picture, by its header."""
        return picture.sized(*self.header(picture))

    def joints_in(self, file: Path) -> KeypointFile:
        """What a file of keypoints holds."""
        return read_keypoints(file, self.joints.names if self.joints else ())

    @functools.cached_property
    def table_joints(self) -> KeypointFile:
        """The joints of all pictures that the columns of a table name."""
        return self.joints_in(self.root / (self.joints.file if self.joints else ""))

    def placed(self, joints: Joints, picture: View) -> Joints:
        """Joints in pixels of a picture's file, in those of the decoded picture."""
        if self.reduce == 1 and not self.fit:
            return joints
        return resized(joints, self.header(picture), self.measure(picture))

    def view(self, name: str, path: File, half: Half = "whole") -> View:
        """A view of an item."""
        # In tuples, by which views can be told to be the same.
        palette = tuple(tuple(color) for color in self.palettes.get(name, ()))
        return View(path, self.kinds[name], half, self.reduce, self.fit, palette)


def find_sets(folder: Path, layout: Layout, reading: Reading) -> list[list[Item]]:
    """Sets of items that are drawn from independently of each other, each as of `find_items`.

    One set in layouts whose views belong together; of unpaired pictures, one a view.

    Raises:
        DataError: as `find_items`.
    """
    if layout != "unpaired":
        return [find_items(folder, layout, reading)]
    sets = {view: list_pictures(view_folder(folder, view)) for view in reading.pictures}
    for view, paths in sets.items():
        for path in paths.values():
            reading.view(view, path).size()  # of what is no picture, it says so
    return [
        [Item(name, {view: reading.view(view, path)}) for name, path in paths.items()]
        for view, paths in sets.items()
    ]


def find_items(folder: Path, layout: Aligned, reading: Reading) -> list[Item]:
    """Items beneath ``folder`` in a layout, in name order (of a table in its own; of tars that of
    the keys, tar by tar), headers checked.

    Raises:
        DataError: a folder or file is missing, empty or unreadable, or views do not fit.
    """
    items = LAYOUTS[layout](folder, reading)
    for item in items:
        item.check(len(item.views) > 1, reading.measure, reading.scale)
    return items


def targets(folder: Path, reading: Reading) -> list[Item]:
    """One folder of pictures."""
    return [
        Item(name, {"target": reading.view("target", path)})
        for name, path in list_pictures(folder).items()
    ]


def views(folder: Path, reading: Reading) -> list[Item]:
    """One folder a view."""
    folders = {view: view_folder(folder, view) for view in reading.pictures}
    items = match({view: list_pictures(path) for view, path in folders.items()}, reading)
    files = joint_files(folder, reading)
    return [with_joints(item, files, reading, str(folder)) for item in items]


def joint_files(folder: Path, reading: Reading) -> dict[str, KeypointFile]:
    """The joints of every view of keypoints, which lie beside the folders of the pictures."""
    return {view: reading.joints_in(keypoint_file(folder, view)) for view in reading.keypoints}


def with_joints(
    item: Item, files: Mapping[str, KeypointFile], reading: Reading, where: str
) -> Item:
    """An item with the joints that the files have under its name.

    Raises:
        DataError: a file has none; ``where`` it was looked for is told.
    """
    picture = next(iter(item.views.values()))
    # Of partners whose names differ, the joints are under the one or the other.
    known = [
        item.name,
        *(one.path.stem for one in item.views.values() if isinstance(one.path, Path)),
    ]
    given = {
        view: file.of(next((name for name in known if name in file.joints), known[0]), where)
        for view, file in files.items()
    }
    placed = {view: reading.placed(places, picture) for view, places in given.items()}
    return replace(item, values={**item.values, **placed})


def keypoint_file(folder: Path, view: str) -> Path:
    """Where the joints of a view lie: beside the folders of the pictures."""
    files = [folder / f"{view}{suffix}" for suffix in (".csv", ".json")]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        expected = " or ".join(str(file) for file in files)
        raise DataError(f"{folder}: holds no joints of view {view!r}; expected {expected}")
    return found


def side_by_side(folder: Path, reading: Reading) -> list[Item]:
    """Two views in one picture."""
    left, right = ("target", "source") if reading.swap else ("source", "target")
    return [
        Item(
            name,
            {left: reading.view(left, path, "left"), right: reading.view(right, path, "right")},
        )
        for name, path in list_pictures(folder).items()
    ]


def classes(folder: Path, reading: Reading) -> list[Item]:
    """One folder a class."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected a folder of one folder a class")
    [view] = reading.classes
    found = {path.name: path for path in folders_in(folder)}
    count = reading.parsed[view].count
    if len(found) != count:
        raise DataError(
            f"{folder}: has {len(found)} folders; view {view!r} is of {count} classes, one a folder"
        )
    names = reading.names.get(view, ())
    # A class keeps its number where the recipe names it: "10" would stand before "2" otherwise.
    order = list(names) if set(names) == set(found) else list(found)
    return [
        Item(f"{one}/{name}", {"target": reading.view("target", picture)}, {view: index})
        for index, one in enumerate(order)
        for name, picture in list_pictures(found[one]).items()
    ]


def table(file: Path, reading: Reading) -> list[Item]:
    """A CSV file with a row an item, or a JSONL file with an object an item."""
    return [
        row_item(row, index, reading, where)
        for index, (where, row) in enumerate(table_rows(file, reading), start=1)
    ]


def table_rows(file: Path, reading: Reading) -> list[tuple[str, Row]]:
    """The rows of a table, each behind the place where it stands.

    Raises:
        DataError: no such file, no table, no rows, or a view that has no column.
    """
    if not file.is_file():
        raise DataError(f"{file}: no such table; expected a CSV file with a column a view")
    columns, rows = read_table(file)
    check_columns(file, columns, reading)
    if not rows:
        raise DataError(f"{file}: has no rows; expected one for each item")
    return rows


def check_columns(file: Path, columns: Sequence[str], reading: Reading) -> None:
    """Every view has a column."""
    for view in [*reading.pictures, *reading.values]:
        if view not in columns:
            raise DataError(
                f"{file}: has no column {view!r}, but data.views names it; its columns are "
                f"{', '.join(columns)}"
            )


def row_item(row: Row, index: int, reading: Reading, where: str) -> Item:
    """The item of a row, the ``index``-th one; ``where`` it stands, for what is said of it."""
    pictures = {
        view: reading.view(view, inside(reading.root, row[view], where))
        for view in reading.pictures
    }
    # Pixels of joints are those of the picture that they are of, where the row has it.
    owners = {bare(row[view] or ""): picture for view, picture in pictures.items()}

    def value(view: str) -> int | float | Joints:
        text, family = row[view], reading.parsed[view].family
        if family == "class":
            return class_id(text, view, reading, where)
        if family == "angle":
            return angle(text, view, where)
        owner = owners.get(bare(text or ""), next(iter(pictures.values())))
        return reading.placed(reading.table_joints.of(text, where), owner)

    values = {view: value(view) for view in reading.values}
    return Item(row.get("name") or f"{index:06d}", pictures, values)


def shards(path: Path, reading: Reading) -> list[Item]:
    """Tars of samples."""
    return [
        sample_item(file, key, sample, reading)
        for file in shard_files(path)
        for key, sample in read_samples(file).items()
    ]


def sample_item(file: Path, key: str, sample: Sample, reading: Reading) -> Item:
    """The item of a sample of a tar.

    Raises:
        DataError: a view has no picture or class in it.
    """
    where, pictures = f"{file}:{key}", dict[str, View]()
    for view in reading.pictures:
        member = sample.picture(view)
        if member is None:
            raise DataError(
                f"{where}: has no picture of view {view!r}; add {key}.{view}.png, or take the "
                "sample out"
            )
        pictures[view] = reading.view(view, member)
    if reading.classes and sample.label is None:
        raise DataError(f"{where}: has no class; add {key}.cls, or take the sample out")
    values = {view: class_id(sample.label, view, reading, where) for view in reading.classes}
    return Item(key, pictures, values)


def inside(folder: Path, name: str | None, where: str) -> Path:
    """A path that a table names, which may not lead out of the data root."""
    path = folder / (name or "")
    if not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise DataError(f"{where}: got the path {name!r}; expected one beneath {folder}")
    return path


def class_id(text: str | None, view: str, reading: Reading, where: str) -> int:
    """A class by its name or number."""
    names, count = list(reading.names.get(view, ())), reading.parsed[view].count
    if text in names:
        return names.index(text)
    if text and text.isdecimal() and int(text) < count:
        return int(text)
    known = ", ".join(names) or f"0..{count - 1}"
    raise DataError(f"{where}: {view} is {text!r}; expected one of {known}")


def angle(text: str | None, view: str, where: str) -> float:
    """An angle in degrees."""
    try:
        degrees = float(text or "")
    except ValueError:
        degrees = math.nan
    if not math.isfinite(degrees):
        raise DataError(f"{where}: {view} is {text!r}; expected an angle in degrees")
    return degrees


def match(pictures: Mapping[str, Mapping[str, Path]], reading: Reading) -> list[Item]:
    """Join the views that belong together; one that any view lacks is an error."""
    pictures = partners(pictures)
    names = set().union(*(set(view) for view in pictures.values()))
    for view, paths in pictures.items():
        missing = sorted(names - set(paths))
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            folder = next(iter(paths.values())).parent
            raise DataError(
                f"{folder}: view {view!r} has no picture named {missing[0]!r}{more}; every name "
                f"must stand in each of: {', '.join(pictures)}; add it, or remove its partners"
            )
    return [
        Item(name, {view: reading.view(view, paths[name]) for view, paths in pictures.items()})
        for name in sorted(names)
    ]


LAYOUTS = {
    "targets": targets,
    "views": views,
    "side-by-side": side_by_side,
    "classes": classes,
    "table": table,
    "shards": shards,
}
