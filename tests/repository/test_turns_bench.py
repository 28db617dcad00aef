"""The benchmark of turned objects: distances, baselines, its judge, and a run from end to end."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.linalg import sqrtm

from benchmarks import judge, posed, posed_judge, turns
from benchmarks.frechet import frechet_distance
from benchmarks.posed_judge import Posed
from export.manifest import Input, Manifest, Output
from export.runtime import Translator
from tests.runtime.models import FLOAT, Graph
from translate.metrics import measure
from translate.pixels import to_floats

SIDE, OBJECTS, HELD = 16, 3, 1


def test_distance_of_gaussians_worked_out_by_hand() -> None:
    # Means 0 and 3, variances 1 and 4: 9 + 1 + 4 - 2 sqrt(4) = 10.
    ours, theirs = np.array([[-1.0], [1.0]]), np.array([[1.0], [5.0]])
    assert frechet_distance(ours, theirs) == pytest.approx(10)
    assert frechet_distance(theirs, theirs) == pytest.approx(0, abs=1e-9)
    # Along two axes that do not depend on each other distances add up.
    both = np.array([[x, y] for x in (-1.0, 1.0) for y in (1.0, 5.0)])
    turned = both[:, ::-1]
    assert frechet_distance(both, turned) == pytest.approx(20)


def test_distance_of_gaussians_by_another_library() -> None:
    random = np.random.default_rng(0)
    ours = random.normal(size=(50, 6)) @ random.normal(size=(6, 6))
    theirs = random.normal(1, 2, size=(40, 6))
    covariances = [np.cov(rows.T, ddof=0) for rows in (ours, theirs)]
    wanted = ((ours.mean(0) - theirs.mean(0)) ** 2).sum() + np.trace(
        covariances[0] + covariances[1] - 2 * np.real(sqrtm(covariances[0] @ covariances[1]))
    )
    assert frechet_distance(ours, theirs) == pytest.approx(wanted, rel=1e-6)


def test_distance_of_fewer_pictures_than_features() -> None:
    # Two points on the first axis, two on the second, of eight: no variance is shared.
    ours, theirs = np.zeros((2, 8)), np.zeros((2, 8))
    ours[:, 0] = theirs[:, 1] = -1, 1
    assert frechet_distance(ours, theirs) == pytest.approx(2)
    with pytest.raises(ValueError, match=r"features are \(1, 8\) and \(2, 8\); expected two rows"):
        frechet_distance(ours[:1], theirs)


def test_groups_see_what_all_at_once_hides() -> None:
    # The same two features in each set, dealt out to two groups the other way round.
    ours, theirs = np.array([[0.0], [0], [4], [4]]), np.array([[4.0], [4], [0], [0]])
    assert frechet_distance(ours, theirs) == pytest.approx(0)
    assert posed.by_group(ours, theirs, np.array([0, 0, 1, 1])) == pytest.approx(16)


def test_the_mean_picture_of_a_pose() -> None:
    levels = np.array([10, 21, 100, 200], np.uint8)
    pixels = np.broadcast_to(levels[:, None, None, None], (4, 2, 2, 1))
    poses = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [5.0, 0.0]])
    learned = Posed(pixels, np.arange(4), poses)
    asked = np.array([[0.1, 0.0], [4.0, 0.0], [0.1, 0.0]])
    means = posed.mean_pictures(learned, asked, count=2)
    # 15.5 rounds to even; from 4 the nearest are at 5 and 1.
    assert means[:, 0, 0, 0].tolist() == [16, 150, 16]
    assert posed.mean_pictures(learned, asked, count=1)[:, 0, 0, 0].tolist() == [10, 200, 10]


def test_angles_between_directions() -> None:
    def directions(*degrees: float) -> np.ndarray:
        angles = np.radians(degrees)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    # How long the judge's answer is does not matter.
    found = directions(0, 350, 90, 10, 45) * np.array([[1.0], [0.2], [3], [1], [1]])
    asked = directions(0, 10, -90, 355, 90)
    assert turns.degrees_apart(found, asked) == pytest.approx([0, 20, 180, 15, 45])


def test_pairs_name_the_views_and_the_turn_between_them() -> None:
    pairs = turns.all_pairs(2)
    # 12 sources of each object, to the 71 other views.
    assert len(pairs) == 2 * 12 * 71
    assert {pair.group for pair in pairs} == set(range(8))
    assert pairs[0] == posed.Pair(0, 1, {"turn": 5}, 0)
    assert pairs[35].asked == {"turn": 180}
    assert pairs[36].asked == {"turn": -175}
    # The last one: from 330 degrees, the 67th view, to 355, the 72nd one.
    assert pairs[-1] == posed.Pair(72 + 66, 72 + 71, {"turn": 25}, 7)
    assert [pair.target for pair in turns.shown(1)[0]] == [45, 54, 63, 69, 3, 9, 18, 27, 36]


def picture(number: int, view: int) -> np.ndarray:
    """A bright dot that goes round; the object's number is its brightness and the background's."""
    pixels = np.full((SIDE, SIDE), 20 + 40 * number, np.uint8)
    angle = math.radians(5 * view)
    row, column = round(8 + 5 * math.sin(angle)), round(8 + 5 * math.cos(angle))
    pixels[row - 1 : row + 2, column - 1 : column + 2] = 255 - 30 * number
    return pixels


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    (root / "coil20").mkdir()
    for number in range(OBJECTS):
        for view in range(72):
            path = root / "coil20" / f"obj{number + 1}__{view}.png"
            Image.fromarray(picture(number, view)).save(path)
    return root


def stand_in(path: Path, remembered: np.ndarray | None = None) -> Path:
    """A model that gives back its source, or whatever it is asked the one picture it remembers."""
    graph = Graph()
    graph.add("Identity", "source", output="coarse")
    if remembered is None:
        nothing = graph.add("Mul", "turn", graph.constant([0]))
        plane = graph.add("Reshape", nothing, graph.constant([-1, 1, 1, 1], np.int64))
        graph.add("Add", "source", plane, output="target")
    else:
        nothing = graph.add("Mul", "source", graph.constant([0]))
        graph.add("Add", nothing, graph.constant(remembered / 255), output="target")
    manifest = Manifest(
        name=path.stem,
        task="pose",
        inputs=(Input("source", "gray"), Input("turn", "angle", range=(-180, 180))),
        outputs=(Output("target", "gray"), Output("coarse", "gray")),
        tiling="fixed",
        size=SIDE,
    )
    return graph.save(
        path,
        manifest,
        {"source": (FLOAT, ["n", 1, "h", "w"]), "turn": (FLOAT, ["n"])},
        {"target": (FLOAT, ["n", 1, "h", "w"]), "coarse": (FLOAT, ["n", 1, "h", "w"])},
    )


@pytest.fixture
def small_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "SIDE", SIDE)
    monkeypatch.setattr(posed_judge, "SIDE", SIDE)
    monkeypatch.setattr(posed_judge, "WIDTHS", (8, 16))
    monkeypatch.setattr(turns, "FROM_EVERY", 90)


@pytest.mark.usefixtures("small_judge")
def test_a_model_that_changes_nothing_is_the_source(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = stand_in(tmp_path / "same.onnx")
    figures_path, sheet_path = tmp_path / "figures.json", tmp_path / "sheet.png"
    turns.run(
        data=data, model=str(model), cache=tmp_path, steps=300, held_out=HELD,
        json=str(figures_path), picture=sheet_path,
    )  # fmt: skip
    figures = json.loads(figures_path.read_text())
    assert figures["pairs"] == 4 * 71
    assert figures["groups"] == 8
    assert figures["result"] == figures["source"]
    assert figures["real"]["subject_found"] == 1
    assert figures["classifier"]["pose_error"] < 20
    # From four views to all others, over both ways round: a quarter turn in the mean.
    assert 70 < figures["source"]["pose_error"] < 110
    assert not figures["checks"]["ssim_y"]["holds"]
    assert not figures["checks"]["frechet"]["holds"]
    # The mean of the two training objects in the same view, against each real picture.
    truths = [picture(2, view) for view in range(72)]
    means = [
        np.stack([picture(number, view) for number in (0, 1)]).mean(0).round().astype(np.uint8)
        for view in range(72)
    ]
    ssim = [
        measure(to_floats(mean[..., None]), to_floats(truth[..., None]))["ssim_y"]
        for mean, truth in zip(means, truths, strict=True)
    ]
    # Every view is asked for from each of the four sources, but those from themselves.
    weights = [3 if view % 18 == 0 else 4 for view in range(72)]
    assert figures["mean"]["ssim_y"] == pytest.approx(np.average(ssim, weights=weights), abs=1e-6)
    # A source and nine turns, each above its real picture: two outputs and the truth.
    assert Image.open(sheet_path).size == (10 * SIDE, 3 * SIDE)
    assert "pose error (degrees)" in capsys.readouterr().out


@pytest.mark.usefixtures("small_judge")
def test_a_judge_that_errs_on_real_pictures_is_not_believed(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = stand_in(tmp_path / "same.onnx")
    with pytest.raises(SystemExit) as stopped:
        turns.run(data=data, model=str(model), cache=tmp_path, steps=1, held_out=HELD)
    assert stopped.value.code == 1
    assert "expected more than 98%" in capsys.readouterr().out


def test_a_model_of_one_picture_is_right_where_it_is_asked_for(tmp_path: Path) -> None:
    held = Posed(
        np.stack([picture(2, view)[..., None] for view in range(72)]),
        np.zeros(72, np.int64),
        np.zeros((72, 2)),
    )
    model = Translator(stand_in(tmp_path / "one.onnx", picture(2, 5)[None, None]), threads=1)
    results = posed.translate(model, held.pixels, [turns.pair(0, 0, 25), turns.pair(0, 10, 40)])
    assert np.array_equal(results[0], held.pixels[5])
    assert np.array_equal(results[1], held.pixels[5])


def test_what_is_asked_is_to_beat_both() -> None:
    good, other = {"ssim_y": 0.8, "frechet": 1.0}, {"ssim_y": 0.7, "frechet": 2.0}
    sharp = {"ssim_y": 0.5, "frechet": 0.5}
    assert all(check["holds"] for check in posed.checks(good, [other, other]).values())
    assert posed.checks(good, [other, sharp])["ssim_y"]["holds"]
    assert not posed.checks(good, [other, sharp])["frechet"]["holds"]
    assert not any(check["holds"] for check in posed.checks(good, [other, good]).values())


def test_a_judge_is_kept_for_the_same_pictures_only(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(256, size=(8, 64, 64, 1), dtype=np.uint8)
    learned = Posed(pixels, np.arange(8) % 2, random.normal(size=(8, 2)))
    first = posed_judge.appoint(learned, tmp_path, steps=2)
    again = posed_judge.appoint(learned, tmp_path, steps=2)
    assert np.array_equal(first.answers(pixels).features, again.answers(pixels).features)
    assert len(list(tmp_path.iterdir())) == 1
    # Where poses alone differ, so does what is learned.
    posed_judge.appoint(Posed(pixels, learned.subjects, -learned.poses), tmp_path, steps=2)
    posed_judge.appoint(learned, tmp_path, steps=2, seed=1)
    assert len(list(tmp_path.iterdir())) == 3
    # And where what it learns from varies by more.
    posed_judge.appoint(learned, tmp_path, steps=2, by=[0.2])
    assert len(list(tmp_path.iterdir())) == 4


def test_what_is_missing_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for root, name in ((tmp_path, "coil20"), (data, "nothing.onnx")):
        with pytest.raises(SystemExit) as stopped:
            turns.run(data=root, model="nothing.onnx")
        assert stopped.value.code == 2
        assert name in capsys.readouterr().out
    (tmp_path / "coil20").mkdir()
    with pytest.raises(SystemExit) as stopped:
        turns.run(data=tmp_path, model=str(stand_in(tmp_path / "same.onnx")))
    assert stopped.value.code == 2
    assert capsys.readouterr().out.endswith("coil20: no pictures named obj1__0.png and so on\n")
