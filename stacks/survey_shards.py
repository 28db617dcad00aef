"""Look at tars of samples, as `stacks.survey` looks at folders."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stacks.survey import Survey, both_sides, extremes
from stacks.survey_kinds import Found, kind_of
from translate.pairs import DataError, View
from translate.pictures import Member
from translate.shards import Sample, read_samples, refuse_twice, shard_files

MOST_CLASSES = 1000
MAJORITY = 0.8
"""Share of the samples that says what all are meant to have."""
Twice = Callable[[Member, Member], object]


def survey_shards(path: Path) -> Survey:
    """Look at a tar, or at a folder of tars.

    Raises:
        DataError: there is none, or nothing in it can be understood.
    """
    samples = samples_of(path)
    views = views_of(path, samples)
    label = label_of(samples)
    whole = [one for one in samples if complete(one, list(views), label is not None)]
    if not whole:
        raise DataError(f"{path}: no sample has all of {', '.join(views)}; name its parts alike")
    pictures = {name: [picture(one, name) for one in whole] for name in views}
    found = {name: kind_of(members) for name, members in pictures.items()}
    sizes = {
        name: [View(member, "rgb").size() for member in members]
        for name, members in pictures.items()
    }
    for name, own in sizes.items():
        for member, one, other in zip(pictures[name], sizes["target"], own, strict=True):
            if one != other:
                raise DataError(
                    f"{member}: has {other[1]}x{other[0]} pixels, its target {one[1]}x{one[0]}; "
                    "make the pictures of a sample the same size"
                )
    remarks: list[str] = []
    if left := len(samples) - len(whole):
        remarks.append(f"{left} samples lack a part and must be removed first")
    if set(found) == {"target"} and label is None:
        remarks.append(
            "pictures without partners: taken for targets, whose sources are made by reducing them"
        )
    return surveyed_shards(path, found, label, len(whole), sizes["target"], remarks)


def surveyed_shards(
    path: Path,
    found: Mapping[str, Found],
    label: Found | None,
    count: int,
    sizes: Sequence[tuple[int, int]],
    remarks: Sequence[str] = (),
) -> Survey:
    """The survey of tars; the class stands before the target."""
    views = dict(found)
    target = views.pop("target")
    views |= {"label": label} if label is not None else {}
    views["target"] = target
    root, name = (path, ".") if path.is_dir() else (path.parent, path.name)
    return Survey(root, "shards", views, count, *extremes(sizes), remarks, path=name)


def samples_of(path: Path, twice: Twice = refuse_twice, broken: bool = False) -> list[Sample]:
    """The samples of all tars; with ``broken`` of those that can be read.

    Raises:
        DataError: a tar cannot be read, or none can.
    """
    samples: list[Sample] = []
    fault: DataError | None = None
    for file in shard_files(path):
        try:
            samples += read_samples(file, twice).values()
        except DataError as error:
            fault = error
            if not broken:
                raise
    if fault is not None and not samples:
        raise fault
    return samples


def views_of(path: Path, samples: Sequence[Sample]) -> list[str]:
    """Views that most samples have, source first and target last.

    Raises:
        DataError: none is the target.
    """
    counts = Counter(name for one in samples for name in one.pictures)
    # A recipe writes them as keys.
    names = [
        name
        for name, count in counts.items()
        if count >= MAJORITY * len(samples) and re.fullmatch(r"[\w-]+", name, re.ASCII)
    ]
    if sides := both_sides(names):
        names = [sides.get(name, name) for name in names]
    if "label" in names:
        raise DataError(
            f"{path}: its samples hold pictures called label, as classes are; give KEY.label.png "
            "another name"
        )
    if len(names) > 1 and "source" not in names and "target" in names:
        other = next(name for name in sorted(names) if name != "target")
        raise DataError(
            f"{path}: its samples hold {other} beside the target, and no source; name the picture "
            "that is read KEY.source.png"
        )
    if "target" not in names:
        given = ", ".join(sorted(counts))
        raise DataError(
            f"{path}: its samples hold {given}; expected KEY.source.png and KEY.target.png, or "
            "KEY.png and KEY.cls"
        )
    return sorted(names, key=lambda name: (name == "target", name != "source", name))


def label_of(samples: Sequence[Sample]) -> Found | None:
    """The classes of samples: by number, or by name; None where most have none."""
    told = [one.label for one in samples if one.label]
    if len(told) < MAJORITY * len(samples):
        return None
    known = sorted(set(told))
    if all(one.isdecimal() for one in known):
        count = max(int(one) for one in known) + 1
        return Found(f"class:{count}") if 2 <= count <= MOST_CLASSES else None
    named = 2 <= len(known) <= MOST_CLASSES
    return Found(f"class:{len(known)}", names=tuple(known)) if named else None


def complete(sample: Sample, views: Sequence[str], labeled: bool) -> bool:
    """Whether a sample has all views, and a class where the others have one."""
    return all(sample.picture(view) for view in views) and (bool(sample.label) or not labeled)


def picture(sample: Sample, view: str) -> Member:
    """A picture that a sample is known to have."""
    member = sample.picture(view)
    assert member is not None
    return member
