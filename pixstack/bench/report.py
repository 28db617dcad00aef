"""What was timed, as scripts and people read it."""

from __future__ import annotations

import math
import platform
from typing import Any

# Before ONNX Runtime, which it asks to keep things to itself.
from export.runtime.session import cores

# isort: split
import onnxruntime

from pixstack import __version__
from pixstack.bench.race import Miss, Result
from pixstack.console import print_table
from pixstack.errors import one_line


def conditions(rounds: int, threads: int | None) -> dict[str, Any]:
    """What the numbers hold for."""
    return {
        "pixstack": __version__,
        "onnxruntime": onnxruntime.__version__,
        "system": platform.platform(),
        "threads": threads or cores(),
        "rounds": rounds,
    }


def describe(results: list[Result]) -> list[dict[str, Any]]:
    """The results as scripts read them; what does not apply or is not known is None."""
    cpu = {
        (result.entry.name, result.size): result.seconds
        for result in results
        if result.lane.provider == "cpu"
    }
    rows: list[dict[str, Any]] = []
    for result in results:
        height, width = result.size or (None, None)
        pixels = height * width if height and width else None
        reference = cpu.get((result.entry.name, result.size))
        rows.append(
            {
                "model": result.entry.name,
                "path": str(result.entry.path),
                "output": result.entry.manifest.outputs[0].name,
                "width": width,
                "height": height,
                "own_size": result.entry.own_size,
                "provider": result.runs_on,
                "precision": result.lane.precision,
                "seconds": result.seconds,
                "megapixels_per_second": pixels / 1e6 / result.seconds if pixels else None,
                "times_cpu": reference / result.seconds if reference else None,
                "tiles": result.tiles,
                "peak_resident_bytes": result.peak,
            }
        )
    return rows


def describe_misses(misses: list[Miss]) -> list[dict[str, Any]]:
    """What was not timed, and why; a provider of None stands for all."""
    found: list[dict[str, Any]] = []
    for miss in misses:
        height, width = miss.size or (None, None)
        found.append(
            {
                "model": miss.entry.name,
                "width": width,
                "height": height,
                "provider": miss.lane.provider if miss.lane else None,
                "precision": miss.lane.precision if miss.lane else None,
                "failed": miss.failed,
                "reason": one_line(miss.reason),
            }
        )
    return found


def told(miss: Miss) -> str:
    """One line about what was not timed."""
    where = miss.entry.name
    if miss.size:
        where += f" at {miss.size[1]}x{miss.size[0]}"
    if miss.lane:
        where += f" on {miss.lane.provider} ({miss.lane.precision})"
    return f"{'error' if miss.failed else 'skipped'}: {where}: {one_line(miss.reason)}"


def print_results(rows: list[dict[str, Any]]) -> None:
    """A table of what `describe` gives."""
    columns = ["model", "source", "runs on", "seconds", "MP/s", "x CPU", "tiles"]
    # A column that no row fills would only ask what it is for.
    known = any(row["peak_resident_bytes"] for row in rows)
    print_table(
        [*columns, "peak MB"] if known else columns,
        [_cells(row)[: len(columns) + known] for row in rows],
    )


def _cells(row: dict[str, Any]) -> list[str]:
    source = f"{row['width']}x{row['height']}" if row["width"] else "noise"
    return [
        row["model"],
        f"{source} (its own)" if row["own_size"] and row["width"] else source,
        f"{row['provider']}, {row['precision']}",
        _digits(row["seconds"]),
        _digits(row["megapixels_per_second"]),
        _digits(row["times_cpu"]),
        str(row["tiles"]),
        f"{row['peak_resident_bytes'] / 1e6:.0f}" if row["peak_resident_bytes"] else "",
    ]


def _digits(number: float | None) -> str:
    """Three digits that count, never as a power of ten."""
    if number is None:
        return ""
    return f"{number:.{max(0, 2 - math.floor(math.log10(number)))}f}"
