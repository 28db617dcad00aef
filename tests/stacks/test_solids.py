"""Solids that are drawn for pairs of turns."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stacks.tables import solid_pairs
from stacks.tables.solids import Part, Sight, Solid, box, cone, ellipsoid, picture, ring

AHEAD = Sight(above=0.0, lamp=np.array([0.0, 0.0, 1.0]), dark=0.5)
CENTER = np.zeros(3)


@pytest.mark.parametrize(
    ("distance", "points", "expected"),
    [
        (box(np.array([1.0, 2.0, 3.0]), 0.0), [[4, 0, 0], [0, 0, 0], [0, 5, 7]], [3, -1, 5]),
        (cone(1.0, 0.5, 0.5), [[2.5, 0, 0], [0, 3, 0], [0, 0, 0]], [2, 2, -0.5]),
        (ring(2.0, 0.5), [[0, 0, 0], [0, 4, 0], [2, 0, 0]], [1.5, 1.5, -0.5]),
        (ellipsoid(np.ones(3)), [[0, 0, 3], [0, 0, 0]], [2, -1]),
    ],
)
def test_distances_from_a_surface(distance, points: list[list[float]], expected: list[float]):
    assert distance(np.array(points, float)).tolist() == pytest.approx(expected)


def test_a_hollow_takes_away() -> None:
    jar = Solid([Part(cone(1.0, 1.0, 1.0), CENTER), Part(cone(1.0, 0.8, 0.8), CENTER, hollow=True)])
    inside, wall, outside = jar.distance(np.array([[0.0, 0, 0], [0.9, 0, 0], [1.5, 0, 0]]))
    assert inside > 0
    assert wall < 0
    assert outside == pytest.approx(0.5)


def test_a_ball_is_a_disk_that_fills_the_picture_from_everywhere() -> None:
    ball = Solid([Part(ellipsoid(np.full(3, 0.7)), CENTER, shade=0.8)])
    pictures = [picture(ball, AHEAD, angle, 64) for angle in (0.0, 1.0, 2.5)]
    lit = pictures[0] > 0
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    assert len(rows) in (60, 61, 62)
    assert len(columns) in (60, 61, 62)
    assert lit.sum() == pytest.approx(np.pi * 30.7**2, rel=0.06)
    for other in pictures[1:]:
        assert np.abs(other.astype(int) - pictures[0]).max() <= 2


def test_what_is_in_front_goes_to_the_left() -> None:
    # A dark spot on the front of a light ball, as seen at 0 degrees.
    parts = [
        Part(ellipsoid(np.full(3, 0.7)), CENTER, shade=1.0),
        Part(ellipsoid(np.full(3, 0.15)), np.array([0.0, 0.0, 0.65]), shade=0.05),
    ]

    def spot(angle: float) -> float:
        drawn = picture(Solid(parts), AHEAD, np.radians(angle), 64)
        # Not the rim of the ball, which is mixed with black.
        down, across = np.mgrid[:64, :64] - 31.5
        rows, columns = np.nonzero((drawn < 30) & (np.hypot(down, across) < 28))
        assert len(rows)
        return float(columns.mean())

    assert spot(0) == pytest.approx(31.5, abs=1)
    assert spot(30) == pytest.approx(31.5 - 30.7 * np.sin(np.radians(30)), abs=3)
    assert spot(-30) > 40


def test_tables_of_solids(tmp_path: Path) -> None:
    solid_pairs.write(tmp_path, solids=2, views=3, count=4, size=32)
    with open(tmp_path / "solid-pairs-train.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    for row in rows:
        number, before, after = (int(part) for part in row["name"].removeprefix("solid").split("-"))
        assert row["source"] == f"solids/{number:04d}-{before:02d}.png"
        assert row["target"] == f"solids/{number:04d}-{after:02d}.png"
        assert (int(row["turn"]) - 5 * (after - before)) % 360 == 0
        assert -180 < int(row["turn"]) <= 180
    drawn = sorted((tmp_path / "solids").iterdir())
    assert len(drawn) == 6
    assert all(np.asarray(Image.open(path)).max() > 60 for path in drawn)
    again = tmp_path / "again"
    solid_pairs.write(again, solids=2, views=3, count=4, size=32)
    assert [path.read_bytes() for path in sorted((again / "solids").iterdir())] == [
        path.read_bytes() for path in drawn
    ]


@pytest.mark.parametrize(("solids", "views", "told"), [(0, 3, "--solids 0"), (1, 1, "--views 1")])
def test_what_cannot_be_drawn(tmp_path: Path, solids: int, views: int, told: str) -> None:
    with pytest.raises(SystemExit, match=told):
        solid_pairs.write(tmp_path, solids, views, count=1, size=32)
