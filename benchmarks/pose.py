"""Does a pose model show the asked gesture, on the same hand, in the same room, and crisply?

Every ordered pair of two gestures of people it was not trained on. A classifier that has seen real
photographs only looks for the gesture; the person is kept where among all these people the real
photograph of that gesture that is nearest, in colors and in the hand's area, is theirs. Beside the
results stand the unchanged sources, and the features of the sources moved by what gestures differ
by in the mean over the training people: all that a model can keep whose light is the source's.

    python -m benchmarks.pose [--model FILE.onnx] [--json FILE] [--picture FILE.png]
"""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks import posed
from benchmarks.judge import STEPS, appoint, as_seen, gestures_in
from benchmarks.people import Floats, among_people, appearance, appearances, nearest, within_person
from benchmarks.pictures import (
    DATA,
    cell,
    figures_to,
    mean,
    need_folder,
    need_model,
    need_right,
    verdict,
)
from benchmarks.toys.hands import (
    GESTURES,
    HELD_OUT,
    Bytes,
    Classifier,
    Hands,
    Row,
    accuracy,
    load,
    split_rows,
)
from export.runtime import Translator
from pixstack.console import print_table
from translate.metrics import measure
from translate.pairs import View
from translate.pixels import to_floats

SIZE = (128, 128)
"""Height and width of what a model is shown that has none of its own."""
JUDGE_AT_LEAST = 0.98
SHOWN = (5, 0, 8)
"""The source's gesture of each person in the picture."""
MEASURES = ("ssim_y", "psnr_y", "psnr_rgb", "band_energy")


@dataclass(frozen=True)
class Photos:
    """Photographs ``(N, H, W, 3)`` and their rows of the table."""

    pixels: Bytes
    rows: list[Row]

    def hands(self) -> Hands:
        """All of them, as the judge sees them."""
        return Hands(as_seen(self.pixels), torch.tensor([int(row["gesture"]) for row in self.rows]))

    def by_person(self) -> Bytes:
        """Those of the complete runs, by person and gesture: ``(P, 10, H, W, 3)``."""
        places = {
            (int(row["run"]), int(row["gesture"])): index
            for index, row in enumerate(self.rows)
            if row["complete"] == "1"
        }
        runs = sorted({run for run, _ in places})
        return self.pixels[[[places[run, gesture] for gesture in range(GESTURES)] for run in runs]]


def read_photos(root: Path, rows: list[Row], size: tuple[int, int]) -> Photos:
    """Whole photographs as a model is shown them."""
    return Photos(load(root, rows, lambda path: View(path, "rgb", fit=size).decode()), rows)


@dataclass(frozen=True)
class Pair:
    """A person's photograph in one gesture, and another gesture that is asked for."""

    person: int
    before: int
    after: int

    def of_all(self) -> posed.Pair:
        """The same two, by their places among the photographs of all people."""
        first = self.person * GESTURES
        return posed.Pair(
            first + self.before, first + self.after, {"gesture": self.after}, self.after
        )


@dataclass(frozen=True)
class Panel:
    """What results are judged by.

    people: photographs ``(P, 10, H, W, 3)``; features: theirs, ``(P, 10, 7)``.
    among: scales of each gesture, ``(10, 7, 7)``; within: one for all, ``(7, 7)``.
    means: features of each gesture over the training people, ``(10, 7)``.
    """

    judge: Classifier
    people: Bytes
    features: Floats
    among: Floats
    within: Floats
    means: Floats

    @property
    def photos(self) -> Bytes:
        """All of them one after the other, ``(N, H, W, 3)``."""
        return self.people.reshape(-1, *self.people.shape[2:])

    @staticmethod
    def of(judge: Classifier, learned: Bytes, held: Bytes) -> Panel:
        """From the photographs of the training people and of those who are held out."""
        known, features = appearances(learned), appearances(held)
        return Panel(
            judge,
            held,
            features,
            among_people(features),
            within_person(known),
            known.mean(axis=0),
        )

    def whose(self, features: Floats, pair: Pair) -> dict[str, float]:
        """Is the person of the pair the nearest one, by either scale?"""
        people = self.features[:, pair.after]
        scales = {"person_kept": self.among[pair.after], "person_kept_within": self.within}
        return {
            key: float(nearest(features, people, scale) == pair.person)
            for key, scale in scales.items()
        }


def all_pairs(people: int) -> list[Pair]:
    """Ninety of each person."""
    return [
        Pair(person, *gestures)
        for person in range(people)
        for gestures in itertools.permutations(range(GESTURES), 2)
    ]


def shown(people: int) -> list[list[posed.Pair]]:
    """Of the first people, one of their photographs in every other gesture."""
    return [
        [Pair(person, before, after).of_all() for after in range(GESTURES) if after != before]
        for person, before in enumerate(SHOWN[:people])
    ]


def score(results: Bytes, pairs: list[Pair], panel: Panel) -> list[dict[str, float]]:
    """Every measure of every result; shares are means of zeros and ones."""
    found = gestures_in(panel.judge, results)
    rows: list[dict[str, float]] = []
    for result, gesture, pair in zip(results, found, pairs, strict=True):
        truth = panel.people[pair.person, pair.after]
        measured = measure(to_floats(result), to_floats(truth))
        rows.append(
            {
                "gesture_found": float(gesture == pair.after),
                **panel.whose(appearance(result), pair),
                **{key: measured[key] for key in MEASURES},
            }
        )
    return rows


