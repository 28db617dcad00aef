"""Does a fashion model find what a person wears, and dress them as it is asked?

The layouts that it finds are held against those that people drew of the validation photographs,
on the four classes that `shape` reads and on all fifteen. Then every person is asked to wear every
outfit, its lower garment in a color that such a garment has in some photograph: by how much does
the mean color of the garment in the result differ, does a parser that was trained on real
photographs apart find the garment there, and is every pixel untouched where no garment was or is?

    python -m benchmarks.fashion [--data DIR] [--tables DIR] [--model FILE.onnx] [--json FILE]
        [--picture FILE.png]

The tables are written by `python -m stacks.tables.fashion`.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import nn

from benchmarks.parser import SEED, STEPS, Examples, appoint, layout_of
from benchmarks.pictures import DATA, cell, figures_to, need_model, verdict
from export.runtime import Translator
from pixstack.console import print_table, progress_bar
from stacks.tables.fashion import FACE, GARMENTS, GROUPS, LOWER, NAMES, OUTFITS
from translate.pairs import DataError, View

Bytes = NDArray[np.uint8]
Row = dict[str, str]
CLOTHED = FACE + 1
"""The rest of the person: skin, garments and what is worn or held."""
WIDEST = 1200
"""Pixels of the grid of results, at most."""
SHOWN = ("dress", "top and trousers", "coat and skirt", "shorts")
MOST_DIFFERENCE, LEAST_FOUND, LEAST_OVERLAP = 10.0, 0.70, 0.65


@dataclass(frozen=True)
class Wish:
    """A person, an outfit, and the color of its lower garment in red, green and blue, 0..255."""

    person: int
    outfit: str
    garment: str
    color: tuple[int, int, int]

    @property
    def inputs(self) -> dict[str, Any]:
        """What a model is asked by."""
        group = next(name for name, parts in GROUPS.items() if self.garment in parts)
        color = "#" + "".join(f"{part:02x}" for part in self.color)
        return {"outfit": self.outfit, "colors": {group: color}}


def read_table(path: Path) -> list[Row]:
    """The rows of a table, one for each photograph.

    Raises:
        DataError: there is no such table, or nothing in it.
    """
    rows: dict[str, Row] = {}
    if path.is_file():
        with open(path, newline="", encoding="utf-8") as file:
            rows = {row["name"]: row for row in csv.DictReader(file)}
    if not rows:
        raise DataError(
            f"{path}: no such table, or an empty one; write it by "
            "python -m stacks.tables.fashion, name --tables"
        )
    return list(rows.values())


def garment_of(outfit: str) -> str:
    """The lower garment of an outfit."""
    return next(name for name in LOWER if name in outfit)


def wishes(people: int, rows: Sequence[Row], seed: int = 0) -> list[Wish]:
    """Every outfit on every person, in colors that such garments have in photographs."""
    random = np.random.default_rng(seed)
    colors = {
        name: [
            row[group]
            for group, parts in GROUPS.items()
            for row in rows
            if name in parts and row[group]
        ]
        for name in LOWER
    }
    asked: list[Wish] = []
    for person in range(people):
        for outfit in OUTFITS[1:]:
            garment = garment_of(outfit)
            text = colors[garment][int(random.integers(len(colors[garment])))]
            red, green, blue = bytes.fromhex(text.removeprefix("#"))
            asked.append(Wish(person, outfit, garment, (red, green, blue)))
    return asked


def overlap(pairs: Iterator[tuple[Bytes, Bytes]], count: int) -> list[float | None]:
    """Intersection over union of each of ``count`` labels, over all (found, true) layouts.

    None where a label is in neither.
    """
    table = np.zeros((count, count), np.int64)
    for found, true in pairs:
        both = true.astype(np.int64).ravel() * count + found.ravel()
        table += np.bincount(both, minlength=count * count).reshape(count, count)
    hit = np.diag(table)
    union = table.sum(axis=0) + table.sum(axis=1) - hit
    return [int(a) / int(b) if b else None for a, b in zip(hit, union, strict=True)]


def merged(layout: Bytes) -> Bytes:
    """Background, hair, face, and the rest of the person."""
    return np.minimum(layout, CLOTHED)


def mean(values: Sequence[float | None]) -> float | None:
    """Of what there is; None where there is nothing."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None


