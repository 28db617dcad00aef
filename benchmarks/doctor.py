"""How fast `pixstack check-data` reads headers and looks at pixels, and what memory it takes.

Pairs are made in a temporary folder, photographs in blocks of color beside their label maps; the
check runs in a process of its own, whose memory is its alone.

    python -m benchmarks.doctor --pairs 100000
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from pixstack.console import print_table

LEAST = 1000
"""Pairs a second whose headers the doctor must read."""
DIFFERENT = 64
"""Pictures that are encoded; the others are copies, whose headers cost as much."""
PROGRAM = """
import sys
from pixstack.bench.resident import peak
from pixstack.cli import main
main(sys.argv[1:])
print(peak(), file=sys.stderr)
"""


def run(
    pairs: Annotated[int, typer.Option(min=1, help="Generated pairs.")] = 10000,
    side: Annotated[int, typer.Option(min=32, help="Of the pictures, in pixels.")] = 128,
    looked: Annotated[int, typer.Option(min=1, help="Pairs whose pixels are looked at.")] = 1000,
    threads: Annotated[int, typer.Option(min=1, help="That read and decode.")] = os.cpu_count()
    or 1,
) -> None:
    """Measure headers of many pairs, and everything of fewer."""
    with tempfile.TemporaryDirectory(prefix="pixstack-") as name:
        rows = [
            measured(make(Path(name) / "many", pairs, side), True, threads),
            measured(make(Path(name) / "few", min(looked, pairs), side), False, threads),
        ]
    columns = ("what", "pairs", "seconds", "for headers", "of the processor", "pairs a second")
    print_table(
        (*columns, "peak memory"),
        [
            (
                row["what"],
                row["pairs"],
                f"{row['seconds']:.2f}",
                f"{row['header_seconds']:.2f}",
                f"{row['processor_seconds']:.2f}",
                f"{row['pairs_per_second']:.0f}",
                "unknown" if row["peak_mib"] is None else f"{row['peak_mib']:.0f} MiB",
            )
            for row in rows
        ],
    )
    print(json.dumps(rows, indent=2))
    if rows[0]["pairs"] < LEAST * rows[0]["header_seconds"]:
        raise typer.Exit(1)


def make(root: Path, pairs: int, side: int) -> Path:
    """Folders of pairs: JPEG photographs as targets, PNG label maps of ids as sources."""
    random = np.random.default_rng(0)
    files: list[tuple[bytes, bytes]] = []
    for _ in range(min(DIFFERENT, pairs)):
        blocks = random.integers(0, 256, (8, 8, 3), np.uint8)
        photograph = cv2.resize(blocks, (side, side), interpolation=cv2.INTER_CUBIC)
        labels = cv2.resize(blocks[..., 0] // 64, (side, side), interpolation=cv2.INTER_NEAREST)
        files.append((encoded(".png", labels), encoded(".jpg", photograph)))
    for view in ("source", "target"):
        (root / view).mkdir(parents=True)
    for index in range(pairs):
        labels, photograph = files[index % len(files)]
        (root / "source" / f"{index:06d}.png").write_bytes(labels)
        (root / "target" / f"{index:06d}.jpg").write_bytes(photograph)
    return root


def encoded(suffix: str, pixels: Any) -> bytes:
    """The bytes of a picture file."""
    return cv2.imencode(suffix, pixels)[1].tobytes()


def measured(root: Path, quick: bool, threads: int) -> dict[str, Any]:
    """One check of a folder in a process of its own."""
    report = root.parent / f"{root.name}.json"
    arguments = ["check-data", str(root), "--json", str(report), "--threads", str(threads)]
    arguments += ["--quick"] if quick else []
    # Its exit code says whether the pairs have faults, which is not asked here.
    child = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False
    )
    result = json.loads(report.read_text("utf-8"))
    # Not every system tells it.
    peak = child.stderr.split()[-1]
    return {
        "what": "headers" if quick else "headers and pixels",
        "pairs": result["items"],
        "header_seconds": result["header_seconds"],
        # These are of the whole check, as the memory is.
        "seconds": result["seconds"],
        "processor_seconds": result["processor_seconds"],
        "pairs_per_second": result["items"] / result["seconds"],
        "peak_mib": None if peak == "None" else int(peak) / 2**20,
    }


if __name__ == "__main__":
    typer.run(run)
