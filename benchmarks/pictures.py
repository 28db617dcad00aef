"""What benchmarks share: where pictures and models are found, and how figures are told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.toys.page import UnavailableError
from pixstack.console import write_json
from pixstack.shelf import find_model
from translate.pairs import DataError

DATA = Path(os.environ.get("PIXSTACK_DATA", "data"))


@contextmanager
def missing_exits() -> Iterator[None]:
    """Pictures that are missing or unreadable are told in a line, and the exit is 2.

    It decorates a benchmark as well.
    """
    try:
        yield
    except (DataError, UnavailableError) as error:
        print(error)
        sys.exit(2)
    except SystemExit as stopped:
        # So `stacks.tables` end their commands, which by itself is an exit with 1.
        if not isinstance(stopped.code, str):
            raise
        print(stopped.code)
        sys.exit(2)


@contextmanager
def figures_to(json: str) -> Iterator[Callable[[Any], None]]:
    """Measure, and write the figures to a file, to stdout for ``-``, or nowhere if unsaid.

    On stdout they stand alone: whatever is printed meanwhile goes to stderr. What is missing ends
    the benchmark as by `missing_exits`.

    Yields:
        What writes the figures.
    """
    stdout = sys.stdout

    def write(figures: Any) -> None:
        if json:
            with redirect_stdout(stdout):
                write_json(figures, json)

    with redirect_stdout(sys.stderr if json == "-" else stdout), missing_exits():
        yield write


def need_folder(data: Path, path: str) -> Path:
    """A folder beneath the data root; without it the benchmark says so and exits with 2."""
    folder = data / path
    if not folder.is_dir():
        print(f"{folder}: no such folder; name the data root by --data or PIXSTACK_DATA")
        sys.exit(2)
    return folder


def need_model(name: str) -> Path:
    """A shipped model; without it the benchmark says so and exits with 2."""
    try:
        return find_model(name)
    except ValueError as error:
        print(error)
        sys.exit(2)


def need_right(right: float, at_least: float, what: str) -> None:
    """Believe a judge that is right on real pictures alone; one that errs ends the benchmark.

    Args:
        right: share of the real ones that it is right on.
        at_least: what it must exceed.
        what: they are called.
    """
    if right <= at_least:
        print(
            f"the classifier is right on {right:.2%} of real {what}; expected more than "
            f"{at_least:.0%}; train it longer by --steps, or from another --seed"
        )
        sys.exit(1)


def mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Of every measure over the pictures."""
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def verdict(checks: Mapping[str, Mapping[str, Any]], key: str) -> tuple[str, str]:
    """What is asked of a measure, and whether it holds: cells, empty where nothing is asked."""
    check = checks.get(key)
    return (check["asked"], "yes" if check["holds"] else "no") if check else ("", "")


def cell(value: float | None) -> str:
    """A number of a table, or nothing."""
    return "" if value is None else f"{value:.3f}"
