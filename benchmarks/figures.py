"""Does a pose model show a drawn person in the pose it is told by joints, better than no model?

People of sticks that it was not trained on (`stacks.tables.figures`), every ordered pair of their
pictures. The judge has seen real pictures only, those of the training people: it tells which of the
poses that all people share is shown, and where the joints are.

    python -m stacks.tables.figures --to data
    python -m benchmarks.figures --data data [--model FILE.onnx] [--json FILE] [--picture FILE.png]
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.frechet import Floats
from benchmarks.pictures import DATA, figures_to, need_model, need_right
from benchmarks.posed import Pair, agreement, compare, report, sheet, translate
from benchmarks.posed_judge import STEPS, Judge, Posed, appoint
from export.runtime import Translator
from stacks.tables.bodies import JOINTS
from stacks.tables.figures import FOLDER, POSES
from translate.keypoints import KeypointFile, read_keypoints, resized
from translate.pairs import DataError, View
from translate.rows import Row, read_table

SIZE = (96, 96)
"""Height and width of what a model is shown that has none of its own."""
JUDGE_AT_LEAST = 0.98
SHOWN = 4
"""People in the picture."""
LIGHT = 0.1
"""By how much of itself the light of what the judge learns from varies."""


@dataclass(frozen=True)
class People:
    """Drawn people in their poses.

    posed: their pictures; the subject of each is the number of its pose, which all people share,
        its pose the places of the joints in sides of the picture, ``(N, 28)``.
    joints: x, y in pixels of the model's size and visible, ``(N, 14, 3)``.
    places: where in these a picture stands, by its name in the tables.
    """

    posed: Posed
    joints: Floats
    places: Mapping[str, int]


def read_people(root: Path, rows: list[Row], size: tuple[int, int]) -> People:
    """Every picture of the people in the rows of a table, once, as a model is shown it."""
    asked = {str(row["target"]): int(str(row["asked"])) for row in rows}
    file = read_keypoints(root / FOLDER / "joints.csv", JOINTS)
    joints = np.stack([joints_of(file, root, name, size) for name in asked])
    numbers = np.array(list(asked.values()))
    pixels = np.stack([View(root / name, "rgb", fit=size).decode() for name in asked])
    posed = Posed(pixels, numbers, filled_in(joints, numbers, size))
    return People(posed, joints, {name: place for place, name in enumerate(asked)})


def joints_of(file: KeypointFile, root: Path, name: str, size: tuple[int, int]) -> Floats:
    """The joints ``(14, 3)`` of a picture, once it has been brought to the model's size."""
    given = View(root / name, "rgb").size()
    return np.asarray(resized(file.of(name, name), given, size), np.float64)


def filled_in(joints: Floats, numbers: NDArray[np.int64], size: tuple[int, int]) -> Floats:
    """Places in sides of the picture, ``(N, 28)``.

    A joint that is not visible is where it is in the mean of the same pose, or of all poses where
    it is visible in none of these: a judge that learns places needs one for each.
    """
    places = joints[:, :, :2] / (size[1], size[0])
    seen = joints[:, :, 2:] == 1
    filled = np.where(seen, places, average(places, seen))
    for number in np.unique(numbers):
        same = numbers == number
        enough = seen[same].any(axis=0)
        filled[same] = np.where(
            seen[same] | ~enough, filled[same], average(places[same], seen[same])
        )
    return filled.reshape(len(filled), -1)


def average(places: Floats, seen: NDArray[np.bool_]) -> Floats:
    """The mean place of each joint where it is seen, 0 where it never is."""
    return (places * seen).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)


def joints_apart(found: Floats, asked: Floats) -> Floats:
    """Mean distance of joints ``(N, 28)`` from where they should be, in hundredths of a side."""
    apart = (found - asked).reshape(len(found), -1, 2)
    return 100 * np.linalg.norm(apart, axis=2).mean(axis=1)


