"""The examination: headers first, then one look at every picture, then what they add up to."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stacks.doctor.alignment import Shift, check_alignment
from stacks.doctor.balance import check_classes, class_counts
from stacks.doctor.duplicates import check_duplicates, leaks
from stacks.doctor.findings import Finding, condemned, ordered
from stacks.doctor.headers import read_headers, unreadable
from stacks.doctor.labels import Census, check_labels, open_census
from stacks.doctor.looks import Look, look_at
from stacks.doctor.modes import check_modes
from stacks.doctor.sizes import check_sizes, size_table
from stacks.doctor.subject import Headers, Subject
from stacks.doctor.threads import Progress, in_threads
from translate.pairs import View

WORKERS = os.cpu_count() or 1
"""Threads. Decoders let go of the interpreter's lock; more threads than cores would fight for it
over the headers."""


@dataclass
class Report:
    """What was found.

    Args:
        subject: that was looked at.
        quick: headers alone were read.
        findings: errors first.
        headers: by file.
        views: of each, its sizes and modes.
        classes: items of each class, by view.
        labels: share of the pixels of each label, by view.
        censuses: of the views that are labels.
        seconds: that it took; ``header_seconds`` of them went to the headers.
        processor_seconds: that all threads worked, which a busy machine does not stretch.
    """

    subject: Subject
    quick: bool
    findings: list[Finding]
    headers: Headers
    views: dict[str, dict[str, Any]]
    classes: dict[str, dict[str, int]]
    labels: dict[str, dict[str, float]]
    censuses: dict[str, Census]
    seconds: float
    header_seconds: float
    processor_seconds: float

    def count(self, severity: str) -> int:
        """Findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "data": self.subject.name,
            "layout": self.subject.layout,
            "quick": self.quick,
            "items": len(self.subject.entries),
            "splits": self.subject.splits,
            "views": self.views,
            "classes": self.classes,
            "labels": self.labels,
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "findings": [finding.plain() for finding in self.findings],
            "seconds": round(self.seconds, 3),
            "header_seconds": round(self.header_seconds, 3),
            "processor_seconds": round(self.processor_seconds, 3),
        }


def silent(done: int, total: int) -> None:
    """Nobody is told how far it is."""


def examine(
    subject: Subject, quick: bool = False, workers: int = WORKERS, progress: Progress = silent
) -> Report:
    """Look at everything.

    Holds no pictures but those that the threads are at: beyond the list of items, memory grows by
    some 100 bytes an item.

    Args:
        subject: what to look at.
        quick: read headers alone; what needs pixels is not checked.
        workers: threads.
        progress: told of files, then of items.
    """
    started, worked = time.perf_counter(), time.process_time()
    files = subject.files()
    headers = read_headers(list(files), workers, progress)
    read = time.perf_counter()
    findings = subject.findings + unreadable(headers, files)
    findings += check_sizes(subject, headers) + check_modes(subject, headers)
    classes = class_counts(subject)
    if not any(finding.check == "classes" for finding in findings):
        findings += check_classes(classes)
    censuses: dict[str, Census] = {}
    splits = [entry.split for entry in subject.entries]
    if quick:
        for entries in known_by(subject).values():
            findings += leaks(entries, splits)
    else:
        # What has no header, or views that do not fit, is not worth a look.
        skipped = condemned(findings)
        gathered = look(subject, skipped, workers, progress)
        censuses = gathered.censuses
        findings += gathered.judged(subject, {str(path): own for path, own in files.items()})
    return Report(
        subject,
        quick,
        ordered(findings),
        headers,
        size_table(subject, headers),
        classes,
        {view: census.shares() for view, census in censuses.items()},
        censuses,
        time.perf_counter() - started,
        read - started,
        time.process_time() - worked,
    )


def known_by(subject: Subject) -> dict[str, dict[str, list[int]]]:
    """By view, the file that entries are known by, with their places: of a pair its last picture,
    a photograph before a label map.
    """
    known: dict[str, dict[str, list[int]]] = {}
    for place, entry in enumerate(subject.entries):
        names = list(entry.item.views)
        photographs = [name for name in names if not is_labels(entry.item.views[name])]
        name = (photographs or names)[-1]
        own = known.setdefault(name, {})
        own.setdefault(str(entry.item.views[name].path), []).append(place)
    return known


def is_labels(view: View) -> bool:
    """Whether a view holds ids."""
    return view.kind.startswith("labels:")


@dataclass
class Gathered:
    """What the looks at all items add up to."""

    censuses: dict[str, Census]
    thumbs: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    """By the file of the last photograph of an item."""
    off: dict[int, Shift] = field(default_factory=dict)
    compared: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, look: Look, views: Mapping[str, View], places: list[int]) -> None:
        """Take up one look at views that stand in the entries at ``places``."""
        for name, fault in look.faults.items():
            file, todo = str(views[name].path), "replace the file, or leave it out"
            what = f"is truncated or damaged: {fault}"
            self.findings.append(Finding("unreadable", "error", what, todo, file, tuple(places)))
        for name, values in look.values.items():
            self.censuses[name].add(str(views[name].path), values)
        photographs = [view for view in views.values() if not is_labels(view)]
        if look.thumb is not None:
            self.thumbs[str(photographs[-1].path)] = look.thumb
        if look.shift is not None:
            self.compared += 1
            if look.shift.off:
                self.off |= dict.fromkeys(places, look.shift)

    def judged(self, subject: Subject, entries: Mapping[str, list[int]]) -> list[Finding]:
        """The findings of the checks that need all items."""
        findings = list(self.findings)
        broken = condemned(findings)
        for view, census in self.censuses.items():
            findings += check_labels(view, census, entries)
        files = {
            place: str(next(iter(subject.entries[place].item.views.values())).path)
            for place in self.off
        }
        findings += check_alignment(self.off, self.compared, files)
        splits = [entry.split for entry in subject.entries]
        for known in known_by(subject).values():
            whole = {file: own for file, own in known.items() if not broken.issuperset(own)}
            thumbs = {file: self.thumbs[file] for file in whole if file in self.thumbs}
            findings += check_duplicates(thumbs, whole, splits)
        return findings


def look(subject: Subject, skipped: set[int], workers: int, progress: Progress) -> Gathered:
    """One look at the pixels of all entries but the skipped ones.

    Where views align, an item's views are looked at together; elsewhere a file that stands in many
    items is looked at once.
    """
    jobs: dict[tuple[tuple[str, View], ...], list[int]] = {}
    for place, entry in enumerate(subject.entries):
        if place in skipped:
            continue
        views = tuple(entry.item.views.items())
        for job in (views,) if subject.aligned else tuple((view,) for view in views):
            jobs.setdefault(job, []).append(place)
    kinds = subject.recipe.data.kinds
    gathered = Gathered(
        {
            name: open_census(subject, name)
            for name, kind in kinds.items()
            if kind.family == "labels" and name in subject.views()
        }
    )
    order = list(jobs)
    looks = in_threads(
        lambda job: look_at(dict(job), subject.aligned), order, workers, progress=progress
    )
    for job, one in zip(order, looks, strict=True):
        gathered.add(one, dict(job), jobs[job])
    return gathered
