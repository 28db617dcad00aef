"""Does a photo drawn from labels show what the labels ask for, and crisply?

A U-Net that has learned to read labels off real photos of the training split reads those of the
held-out real photos, and of the photos that a model draws from the same label pictures: the FCN
score of pix2pix (Isola et al. 2017, arXiv 1611.07004, section 4.1). Beside it stands what the
commonest label would score everywhere, which looks at no photo; and, where one is named by
--beside, a second model. What the adversarial loss adds shows beside one of equal steps without:

    pixstack train facade-photo -o runs/facade-l1 \\
        --set phase.0.adversarial=false --set phase.1.adversarial=false
    pixstack export runs/facade-l1/best.safetensors -o facade-l1.onnx
    python -m benchmarks.facade --model facade-photo.onnx --beside facade-l1.onnx

The judge takes minutes to train on a CPU; --cache keeps it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks.drawing import draw, need_drawer, need_held_out, need_recipe, sheet
from benchmarks.labeling import (
    STEPS,
    Counts,
    appoint,
    count_labels,
    label_scores,
    labels_in,
    recalls,
)
from benchmarks.pictures import DATA, cell, figures_to, mean, verdict
from benchmarks.toys.hands import Bytes
from pixstack.console import print_table
from stacks.spec import Recipe
from stacks.stack import Stack
from translate.metrics import measure
from translate.pixels import to_floats

RATIO_AT_LEAST = 0.70
SHOWN = 6
"""Rows of the picture."""
BANDS = ("band_energy", "band_error")


def read_off(judge: Stack, photos: Sequence[Bytes], labels: Sequence[Bytes], count: int) -> Counts:
    """Pixels by the label asked for and the one that the judge finds, over all photos."""
    return np.sum(
        [
            count_labels(asked, labels_in(judge, photo), count)
            for photo, asked in zip(photos, labels, strict=True)
        ],
        axis=0,
    )


def score(counts: Counts, real: Counts) -> dict[str, float]:
    """How well labels are found, and the share of what is found in the real photos."""
    scores, truth = label_scores(counts), label_scores(real)
    return {**scores, "ratio": scores["pixel_accuracy"] / truth["pixel_accuracy"]}


def bands(photos: Sequence[Bytes], real: Sequence[Bytes]) -> dict[str, float]:
    """Energy and error of the finest band, means over the photos."""
    rows: list[dict[str, float]] = []
    for photo, truth in zip(photos, real, strict=True):
        measured = measure(to_floats(photo), to_floats(truth))
        rows.append({key: measured[key] for key in BANDS})
    return mean(rows)


def commonest(real: Counts) -> Counts:
    """The counts of who names the commonest label everywhere."""
    counts = np.zeros_like(real)
    totals = real.sum(axis=1)
    counts[:, totals.argmax()] = totals
    return counts


def checks(result: dict[str, float]) -> dict[str, dict[str, Any]]:
    """What is asked of a photo model that ships, and whether it holds."""
    return {"ratio": {"asked": "at least 0.70", "holds": result["ratio"] >= RATIO_AT_LEAST}}


def compare(found: dict[str, Counts], names: Sequence[str]) -> dict[str, Any]:
    """Every figure of what the judge finds.

    Args:
        found: pixels by the label asked for and the one found, in the photos that are "real", of
            the model measured ("result"), and perhaps of one "beside" it.
        names: of the labels.
    """
    real = found["real"]
    scores = {part: score(counts, real) for part, counts in found.items()}
    shares = (real.sum(axis=1) / real.sum()).tolist()
    columns = {"share": shares} | {part: recalls(counts) for part, counts in found.items()}
    by_label = {
        name: {column: values[index] for column, values in columns.items()}
        for index, name in enumerate(names)
    }
    return {
        **scores,
        "commonest": score(commonest(real), real),
        "by_label": by_label,
        "checks": checks(scores["result"]),
    }


def report(figures: dict[str, Any]) -> None:
    """Print the scores, and in what share of its pixels each label is found."""
    parts = [part for part in ("real", "result", "beside", "commonest") if part in figures]
    measures = {
        "pixel_accuracy": "pixel accuracy",
        "class_accuracy": "class accuracy",
        "iou": "mean IoU",
        "ratio": "accuracy / real's",
        "band_energy": "band energy",
        "band_error": "band error",
    }
    rows: list[tuple[str, ...]] = []
    for key, label in measures.items():
        cells = (cell(figures[part].get(key)) for part in parts)
        rows.append((label, *cells, *verdict(figures["checks"], key)))
    print_table(("", *parts, "asked", "holds"), rows)
    columns = list(next(iter(figures["by_label"].values())))
    print_table(
        ("found of", *columns),
        [
            (name, *(cell(row[column]) for column in columns))
            for name, row in figures["by_label"].items()
        ],
    )


def label_names(recipe: Recipe) -> list[str]:
    """Names of the labels, or their numbers where the recipe has no names."""
    count = recipe.data.kinds["source"].count
    return list(recipe.data.names.get("source", map(str, range(count))))


def in_colors(labels: Bytes, recipe: Recipe) -> Bytes:
    """Ids ``(H, W, 1)`` in the colors of the palette, or in grays: ``(H, W, 3)``."""
    count = recipe.data.kinds["source"].count
    grays = [[255 * index // (count - 1)] * 3 for index in range(count)]
    return np.asarray(recipe.data.palette.get("source", grays), np.uint8)[labels[..., 0]]


def run(
    data: Annotated[Path, typer.Option(help="Root of the data.")] = DATA,
    model: Annotated[str, typer.Option(help="Model or file.")] = "facade-photo",
    beside: Annotated[str, typer.Option(help="A second one, such as an L1-only stack.")] = "",
    recipe: Annotated[
        str, typer.Option(help="Whose pictures, palette and split are taken.")
    ] = "facade-photo",
    cache: Annotated[
        Path | None, typer.Option(help="Folder where the trained judge is kept.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Of training it.", min=1)] = STEPS,
    seed: Annotated[int, typer.Option(help="Of training it, and of the models' noise.")] = 0,
    json: Annotated[str, typer.Option(help="File for the figures; - for stdout.")] = "",
    picture: Annotated[Path | None, typer.Option(help="File for a grid of results.")] = None,
    threads: Annotated[int, typer.Option(help="Of torch and of the models.", min=1)] = 1,
) -> None:
    """Measure a model that draws photos from labels on pictures it has not seen."""
    with figures_to(json) as write:
        torch.set_num_threads(threads)
        drawing = need_recipe(recipe, data)
        held = need_held_out(drawing)
        named = {"result": model} | ({"beside": beside} if beside else {})
        models = {part: need_drawer(name, drawing, threads) for part, name in named.items()}
        with tempfile.TemporaryDirectory() as temporary:
            try:
                judge = appoint(drawing, cache or Path(temporary), steps, seed)
            except ValueError as error:
                print(error)
                sys.exit(2)
        pairs = [held.load(index) for index in range(len(held))]
        labels, photos = [pair["source"] for pair in pairs], [pair["target"] for pair in pairs]
        names = label_names(drawing)
        real = read_off(judge, photos, labels, len(names))
        believe(real, len(photos))
        drawn = {part: draw(one, labels, seed) for part, one in models.items()}
        found = {part: read_off(judge, made, labels, len(names)) for part, made in drawn.items()}
        figures = {
            "models": {part: str(one.path) for part, one in models.items()},
            "photos": len(photos),
            **compare({"real": real, **found}, names),
        }
        for part, made in drawn.items():
            figures[part] |= bands(made, photos)
        report(figures)
        write(figures)
        if picture:
            columns = [[in_colors(ids, drawing) for ids in labels], *drawn.values(), photos]
            sheet(list(zip(*columns, strict=True))[:SHOWN]).save(picture)
            print(f"{picture}: labels, {', '.join(drawn)}, and real photos")


def believe(real: Counts, photos: int) -> None:
    """Say how often the judge is right on real photos; where that is chance, exit with 1."""
    right, floor = (label_scores(counts)["pixel_accuracy"] for counts in (real, commonest(real)))
    print(f"judge: {right:.2%} of the pixels of {photos} real photos that it has not seen")
    if right <= floor:
        print(
            f"the judge is right on {right:.2%} of real pixels; expected more than the {floor:.2%} "
            "of the commonest label; train it longer by --steps"
        )
        sys.exit(1)


if __name__ == "__main__":
    typer.run(run)
