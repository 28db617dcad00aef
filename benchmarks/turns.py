"""Does a pose model turn an object that it has not seen, better than no model would?

Objects of COIL-20 (Nene, Nayar and Murase 1996) that the model was not trained on, from sources 30
degrees apart to every other view. A judge that has seen real pictures only tells object and view;
it learns every second view of all the objects, the held-out ones too, since its features are to
tell apart just these, and is tested on the views between: what must be new is the object to the
model, not to its judge.

    python -m benchmarks.turns [--model FILE.onnx] [--json FILE] [--picture FILE.png]
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from benchmarks.frechet import Floats
from benchmarks.pictures import DATA, figures_to, need_folder, need_model, need_right
from benchmarks.posed import Pair, agreement, compare, report, sheet, translate
from benchmarks.posed_judge import STEPS, Judge, Posed, appoint
from export.runtime import Translator
from stacks.tables.turn_pairs import HELD_OUT, STEP, VIEWS, shorter, split, views_of
from translate.pairs import View

SIZE = (64, 64)
"""Height and width of what a model is shown that has none of its own."""
JUDGE_AT_LEAST = 0.98
FROM_EVERY = 30
"""Degrees between the views that objects are turned from."""
SECTOR = 45
"""Degrees of asked views that make up a group."""
SHOWN = (-135, -90, -45, -15, 15, 45, 90, 135, 180)
"""The turns in the picture."""


def read_objects(root: Path, size: tuple[int, int]) -> Posed:
    """Every view of every object in gray, as a model is shown it; subjects count from 0."""
    objects = list(views_of(root).values())
    angles = np.radians(STEP * np.arange(VIEWS))
    return Posed(
        np.stack([View(path, "gray", fit=size).decode() for views in objects for path in views]),
        np.repeat(np.arange(len(objects)), VIEWS),
        np.tile(np.stack([np.cos(angles), np.sin(angles)], axis=1), (len(objects), 1)),
    )


def degrees_apart(found: Floats, asked: Floats) -> Floats:
    """The angle between two directions ``(N, 2)``, 0 to 180 degrees."""
    across = found[:, 0] * asked[:, 1] - found[:, 1] * asked[:, 0]
    return np.degrees(np.abs(np.arctan2(across, (found * asked).sum(axis=1))))


def pair(number: int, source: int, target: int) -> Pair:
    """Two views, in degrees, of an object by its place among those held out."""
    start = number * VIEWS
    return Pair(
        start + source // STEP,
        start + target // STEP,
        {"turn": shorter(target - source)},
        target // SECTOR,
    )


def all_pairs(objects: int) -> list[Pair]:
    """From every source to every other view."""
    return [
        pair(number, source, target)
        for number in range(objects)
        for source in range(0, 360, FROM_EVERY)
        for target in range(0, 360, STEP)
        if source != target
    ]


def shown(objects: int) -> list[list[Pair]]:
    """Every object from the front."""
    return [[pair(number, 0, turn % 360) for turn in SHOWN] for number in range(objects)]


def check(judge: Judge, between: Posed) -> dict[str, float]:
    """How the judge does on real views that it has not seen; one that errs ends the benchmark."""
    every: Sequence[int] = range(len(between))
    found = agreement(judge.answers(between.pixels), between, every, degrees_apart)
    right = found["subject_found"]
    print(
        f"classifier: {right:.2%} of {len(between)} real pictures between those it was shown, "
        f"{found['pose_error']:.1f} degrees from their view"
    )
    need_right(right, JUDGE_AT_LEAST, "pictures")
    return found


def run(
    data: Annotated[Path, typer.Option(help="Root of the data.")] = DATA,
    model: Annotated[str, typer.Option(help="Model or file.")] = "object-turn",
    cache: Annotated[
        Path | None, typer.Option(help="Folder where the trained classifier is kept.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Of training it.", min=1)] = STEPS,
    seed: Annotated[int, typer.Option(help="Of training it.")] = 0,
    held_out: Annotated[int, typer.Option(help="Objects, the last.", min=1)] = HELD_OUT,
    json: Annotated[str, typer.Option(help="File for the figures; - for stdout.")] = "",
    picture: Annotated[Path | None, typer.Option(help="File for a grid of results.")] = None,
    threads: Annotated[int, typer.Option(help="Of torch and of the model.", min=1)] = 1,
) -> None:
    """Measure a model that turns objects on some that it has not seen."""
    with figures_to(json) as write:
        torch.set_num_threads(threads)
        root = need_folder(data, "coil20")
        path = need_model(model)
        translator = Translator(path, threads=threads)
        objects = read_objects(root, translator.manifest.fixed_size or SIZE)
        _, last = split(range(objects.subjects.max() + 1), held_out, root)
        new = np.isin(objects.subjects, last)
        learned, held = objects.of(~new), objects.of(new)
        even = np.arange(len(objects)) % 2 == 0
        with tempfile.TemporaryDirectory() as temporary:
            judge = appoint(objects.of(even), cache or Path(temporary), steps, seed)
        real = check(judge, objects.of(~even))
        pairs = all_pairs(held_out)
        results = translate(translator, held.pixels, pairs)
        # One picture of each object that was trained on makes up the mean of a view.
        figures = compare(
            results, learned, held, pairs, judge, degrees_apart, count=len(learned) // VIEWS
        )
        figures = {"model": str(path), "objects": held_out, "classifier": real, **figures}
        report(figures, "degrees")
        write(figures)
        if picture:
            sheet(translator, held.pixels, shown(held_out)).save(picture)
            print(f"{picture}: objects of COIL-20 (Nene, Nayar and Murase 1996), for research")


if __name__ == "__main__":
    typer.run(run)