def difference(asked: tuple[int, int, int], pixels: Bytes) -> float:
    """CIEDE2000 between a color and the mean of the pixels ``(N, 3)``."""
    average = pixels.reshape(-1, 3).mean(axis=0)
    ours, theirs = (rgb2lab(np.asarray(color, np.float64) / 255) for color in (asked, average))
    return float(deltaE_ciede2000(ours, theirs))


def score(wish: Wish, photo: Bytes, made: dict[str, Any], judge: nn.Module) -> dict[str, float]:
    """What became of a wish.

    Args:
        wish: what was asked for.
        photo: the person, ``(H, W, 3)``.
        made: ``target (H, W, 3)``, and the layouts ``parsed`` and ``shaped (H, W)``.
        judge: the parser that was trained apart.
    """
    label, result = NAMES.index(wish.garment), made["target"]
    union = np.isin(made["parsed"], GARMENTS) | np.isin(made["shaped"], GARMENTS)
    scores = {"untouched": float((result[~union] == photo[~union]).all())}
    area = made["shaped"] == label
    scores["drawn"] = float(area.any())
    # A garment that is not drawn at all is not found either.
    scores["found"] = 0.0
    if area.any():
        votes = np.bincount(layout_of(judge, result)[area], minlength=len(NAMES))
        scores["found"] = float(votes.argmax() == label)
        scores["difference"] = difference(wish.color, result[area])
    return scores


def found_in_photos(
    photos: Sequence[Bytes], layouts: Sequence[Bytes], judge: nn.Module
) -> float | None:
    """Share of real lower garments that the judge finds, which no result can be asked to pass."""
    hits: list[float] = []
    for photo, layout in zip(photos, layouts, strict=True):
        seen = layout_of(judge, photo)
        for label in (NAMES.index(name) for name in LOWER):
            area = layout == label
            if area.mean() > 0.01:
                votes = np.bincount(seen[area], minlength=len(NAMES))
                hits.append(float(votes.argmax() == label))
    return mean(hits)


def compare(
    model: Translator, photos: list[Bytes], layouts: list[Bytes], rows: list[Row], judge: nn.Module
) -> dict[str, Any]:
    """Every figure of a model."""
    parsed: list[Bytes] = []
    with progress_bar("finding layouts") as progress:
        for photo in photos:
            parsed.append(model.run({"source": photo}, outputs="parsed")["parsed"])
            progress(len(parsed), len(photos))
    asked = wishes(len(photos), rows)
    scores: list[dict[str, float]] = []
    with progress_bar("dressing people") as progress:
        for wish in asked:
            photo = photos[wish.person]
            made = model.run({"source": photo, **wish.inputs})
            scores.append(score(wish, photo, made, judge))
            progress(len(scores), len(asked))
    fine = overlap(zip(parsed, layouts, strict=True), len(NAMES))
    four = overlap(
        ((merged(found), merged(true)) for found, true in zip(parsed, layouts, strict=True)),
        CLOTHED + 1,
    )
    keys = ("drawn", "found", "difference", "untouched")
    means = {key: mean([one.get(key) for one in scores]) for key in keys}
    return {
        "photos": len(photos),
        "wishes": len(asked),
        "overlap_merged": mean(four),
        "overlap_fine": mean(fine),
        "overlap_by_class": dict(zip(NAMES, fine, strict=True)),
        **means,
        "found_in_photos": found_in_photos(photos, layouts, judge),
        "found_by_outfit": {
            outfit: mean(
                [s["found"] for s, w in zip(scores, asked, strict=True) if w.outfit == outfit]
            )
            for outfit in OUTFITS[1:]
        },
    }


