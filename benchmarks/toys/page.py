"""What an experiment hands over, and how it becomes a page."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL.Image import Image

Results = dict[str, Any]
"""Figures that fit JSON: tables with text for keys, lists, text, numbers."""


class UnavailableError(RuntimeError):
    """An experiment cannot run here; the message says what it needs."""


@dataclass(frozen=True)
class Options:
    """How much is asked for."""

    seeds: int = 5
    quick: bool = False

    def steps(self, full: int, quick: int) -> int:
        """As many as there is time for."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Outcome:
    """Figures and a picture of them."""

    results: Results
    picture: Image
    seeds: int = 0
    """That the figures are of; 0 of an experiment that asks for none."""


@dataclass(frozen=True)
class Table:
    """Columns, and rows of as many cells."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Verdict:
    """A claim of a paper, whether it held, and the figures that say so."""

    claim: str
    holds: bool
    figures: str


@dataclass(frozen=True)
class Section:
    """An experiment in words."""

    title: str
    text: str
    tables: Sequence[Table]
    verdicts: Sequence[Verdict]


class Experiment(Protocol):
    """A module of this package that can be run and written about."""

    def run(self, options: Options) -> Outcome:
        """Measure."""
        ...

    def section(self, results: Results) -> Section:
        """Put kept figures into words."""
        ...


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Mean and standard deviation of the seeds; of one seed, its value."""
    mean = f"{statistics.fmean(values):.{digits}f}"
    if len(values) < 2:
        return mean
    return f"{mean} ± {statistics.stdev(values):.{digits}f}"


def milliseconds(seconds: float) -> str:
    """A time a step."""
    return f"{seconds * 1000:.1f} ms"


def render(section: Section, picture: str) -> str:
    """A section in Markdown; ``picture`` is its address, relative to the page."""
    lines = [f"## {section.title}", "", section.text, ""]
    for verdict in section.verdicts:
        word = "Reproduces" if verdict.holds else "Does not reproduce here"
        lines.append(f"- **{word}**: {verdict.claim} ({verdict.figures}).")
    for table in section.tables:
        lines += ["", f"{table.caption}:", ""] if table.caption else [""]
        lines += [row_of(table.columns), row_of(["---"] * len(table.columns))]
        lines += [row_of(row) for row in table.rows]
    return "\n".join([*lines, "", f"![{section.title}]({picture})", ""])


def row_of(cells: Sequence[str]) -> str:
    """A line of a table."""
    return "| " + " | ".join(cells) + " |"
