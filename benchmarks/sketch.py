"""Does a photo drawn from a sketch have the sketch's edges, and is each draw another photo?

Edges are found again in what a model draws, and held against those of the sketch by the boundary
benchmark of BSDS500 (see `benchmarks.boundaries`). Beside the results stand the real photographs,
an upper bound: the sketches of people were found in them by the same detector, and nothing but a
resizing lies between. A model that reads noise draws each sketch several times: how much these
photos differ is their mean deviation in 8-bit steps, and the mean MS-SSIM of pairs of them (lower
is more diverse).

    python -m benchmarks.sketch [--model FILE.onnx] [--json FILE] [--picture FILE.png]

The held-out sketches are listed by `python -m stacks.tables.sketch_people DATA/ccp --to DATA`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks.boundaries import agreements, best
from benchmarks.drawing import draw, need_drawer, need_held_out, need_recipe, sheet
from benchmarks.pictures import DATA, cell, figures_to, verdict
from benchmarks.toys.hands import Bytes
from export.runtime import Translator
from pixstack.console import print_table
from translate.diversity import diversity
from translate.pairs import Pairs
from translate.pixels import to_batch, to_floats

F_AT_LEAST = 0.6
SHOWN = 6
"""Rows of the picture."""


def by_set(held: Pairs, data: Path) -> dict[str, list[int]]:
    """Positions of the pairs by the first folder of their sketches beneath the data root."""
    sets: dict[str, list[int]] = {}
    for index, item in enumerate(held.items):
        name = Path(str(item.views["source"].path)).relative_to(data).parts[0]
        sets.setdefault(name, []).append(index)
    return sets


def edge_scores(
    photos: Sequence[Bytes], sketches: Sequence[Bytes], sets: dict[str, list[int]]
) -> dict[str, Any]:
    """Precision, recall and F of all photos, and by set."""
    rows = [agreements(*pair) for pair in zip(photos, sketches, strict=True)]
    parts = {name: best([rows[index] for index in places]) for name, places in sets.items()}
    return {**best(rows), "by_set": parts}


def draws_differ(draws: Sequence[Sequence[Bytes]]) -> dict[str, float]:
    """How much several photos of the same sketch differ, means over the sketches.

    Args:
        draws: by seed, the photos ``(H, W, 3)`` of all sketches; two seeds or more.
    """
    groups = [to_batch([to_floats(photo) for photo in own]) for own in zip(*draws, strict=True)]
    # The population's deviation: that of two draws is half their difference.
    deviations = [float(group.std(dim=0, correction=0).mean()) * 255 for group in groups]
    return {"deviation": float(np.mean(deviations)), "ms_ssim": diversity(groups)}


def is_random(model: Translator) -> bool:
    """Whether a model reads noise."""
    return any(port.family == "noise" for port in model.manifest.inputs)


def checks(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is asked of a sketch model that ships, and whether it holds."""
    found = {
        "f_measure": {
            "asked": "at least 0.60",
            "holds": figures["result"]["f_measure"] >= F_AT_LEAST,
        }
    }
    if "diversity" in figures:
        found["deviation"] = {"asked": "above 0", "holds": figures["diversity"]["deviation"] > 0}
    return found


def report(figures: dict[str, Any]) -> None:
    """Print how edges agree, by set where there are several, and how much draws differ."""
    keys = ("precision", "recall", "f_measure", "threshold")
    rows: list[tuple[str, ...]] = []
    for part, label in (("result", "drawn"), ("real", "real")):
        sets = figures[part]["by_set"]
        scores = {label: figures[part]}
        if len(sets) > 1:
            scores |= {f"{label}, {name}": own for name, own in sets.items()}
        rows += [(name, *(cell(own[key]) for key in keys)) for name, own in scores.items()]
    print_table(("edges of photos", "precision", "recall", "F", "threshold"), rows)
    if "diversity" in figures:
        own = figures["diversity"]
        print(
            f"over {own['seeds']} seeds: deviation {own['deviation']:.2f} of 255, "
            f"MS-SSIM {own['ms_ssim']:.3f}"
        )
    else:
        print("reads no noise: every seed gives the same photo")
    print_table(
        ("", "asked", "holds"),
        [(key, *verdict(figures["checks"], key)) for key in figures["checks"]],
    )


def run(
    data: Annotated[Path, typer.Option(help="Root of the data.")] = DATA,
    model: Annotated[str, typer.Option(help="Model or file.")] = "sketch-photo",
    recipe: Annotated[str, typer.Option(help="Whose held-out pictures are taken.")] = (
        "sketch-photo"
    ),
    seeds: Annotated[int, typer.Option(help="Draws of a sketch from noise.", min=2)] = 4,
    seed: Annotated[int, typer.Option(help="Of the first draw.")] = 0,
    json: Annotated[str, typer.Option(help="File for the figures; - for stdout.")] = "",
    picture: Annotated[Path | None, typer.Option(help="File for a grid of results.")] = None,
    threads: Annotated[int, typer.Option(help="Of torch and of the model.", min=1)] = 1,
) -> None:
    """Measure a model that draws photos from sketches on pictures it has not seen."""
    with figures_to(json) as write:
        torch.set_num_threads(threads)
        drawing = need_recipe(recipe, data)
        held = need_held_out(drawing)
        drawer = need_drawer(model, drawing, threads)
        pairs = [held.load(index) for index in range(len(held))]
        sketches, photos = [pair["source"] for pair in pairs], [pair["target"] for pair in pairs]
        random = is_random(drawer)
        # Each sketch has a seed of its own in each draw.
        draws = [
            draw(drawer, sketches, seed + turn * len(sketches))
            for turn in range(seeds if random else 1)
        ]
        sets = by_set(held, data)
        figures: dict[str, Any] = {
            "model": str(drawer.path),
            "sketches": len(sketches),
            "result": edge_scores(draws[0], sketches, sets),
            "real": edge_scores(photos, sketches, sets),
        }
        if random:
            figures["diversity"] = {"seeds": seeds, **draws_differ(draws)}
        figures["checks"] = checks(figures)
        report(figures)
        write(figures)
        if picture:
            shown = [np.broadcast_to(sketch, (*sketch.shape[:2], 3)) for sketch in sketches]
            rows = list(zip(shown, *draws[:2], photos, strict=True))
            sheet(rows[:: max(1, len(rows) // SHOWN)][:SHOWN]).save(picture)
            print(f"{picture}: sketches, what is drawn of them, and real photos")


if __name__ == "__main__":
    typer.run(run)
