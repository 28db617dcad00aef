"""Where the benchmarks find pictures and models."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pixstack.shelf import find_model

DATA = Path(os.environ.get("PIXSTACK_DATA", "data"))


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
