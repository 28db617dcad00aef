"""The people that the project draws: their joints are where they are drawn, and nobody leaks."""

import csv
import filecmp
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stacks.data import phase_sampler, training_groups, validation_pairs
from stacks.recipe import load_recipe
from stacks.tables import bodies
from stacks.tables.figures import COLUMNS, write

SIZE = 64


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures")
    write(folder, figures=5, held_out=2, poses=3, size=SIZE)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_held_out_people_are_in_no_training_pair(data: Path) -> None:
    tables = {part: rows(data / f"figure-pairs-{part}.csv") for part in ("train", "validation")}
    # All ordered pairs of three poses, of three people and of two.
    assert {part: len(table) for part, table in tables.items()} == {"train": 18, "validation": 12}
    assert tuple(tables["train"][0]) == COLUMNS
    people = {
        part: {Path(row[side]).name[:4] for row in table for side in ("source", "target")}
        for part, table in tables.items()
    }
    assert people == {"train": {"0000", "0001", "0002"}, "validation": {"0003", "0004"}}
    for row in tables["train"]:
        assert Path(row["source"]).name[:4] == Path(row["target"]).name[:4]
        assert (row["source"], row["target"]) == (row["source_pose"], row["pose"])
        assert row["source"] != row["target"]


def test_the_same_seed_draws_the_same(data: Path, tmp_path: Path) -> None:
    write(tmp_path, figures=5, held_out=2, poses=3, size=SIZE)
    names = [path.relative_to(data) for path in data.rglob("*") if path.is_file()]
    assert len(names) == 15 + 3
    assert filecmp.cmpfiles(data, tmp_path, names, shallow=False)[0] == names
    write(tmp_path, figures=2, held_out=1, poses=3, size=SIZE, seed=1)
    assert not filecmp.cmp(data / "figures/joints.csv", tmp_path / "figures/joints.csv")


def test_joints_are_where_they_are_drawn() -> None:
    random = np.random.default_rng(0)
    figure = bodies.Figure.drawn_from(random)
    for _ in range(5):
        places = bodies.place(figure, bodies.Pose.drawn_from(random))
        assert tuple(sorted(places)) == tuple(sorted(bodies.JOINTS))
        assert all((point > 0).all() and (point < 1).all() for point in places.values())
        pixels = np.asarray(bodies.picture(figure, places, 128)).astype(int)
        for index, side in enumerate(("left", "right")):
            # Hands are drawn last, so nothing hides the one that is drawn after the other.
            x, y = (places[f"{side}_wrist"] * 128 - 0.5).round().astype(int)
            near = [np.abs(pixels[y, x] - one).sum() for one in (figure.skin, *figure.shirt)]
            assert min(near) < 90, (index, near)


def test_limbs_are_as_long_as_the_figure_s() -> None:
    random = np.random.default_rng(3)
    figure = bodies.Figure.drawn_from(random)
    pose = bodies.Pose(0, 0, (90, 90), (0, 0), (0, 0), (0, 0))
    places = bodies.place(figure, pose)
    # Arms straight out to the sides: the left one, seen from the front, to the right.
    reach = places["left_wrist"] - places["left_shoulder"]
    assert reach == pytest.approx([2 * figure.arm, 0], abs=1e-9)
    assert places["right_wrist"][0] < places["right_shoulder"][0]
    assert math.dist(places["left_hip"], places["left_ankle"]) == pytest.approx(2 * figure.leg)
    assert places["head"][1] < places["neck"][1] < places["left_hip"][1] < places["left_ankle"][1]


def test_colors_of_the_two_sides_and_the_background_differ() -> None:
    for seed in range(20):
        figure = bodies.Figure.drawn_from(np.random.default_rng(seed))
        for left, right in (figure.shirt, figure.trousers):
            assert math.dist(left, right) >= bodies.CONTRAST
            for color in (left, right):
                assert min(math.dist(color, one) for one in figure.background) >= bodies.CONTRAST


def test_edges_are_smooth() -> None:
    figure = bodies.Figure.drawn_from(np.random.default_rng(0))
    places = bodies.place(figure, bodies.Pose(0, 0, (45, 45), (0, 0), (20, 20), (0, 0)))
    drawn = bodies.picture(figure, places, 64)
    colors = drawn.getcolors(64 * 64)
    assert colors is not None
    # Flat shapes on a flat ground have a dozen colors; smooth edges have many between them.
    assert len(colors) > 100


def test_the_preset_reads_them(data: Path) -> None:
    recipe = load_recipe("figure-pose", [f"data.root={str(data)!r}", "batch=4"])
    assert recipe.data.joints is not None
    assert recipe.data.joints.names == bodies.JOINTS
    assert sorted(recipe.data.joints.limbs) == sorted(bodies.LIMBS)
    batch = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])(0).views
    assert batch["source"].shape == batch["target"].shape == (4, 3, 96, 96)
    assert batch["pose"].shape == batch["source_pose"].shape == (4, 14, 3)
    # Of pictures of 64 pixels, joints were brought to 96 with them.
    assert batch["pose"][..., :2].max() > 70
    [held_out] = validation_pairs(recipe)
    assert len(held_out) == 12


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"figures": 2, "held_out": 2}, "--held-out 2: expected 1 to 1 of 2 figures"),
        ({"figures": 3, "held_out": 0}, "--held-out 0: expected 1 to 2 of 3 figures"),
        ({"figures": 2, "held_out": 1, "poses": 1}, "--poses 1: expected 2 to 24"),
    ],
)
def test_what_cannot_be_drawn(tmp_path: Path, settings: dict[str, int], message: str) -> None:
    with pytest.raises(SystemExit) as error:
        write(tmp_path, **settings)
    assert str(error.value) == message


def test_a_plain_background_is_one_color() -> None:
    figures = [bodies.Figure.drawn_from(np.random.default_rng(seed)) for seed in range(20)]
    plain = [figure for figure in figures if figure.background[0] == figure.background[1]]
    assert 0 < len(plain) < len(figures)
    assert isinstance(bodies.background(plain[0], 8), Image.Image)
    pixels = np.asarray(bodies.background(plain[0], 8))
    assert (pixels == plain[0].background[0]).all()
    sloped = next(figure for figure in figures if figure not in plain)
    assert np.asarray(bodies.background(sloped, 8)).std(axis=(0, 1)).max() > 1