def all_pairs(people: People, rows: list[Row]) -> list[Pair]:
    """As the table has them; asked poses that are the same one make up a group."""
    places = people.places
    return [
        Pair(
            places[str(row["source"])],
            places[str(row["target"])],
            {
                "source_pose": people.joints[places[str(row["source"])]],
                "pose": people.joints[places[str(row["target"])]],
            },
            int(str(row["asked"])),
        )
        for row in rows
    ]


def shown(pairs: list[Pair]) -> list[list[Pair]]:
    """Of the first people, their first picture in every other pose."""
    by_source: dict[int, list[Pair]] = {}
    for pair in pairs:
        by_source.setdefault(pair.source, []).append(pair)
    others = len(next(iter(by_source.values())))
    return list(by_source.values())[:: others + 1][:SHOWN]


def lit(pictures: Tensor) -> Tensor:
    """Each picture lighter or darker: what moves would leave its joints behind."""
    return pictures * (1 + LIGHT * (2 * torch.rand(len(pictures), 1, 1, 1) - 1))


def check(judge: Judge, held: Posed) -> dict[str, float]:
    """How the judge does on people it has not seen; one that errs ends the benchmark."""
    found = agreement(judge.answers(held.pixels), held, range(len(held)), joints_apart)
    right = found["subject_found"]
    print(
        f"classifier: {right:.2%} of {len(held)} real pictures of people it has not seen, joints "
        f"{found['pose_error']:.1f} % of a side from their places"
    )
    need_right(right, JUDGE_AT_LEAST, "pictures")
    return found


def need_rows(data: Path, part: str) -> list[Row]:
    """The pairs of a table.

    Raises:
        DataError: there is no such table, or nothing in it.
    """
    path = data / f"figure-pairs-{part}.csv"
    rows = [row for _, row in read_table(path)[1]] if path.is_file() else []
    if not rows:
        raise DataError(
            f"{path}: no such table, or an empty one; draw people by "
            f"python -m stacks.tables.figures --to {data}"
        )
    return rows


def run(
    data: Annotated[Path, typer.Option(help="Root of the tables.")] = DATA,
    model: Annotated[str, typer.Option(help="Model or file.")] = "figure-pose",
    cache: Annotated[
        Path | None, typer.Option(help="Folder where the trained classifier is kept.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Of training it.", min=1)] = STEPS,
    seed: Annotated[int, typer.Option(help="Of training it.")] = 0,
    json: Annotated[str, typer.Option(help="File for the figures; - for stdout.")] = "",
    picture: Annotated[Path | None, typer.Option(help="File for a grid of results.")] = None,
    threads: Annotated[int, typer.Option(help="Of torch and of the model.", min=1)] = 1,
) -> None:
    """Measure a model that poses drawn people on some that it has not seen."""
    with figures_to(json) as write:
        torch.set_num_threads(threads)
        known, rows = need_rows(data, "train"), need_rows(data, "validation")
        path = need_model(model)
        translator = Translator(path, threads=threads)
        size = translator.manifest.fixed_size or SIZE
        learned, held = read_people(data, known, size), read_people(data, rows, size)
        with tempfile.TemporaryDirectory() as temporary:
            judge = appoint(learned.posed, cache or Path(temporary), steps, seed, lit, [LIGHT])
        real = check(judge, held.posed)
        pairs = all_pairs(held, rows)
        results = translate(translator, held.posed.pixels, pairs)
        # As many pictures as there are of one pose make up its mean.
        count = max(1, len(learned.posed) // POSES)
        figures = compare(results, learned.posed, held.posed, pairs, judge, joints_apart, count)
        figures = {"model": str(path), "classifier": real, **figures}
        report(figures, "% of a side", subject="asked pose found")
        write(figures)
        if picture:
            sheet(translator, held.posed.pixels, shown(pairs)).save(picture)
            print(f"{picture}: drawn by the project")


if __name__ == "__main__":
    typer.run(run)
