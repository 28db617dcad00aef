"""A recipe for a folder that may have faults: the one that `pixstack new` would write without them.

`stacks.survey` refuses the first fault that it meets; here the majority of the pictures is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyvips

from stacks.doctor.headers import Header, header_or_fault
from stacks.recipe import parse_recipe, toml_key, toml_value
from stacks.spec import FolderSpec, Recipe
from stacks.starter import starter
from stacks.survey import (
    Size,
    Survey,
    as_photograph,
    as_picture,
    extremes,
    has_pictures,
    named_views,
    scale_between,
    split_folders,
)
from stacks.survey_kinds import Found, kind_of, spread
from stacks.survey_shards import (
    MAJORITY,
    MOST_CLASSES,
    complete,
    label_of,
    picture,
    samples_of,
    surveyed_shards,
    views_of,
)
from translate.pairs import SUFFIXES, DataError, Half, list_pictures, pictures_in
from translate.partners import partners
from translate.pictures import File
from translate.rows import JSON_LINES, read_table
from translate.shards import is_shards
from translate.view_names import view_folders

TABLES = JSON_LINES | {".csv"}


def guess(path: Path, name: str = "checked") -> Recipe:
    """The recipe of a folder, of a table of pairs, or of tars of samples.

    Raises:
        DataError: it is missing or empty, or nothing in it can be understood.
    """
    if path.suffix.lower() in TABLES:
        return of_table(path, name)
    if is_shards(path):
        return of_shards(path, name)
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; expected pictures, or a folder for each view")
    training, held_out = split_folders(path)
    recipe = parse_recipe(starter(majority(path / training), name, str(path)))
    if training == ".":
        return recipe
    data = replace(recipe.data, folder=(FolderSpec(training),))
    if not held_out:
        return replace(recipe, data=data, validation=replace(recipe.validation, folder=()))
    degrade = next(iter(recipe.degrade.choices), "")
    validation = replace(recipe.validation, folder=(FolderSpec(held_out),), degrade=degrade)
    return replace(recipe, data=data, validation=validation)


def majority(folder: Path) -> Survey:
    """What most pictures of a folder are."""
    parts = {name: path for name, path in view_folders(folder).items() if has_pictures(path)}
    if not parts:
        return alone(folder)
    views = named_views(parts)
    if views is None:
        if len(parts) < 2:
            raise DataError(
                f"{folder}: holds the one folder {min(parts)!r}; expected source/ and target/, "
                "a folder for each class, or pictures"
            )
        paths = [path for part in parts.values() for path in pictures_in(part)]
        found = {
            "label": Found(f"class:{len(parts)}"),
            "target": as_photograph(voted(spread(paths))),
        }
        return surveyed(folder, "classes", found, paths)
    found = {view: voted(spread(pictures_in(path))) for view, path in views.items()}
    seen = surveyed(folder, "views", found, pictures_in(views["target"]))
    scale = scale_between(*sizes_of_pairs(views["source"], views["target"]))
    if scale == 1 or set(found) != {"source", "target"}:
        return seen
    pictures = {view: as_picture(folder, view, kind, scale) for view, kind in found.items()}
    return replace(seen, views=pictures, scale=scale)


def sizes_of_pairs(sources: Path, targets: Path) -> tuple[list[Size], list[Size]]:
    """(height, width) of some pictures and of their partners."""
    sides = {"source": sources, "target": targets}
    one, other = partners(
        {view: {path.stem: path for path in pictures_in(part)} for view, part in sides.items()}
    ).values()
    shared = [stem for stem in one if stem in other]
    headers = [
        (header_or_fault(one[stem]), header_or_fault(other[stem])) for stem in spread(shared)
    ]
    sound = [
        ((source.height, source.width), (target.height, target.width))
        for source, target in headers
        if isinstance(source, Header) and isinstance(target, Header)
    ]
    return [source for source, _ in sound], [target for _, target in sound]


def alone(folder: Path) -> Survey:
    """One folder of pictures: pairs side by side, or targets alone."""
    paths = pictures_in(folder)
    if not paths:
        # It says what a folder should hold.
        list_pictures(folder)
    some = spread(paths)
    sizes = sizes_of(some)
    double = [width == 2 * height for height, width in sizes]
    if sum(double) < MAJORITY * len(sizes):
        return surveyed(folder, "targets", {"target": as_photograph(voted(some))}, paths)
    found = {"source": voted(some, "left"), "target": voted(some, "right")}
    swap = found["target"].labels and not found["source"].labels
    if swap:
        found = {"source": found["target"], "target": found["source"]}
    return replace(surveyed(folder, "side-by-side", found, paths), swap=swap)


def surveyed(folder: Path, layout, found: Mapping[str, Found], paths: Sequence[Path]) -> Survey:
    """A survey; the sizes are those of some pictures, by which a crop is chosen."""
    sizes = sizes_of(spread(paths))
    if layout == "side-by-side":
        sizes = [(height, width // 2) for height, width in sizes]
    return Survey(folder, layout, found, len(paths), *extremes(usual(sizes)))


def usual(sizes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without the smallest quarter: one odd picture among many does not make the crop small."""
    return sorted(sizes, key=min)[len(sizes) // 4 :]


def sizes_of(paths: Sequence[File]) -> list[tuple[int, int]]:
    """(height, width) of those that can be read.

    Raises:
        DataError: none can.
    """
    headers = [header_or_fault(path) for path in paths]
    sizes = [(one.height, one.width) for one in headers if isinstance(one, Header)]
    if not sizes:
        fault = next(header for header in headers if isinstance(header, DataError))
        raise DataError(f"{fault}; and so it is with every picture that was tried")
    return sizes


def voted(paths: Sequence[File], half: Half = "whole") -> Found:
    """The kind of most of these pictures; those that cannot be read have no vote.

    Raises:
        DataError: none can be read.
    """
    ballots: list[tuple[File, Found]] = []
    fault: DataError | None = None
    for path in paths:
        header = header_or_fault(path)
        if isinstance(header, DataError):
            fault = header
            continue
        try:
            ballots.append((path, kind_of([path], half)))
        except (DataError, pyvips.Error) as error:
            fault = DataError(f"{path}: cannot be decoded: {' '.join(str(error).split())}")
    if not ballots:
        raise fault or DataError("no pictures to look at")
    # A label map that shows one label alone looks like a gray picture; together they are labels.
    together = kind_of([path for path, _ in ballots], half)
    labels = [path for path, found in ballots if found.labels]
    if together.labels or len(labels) < MAJORITY * len(ballots):
        return together
    return kind_of(labels, half)


def of_table(file: Path, name: str) -> Recipe:
    """The recipe of a table: columns of paths are views, a column of few values is classes.

    Raises:
        DataError: no column holds paths of pictures, or none is called target.
    """
    if not file.is_file():
        raise DataError(f"{file}: no such table; expected a CSV or JSONL file")
    columns, placed = read_table(file)
    rows = [row for _, row in placed]
    if not rows:
        raise DataError(f"{file}: has no rows; expected one for each item")
    views: dict[str, Found] = {}
    classes: dict[str, list[str]] = {}
    pictures: list[Path] = []
    for column in columns:
        told = [value for row in rows if isinstance(value := row.get(column), str) and value]
        named = [value for value in told if Path(value).suffix.lower() in SUFFIXES]
        if column == "name":
            continue
        if told and len(named) >= MAJORITY * len(told):
            paths = [file.parent / value for value in spread(list(dict.fromkeys(named)))]
            there = [path for path in paths if path.is_file()]
            if not there:
                raise DataError(
                    f"{file}: column {column!r} names {paths[0]}, and there is no such file; paths "
                    f"are seen from {file.parent}"
                )
            views[column] = voted(there)
            pictures = paths if column == "target" else pictures
        elif 1 < len(values := sorted(set(told))) <= min(MOST_CLASSES, len(told) / 2):
            classes[column] = values
    if not {"source", "target"} <= set(views):
        raise DataError(
            f"{file}: expected columns 'source' and 'target' of paths beneath {file.parent}, got "
            f"{', '.join(columns)}; name other columns in a recipe, and check that"
        )
    survey = replace(surveyed(file.parent, "table", views, pictures), count=len(rows))
    # The starter writes for pictures; a class is a condition that a table adds to them.
    kinds = {view: found.kind for view, found in views.items()}
    kinds |= {view: f"class:{len(values)}" for view, values in classes.items()}
    names = ", ".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in classes.items())
    changes = [
        'data.layout="table"',
        f"data.folder=[{{ path = {toml_value(file.name)} }}]",
        "data.views={"
        + ", ".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in kinds.items())
        + "}",
        "validation.folder=[]",
        # At once: a column may have a dot in its name.
        *([f"data.names={{ {names} }}"] if names else []),
    ]
    return parse_recipe(starter(survey, name, str(file.parent)), changes)


def of_shards(path: Path, name: str) -> Recipe:
    """The recipe of tars of samples.

    Raises:
        DataError: there are none, or their samples have no target.
    """
    samples = samples_of(path, twice=lambda first, second: None, broken=True)
    views, label = views_of(path, samples), label_of(samples)
    whole = [one for one in samples if complete(one, views, label is not None)]
    if not whole:
        raise DataError(f"{path}: no sample has all of {', '.join(views)}; name its parts alike")
    some = spread(whole)
    found = {view: voted([picture(one, view) for one in some]) for view in views}
    sizes = usual(sizes_of([picture(one, "target") for one in some]))
    survey = surveyed_shards(path, found, label, len(samples), sizes)
    return parse_recipe(starter(survey, name, str(survey.folder)))
