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


def mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Of every measure over the pictures."""
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
