"""Drawn people in two poses, with the joints of both: pairs for pose translation by keypoints.

Everything is drawn here, from a seed, so nobody's picture is in it and any number can be had. Each
figure is drawn in some of a set of poses, which all figures share; its pairs are all ordered pairs
of them. The last figures are held out, whole. A few joints are noted as not visible, as those who
find them in photographs miss some.

    python -m stacks.tables.figures --to data
    pixstack train figure-pose -o runs/figure-pose --set data.root=data
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from stacks.tables.bodies import JOINTS, Figure, Places, Pose, picture, place
from stacks.tables.rows import write_table

COLUMNS = ("name", "source", "source_pose", "pose", "target", "asked")
"""``asked`` is the number of the pose that the target shows."""
JOINT_COLUMNS = ("picture", "joint", "x", "y", "visible")
FOLDER = "figures"
POSES = 24
"""That there are in all."""
VARIED = 5.0
"""Standard deviation, in degrees, by which an angle differs from that of the pose asked for."""
UNSEEN = 0.02
"""Share of the joints that are noted as not visible."""


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Draw people in two poses, with their joints.")
    parser.add_argument("--to", type=Path, default=Path("data"), help="folder of the tables")
    parser.add_argument("--figures", type=int, default=640, help="people, those held out included")
    parser.add_argument("--held-out", type=int, default=40, help="people for validation")
    parser.add_argument("--poses", type=int, default=6, help=f"of each, 2 to {POSES}")
    parser.add_argument("--size", type=int, default=96, help="pixels a side")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write(given.to, given.figures, given.held_out, given.poses, given.size, given.seed)


def write(
    to: Path, figures: int, held_out: int, poses: int = 6, size: int = 96, seed: int = 0
) -> None:
    """Write figures/*.png and figures/joints.csv, figure-pairs-train.csv and -validation.csv."""
    if not 0 < held_out < figures:
        raise SystemExit(f"--held-out {held_out}: expected 1 to {figures - 1} of {figures} figures")
    if not 2 <= poses <= POSES:
        raise SystemExit(f"--poses {poses}: expected 2 to {POSES}")
    (to / FOLDER).mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    tables: dict[str, list[dict[str, object]]] = {"train": [], "validation": []}
    for number in range(figures):
        shown = draw(to, number, poses, size, seed, rows)
        part = "validation" if number >= figures - held_out else "train"
        tables[part] += pairs(number, shown)
    write_table(to / FOLDER / "joints.csv", JOINT_COLUMNS, rows)
    for part, table in tables.items():
        path = to / f"figure-pairs-{part}.csv"
        write_table(path, COLUMNS, table)
        print(f"{path}: {len(table)} pairs")


def draw(
    to: Path, number: int, poses: int, size: int, seed: int, rows: list[dict[str, object]]
) -> list[tuple[int, str]]:
    """Draw a figure in its poses and note its joints in ``rows``: (number of the pose, picture)."""
    random = np.random.default_rng([seed, 1, number])
    figure = Figure.drawn_from(random)
    shown: list[tuple[int, str]] = []
    for asked in sorted(random.choice(POSES, poses, replace=False).tolist()):
        places = place(figure, asked_pose(asked, seed).varied(random, VARIED))
        name = f"{FOLDER}/{number:04d}-{asked:02d}.png"
        picture(figure, places, size).save(to / name)
        rows += joint_rows(name, places, size, random)
        shown.append((asked, name))
    return shown


def asked_pose(number: int, seed: int) -> Pose:
    """One of the poses that all figures share."""
    return Pose.drawn_from(np.random.default_rng([seed, 0, number]))


def joint_rows(
    name: str, places: Places, size: int, random: np.random.Generator
) -> Iterable[dict[str, object]]:
    """Rows of the joints of a picture; x and y count from the center of the first pixel."""
    for joint in JOINTS:
        x, y = places[joint] * size - 0.5
        unseen = random.random() < UNSEEN
        told = ("", "", 0) if unseen else (f"{x:.2f}", f"{y:.2f}", 1)
        yield dict(zip(JOINT_COLUMNS, (name, joint, *told), strict=True))


def pairs(number: int, shown: Sequence[tuple[int, str]]) -> list[dict[str, object]]:
    """All ordered pairs of two pictures of a figure."""
    return [
        {
            "name": f"{number:04d}-{before:02d}-{asked:02d}",
            "source": source,
            "source_pose": source,
            "pose": target,
            "target": target,
            "asked": asked,
        }
        for (before, source), (asked, target) in itertools.permutations(shown, 2)
    ]


if __name__ == "__main__":
    main()