def checks(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is asked of a fashion model that ships, and whether it holds."""
    difference = figures["difference"]
    return {
        "overlap_merged": {
            "asked": f"at least {LEAST_OVERLAP}",
            "holds": figures["overlap_merged"] >= LEAST_OVERLAP,
        },
        "found": {
            "asked": f"at least {LEAST_FOUND}",
            "holds": figures["found"] >= LEAST_FOUND,
        },
        "difference": {
            "asked": f"at most {MOST_DIFFERENCE:g}",
            # Where no garment is drawn, none has its color.
            "holds": difference is not None and difference <= MOST_DIFFERENCE,
        },
        "untouched": {"asked": "1, all pixels", "holds": figures["untouched"] == 1},
    }


def report(figures: dict[str, Any]) -> None:
    """Print the figures, and those of each class and outfit."""
    labels = {
        "overlap_merged": "mean IoU, four classes",
        "overlap_fine": "mean IoU, fine classes",
        "drawn": "asked garment drawn",
        "found": "asked garment found",
        "found_in_photos": "found in real photographs",
        "difference": "CIEDE2000 to asked color, of those drawn",
        "untouched": "results untouched outside",
    }
    rows = [
        (label, cell(figures[key]), *verdict(figures["checks"], key))
        for key, label in labels.items()
    ]
    print_table(("measure", "result", "asked", "holds"), rows)
    classes = figures["overlap_by_class"].items()
    print_table(("class", "IoU"), [(name, cell(value)) for name, value in classes])
    outfits = figures["found_by_outfit"].items()
    print_table(("outfit", "found"), [(name, cell(share)) for name, share in outfits])


def sheet(model: Translator, photos: Sequence[Bytes], asked: Sequence[Wish]) -> Image.Image:
    """Three people, one below the other: the photograph, then four outfits."""
    lines: list[Bytes] = []
    for person in range(min(3, len(photos))):
        line = [photos[person]]
        for outfit in SHOWN:
            wish = next(one for one in asked if (one.person, one.outfit) == (person, outfit))
            views = {"source": photos[person], **wish.inputs}
            line.append(model.run(views, outputs="target")["target"])
        lines.append(np.hstack(line))
    width = min(line.shape[1] for line in lines)
    grid = Image.fromarray(np.vstack([line[:, :width] for line in lines]))
    grid.thumbnail((WIDEST, WIDEST))
    return grid


def run(
    data: Annotated[Path, typer.Option(help="Root of the data, as the tables name them.")] = DATA,
    tables: Annotated[Path | None, typer.Option(help="Folder of the tables; the root's.")] = None,
    model: Annotated[str, typer.Option(help="Model or file.")] = "fashion",
    cache: Annotated[
        Path | None, typer.Option(help="Folder where the trained parser is kept.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Of training it.", min=1)] = STEPS,
    seed: Annotated[int, typer.Option(help="Of training it.")] = SEED,
    photos: Annotated[int, typer.Option(help="Validation photographs, the first.", min=1)] = 80,
    json: Annotated[str, typer.Option(help="File for the figures; - for stdout.")] = "",
    picture: Annotated[Path | None, typer.Option(help="File for a grid of results.")] = None,
    threads: Annotated[int, typer.Option(help="Of torch and of the model.", min=1)] = 1,
) -> None:
    """Measure a fashion model on photographs that it has not seen."""
    with figures_to(json) as write:
        torch.set_num_threads(threads)
        known, held = (
            read_table((tables or data) / f"fashion-{part}.csv") for part in ("train", "validation")
        )
        held = held[:photos]
        path = need_model(model)
        translator = Translator(path, threads=threads)
        pictures = [View(data / row["source"], "rgb").decode() for row in held]
        kind = f"labels:{len(NAMES)}"
        layouts = [View(data / row["layout"], kind).decode()[..., 0] for row in held]
        examples = Examples.read(data, known)
        with tempfile.TemporaryDirectory() as temporary:
            judge = appoint(examples, cache or Path(temporary), steps, seed)
        figures = {"model": str(path), **compare(translator, pictures, layouts, known, judge)}
        figures["checks"] = checks(figures)
        report(figures)
        write(figures)
        if picture:
            sheet(translator, pictures, wishes(len(pictures), known)).save(picture)
            print(f"{picture}: photographs from Clothing Co-Parsing, Yang et al. 2014 (Apache-2.0)")


if __name__ == "__main__":
    typer.run(run)
