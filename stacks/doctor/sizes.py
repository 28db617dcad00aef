"""Sizes of pictures: those of a pair agree, and none is too small for the crop."""

from __future__ import annotations

import statistics
from typing import Any

from stacks.doctor.findings import Finding, at_most
from stacks.doctor.headers import Header
from stacks.doctor.subject import Entry, Headers, Subject, sized
from translate.pairs import size_advice, sizes_fit
from translate.zoom import needed


def check_sizes(subject: Subject, headers: Headers) -> list[Finding]:
    """What is wrong with the sizes of entries; unreadable files are left to others."""
    errors: list[Finding] = []
    small: list[Finding] = []
    seen: set[tuple] = set()
    for place, entry in enumerate(subject.entries):
        sizes = {name: sized(view, headers) for name, view in entry.item.views.items()}
        known = {name: size for name, size in sizes.items() if size is not None}
        if len(known) < len(sizes):
            continue
        file = str(next(reversed(list(entry.item.views.values()))).path)
        scale = subject.recipe.data.scale
        if not sizes_fit(known, scale):
            given = ", ".join(f"{name} {told(size)}" for name, size in known.items())
            what = f"the views of the pair differ in size: {given}"
            errors.append(Finding("size", "error", what, size_advice(scale), file, (place,)))
        elif fault := odd_half(subject, entry, headers):
            errors.append(Finding("size", "error", *fault, file, (place,)))
        elif (fault := too_small(subject, known)) and (file, fault) not in seen:
            seen.add((file, fault))
            small.append(Finding("size", "warning", *fault, file, (place,)))
    return errors + at_most(small, "smaller than the training crop")


def odd_half(subject: Subject, entry: Entry, headers: Headers) -> tuple[str, str] | None:
    """Of pairs side by side, whether the picture divides into two halves."""
    view = next(iter(entry.item.views.values()))
    header = headers[view.path]
    if view.half == "whole" or not isinstance(header, Header):
        return None
    if header.width % 2:
        return f"is {header.width} pixels wide, which does not halve", "bring two equal halves"
    if subject.guessed and header.width != 2 * header.height:
        what = f"is {header.width}x{header.height}; the others are twice as wide as high"
        return what, "bring source and target side by side, or remove it"
    return None


def too_small(subject: Subject, sizes: dict[str, tuple[int, int]]) -> tuple[str, str] | None:
    """Whether a crop does not fit."""
    data = subject.recipe.data
    if subject.guessed or data.fit == "resize":
        return None
    height, width = sizes.get("target") or next(iter(sizes.values()))
    if min(height, width) >= needed(data.size, subject.recipe.augment.zoom):
        return None
    what = f"is {width}x{height}; crops of {data.size} are filled up by mirroring its edges"
    return what, "bring larger pictures, lower data.size, or set data.fit to resize"


def told(size: tuple[int, int]) -> str:
    """Width x height, as people say it."""
    return f"{size[1]}x{size[0]}"


def size_table(subject: Subject, headers: Headers) -> dict[str, dict[str, Any]]:
    """Of each view: pictures, smallest, median and largest (width, height), and how many of each
    mode.
    """
    table: dict[str, dict[str, Any]] = {}
    for name, files in subject.views().items():
        found = [header for path in files if isinstance(header := headers[path], Header)]
        modes: dict[str, int] = {}
        for header in found:
            modes[header.mode] = modes.get(header.mode, 0) + 1
        sizes = [size for view in files.values() if (size := sized(view, headers))]
        sizes.sort(key=lambda size: (min(size), max(size)))
        middle = (
            [int(statistics.median(size[axis] for size in sizes)) for axis in (1, 0)]
            if sizes
            else []
        )
        table[name] = {
            "kind": subject.recipe.data.views.get(name, "rgb"),
            "pictures": len(files),
            "smallest": list(sizes[0][::-1]) if sizes else [],
            "median": middle,
            "largest": list(sizes[-1][::-1]) if sizes else [],
            "modes": dict(sorted(modes.items())),
        }
    return table