def carried(pairs: list[Pair], panel: Panel) -> list[dict[str, float]]:
    """Is the person kept by a source's features, moved by the mean difference of the gestures?"""
    return [
        panel.whose(
            panel.features[pair.person, pair.before]
            + panel.means[pair.after]
            - panel.means[pair.before],
            pair,
        )
        for pair in pairs
    ]


def checks(result: dict[str, float], source: dict[str, float]) -> dict[str, dict[str, Any]]:
    """What is asked of a pose model that ships, and whether it holds."""
    return {
        "gesture_found": {"asked": "at least 0.95", "holds": result["gesture_found"] >= 0.95},
        "person_kept": {"asked": "at least 0.60", "holds": result["person_kept"] >= 0.60},
        "ssim_y": {"asked": "above the source's", "holds": result["ssim_y"] > source["ssim_y"]},
        "band_energy": {"asked": "0.7 to 1.3", "holds": 0.7 <= result["band_energy"] <= 1.3},
    }


def compare(model: Translator, panel: Panel) -> dict[str, Any]:
    """Every figure of a model, and of what it is compared with."""
    pairs = all_pairs(len(panel.people))
    asked = [pair.of_all() for pair in pairs]
    results = score(posed.translate(model, panel.photos, asked), pairs, panel)
    sources = score(panel.photos[[pair.source for pair in asked]], pairs, panel)
    by_gesture: dict[str, list[float]] = {str(gesture): [] for gesture in range(GESTURES)}
    for row, pair in zip(results, pairs, strict=True):
        by_gesture[str(pair.after)].append(row["gesture_found"])
    result, source = mean(results), mean(sources)
    return {
        "people": len(panel.people),
        "pairs": len(pairs),
        "result": result,
        "source": source,
        "carried": mean(carried(pairs, panel)),
        "gesture_found_by_gesture": {
            key: float(np.mean(found)) for key, found in by_gesture.items()
        },
        "checks": checks(result, source),
    }


def report(figures: dict[str, Any]) -> None:
    """Print the table, and in which gestures the judge found what was asked."""
    labels = {
        "gesture_found": "gesture found",
        "person_kept": "kept, z-scores",
        "person_kept_within": "kept, Mahalanobis",
        "ssim_y": "SSIM, Y",
        "psnr_y": "PSNR, Y (dB)",
        "psnr_rgb": "PSNR, RGB (dB)",
        "band_energy": "band energy",
    }
    rows: list[tuple[str, ...]] = []
    for key, label in labels.items():
        cells = (cell(figures[part].get(key)) for part in ("result", "source", "carried"))
        rows.append((label, *cells, *verdict(figures["checks"], key)))
    print_table(("mean", "result", "source", "carried", "asked", "holds"), rows)
    by_gesture = figures["gesture_found_by_gesture"]
    print_table(("gesture", *by_gesture), [("found", *map(cell, by_gesture.values()))])


def run(
    data: Annotated[Path, typer.Option(help="Root of the data.")] = DATA,
    model: Annotated[str, typer.Option(help="Model or file.")] = "hand-pose",
    cache: Annotated[
        Path | None, typer.Option(help="Folder where the trained classifier is kept.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Of training it.", min=1)] = STEPS,
    seed: Annotated[int, typer.Option(help="Of training it.")] = 0,
    held_out: Annotated[int, typer.Option(help="Complete runs, the last.", min=2)] = HELD_OUT,
    json: Annotated[str, typer.Option(help="File for the figures; - for stdout.")] = "",
    picture: Annotated[Path | None, typer.Option(help="File for a grid of results.")] = None,
    threads: Annotated[int, typer.Option(help="Of torch and of the model.", min=1)] = 1,
) -> None:
    """Measure a pose model on people it has not seen."""
    with figures_to(json) as write:
        torch.set_num_threads(threads)
        root = need_folder(data, "hands")
        path = need_model(model)
        translator = Translator(path, threads=threads)
        size = translator.manifest.fixed_size or SIZE
        learned, held = (read_photos(root, rows, size) for rows in split_rows(root, held_out))
        with tempfile.TemporaryDirectory() as temporary:
            judge = appoint(learned.hands(), cache or Path(temporary), steps, seed)
        others = held.hands()
        right = accuracy(judge, others.pictures, others.gestures)
        print(
            f"classifier: {right:.2%} of {len(held.rows)} real photographs of people it has not "
            "seen"
        )
        need_right(right, JUDGE_AT_LEAST, "photographs")
        panel = Panel.of(judge, learned.by_person(), held.by_person())
        figures = {"model": str(path), "classifier": right, **compare(translator, panel)}
        report(figures)
        write(figures)
        if picture:
            posed.sheet(translator, panel.photos, shown(len(panel.people))).save(picture)
            print(f"{picture}: photographs from the sign-language digits of Mavi 2020 (Apache-2.0)")


if __name__ == "__main__":
    typer.run(run)
