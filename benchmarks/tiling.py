"""Tiles: are they exact, what do they cost, and how much memory does a large picture take?

Every photograph of a folder is cut to 1200 pixels a side and run untiled and in small tiles through
each model; before that `pixstack run` enlarges a whole one by four in a process of its own.

    python -m benchmarks.tiling
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.pictures import DATA, missing_exits, need_folder, need_model
from benchmarks.resident import peak_gigabytes
from export.runtime import Translator
from pixstack.console import print_table
from translate.pairs import View, list_pictures

SMALL_TILES = 300 << 20
"""Bytes for activations that force many tiles."""
UNTILED = 1 << 40
MODELS = "photo-sr,photo-sr-crisp,photo-denoise"


@missing_exits()
def run(
    data: Annotated[Path, typer.Option(help="Root of the data.")] = DATA,
    folder: Annotated[str, typer.Option(help="Large photographs.")] = "wallpapers",
    limit: Annotated[int, typer.Option(help="Only the first so many pictures; 0 for all.")] = 0,
    side: Annotated[int, typer.Option(help="Of the crops, in pixels.")] = 1200,
    models: Annotated[str, typer.Option(help="Names or files.")] = MODELS,
    threads: Annotated[int, typer.Option(help="0 for all cores.")] = 0,
) -> None:
    """Compare tiled with untiled runs, and print the cost of tiling and of a whole photograph."""
    paths = list(list_pictures(need_folder(data, folder)).values())[: limit or None]
    # First, while this process is small: the peak that Linux reports of a child includes what its
    # parent held when it was started.
    large = whole_photograph(max(paths, key=pixels))
    rows, worst = [], 0
    for model in models.split(","):
        path = need_model(model)
        whole, tiled = (
            Translator(path, memory=memory, threads=threads or None)
            for memory in (UNTILED, SMALL_TILES)
        )
        output = whole.manifest.outputs[0].name
        steps, seconds = 0, [0.0, 0.0]
        for picture in paths:
            crop = View(picture, "rgb").decode()[:side, :side]
            results = []
            for index, translator in enumerate((whole, tiled)):
                started = time.perf_counter()
                results.append(translator.run({"source": crop}, outputs=output)[output])
                seconds[index] += time.perf_counter() - started
            apart = int(np.abs(results[0].astype(int) - results[1]).max())
            steps = max(steps, apart)
            print(f"{model}, {picture.name}: at most {apart} of 255 apart", file=sys.stderr)
        plan = tiled.plan(side, side)
        rows.append(
            (
                model,
                len(paths),
                len(plan.tiles),
                f"{plan.tile_size[0]}x{plan.tile_size[1]}",
                f"{plan.overhead:.1%}",
                f"{seconds[1] / seconds[0]:.2f}",
                steps,
            )
        )
        worst = max(worst, steps)
    print_table(
        ("model", "pictures", "tiles", "size", "overhead", "time tiled / whole", "worst step"), rows
    )
    print(json.dumps({"worst_8_bit_step": worst, **large}, indent=2))


def pixels(path: Path) -> int:
    """Of a picture, from its header."""
    height, width = View(path, "rgb").size()
    return height * width


def whole_photograph(picture: Path) -> dict[str, float]:
    """Time and peak memory of `pixstack run` to x4 in its own process."""
    with tempfile.TemporaryDirectory() as folder:
        result = str(Path(folder) / "large.png")
        command = [sys.executable, "-m", "pixstack", "run", "photo-sr", str(picture), "-o", result]
        started = time.perf_counter()
        child = os.posix_spawn(sys.executable, command, os.environ)
        _, status, usage = os.wait4(child, 0)
        seconds = time.perf_counter() - started
    if status:
        raise RuntimeError(f"pixstack run failed with {os.waitstatus_to_exitcode(status)}")
    height, width = View(picture, "rgb").size()
    return {
        "width": width,
        "height": height,
        "seconds": round(seconds, 1),
        "resident_gigabytes": round(peak_gigabytes(usage), 3),
    }


if __name__ == "__main__":
    typer.run(run)
