"""The benchmark of pose models: who it takes a hand for, its judge, and a run from end to end."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from skimage.color import lab2rgb, rgb2lab

from benchmarks import judge, people, pose
from benchmarks.toys.hands import Hands
from export.manifest import Input, Manifest, Output
from tests.runtime.models import FLOAT, INT64, Graph
from translate.pairs import View

SKIN, WALL = (190, 140, 110), (170, 172, 180)
WALLS = [(170, 172, 180), (120, 122, 130), (200, 205, 210), (90, 96, 100)]
SKINS = [(190, 140, 110), (140, 95, 70), (220, 170, 140), (170, 100, 60)]
SIDE = 32


def mark(gesture: int) -> tuple[int, ...]:
    """What a made-up hand holds up: as far from gray as skin is, so that it counts as hand."""
    angle = 2 * np.pi * (gesture % 5) / 5
    lab = [35 + 40 * (gesture // 5), 35 * np.cos(angle), 35 * np.sin(angle)]
    return tuple(int(part) for part in np.round(255 * lab2rgb(np.array(lab))))


def photo(person: int, gesture: int) -> Image.Image:
    picture = Image.new("RGB", (40, 40), WALLS[person])
    draw = ImageDraw.Draw(picture)
    draw.rectangle((8, 8 - person, 31, 39), fill=SKINS[person])
    draw.ellipse((15, 15, 24, 24), fill=mark(gesture))
    return picture


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    rows: list[tuple[int, int, int, str]] = []
    for person in range(4):
        for gesture in range(10):
            name = f"{gesture}/{person}.png"
            (root / "hands" / str(gesture)).mkdir(parents=True, exist_ok=True)
            photo(person, gesture).save(root / "hands" / name)
            rows.append((person, 1, gesture, name))
    # One who did not show everything is trained on, and is nobody's candidate.
    rows.append((4, 0, 3, "3/0.png"))
    with (root / "hands" / "runs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("run", "complete", "gesture", "file"), *rows])
    return root


def stand_in(path: Path, remembered: np.ndarray | None = None) -> Path:
    """A model that gives back its source, or by the gesture one of ten pictures it remembers."""
    graph = Graph()
    graph.add("Identity", "source", output="coarse")
    if remembered is None:
        graph.add("Identity", "source", output="target")
    else:
        pictures = graph.constant(remembered.transpose(0, 3, 1, 2) / 255)
        graph.add("Gather", pictures, "gesture", axis=0, output="target")
    manifest = Manifest(
        name="test-pose",
        task="pose",
        inputs=(Input("source", "rgb"), Input("gesture", "class:10")),
        outputs=(Output("target", "rgb"), Output("coarse", "rgb")),
        tiling="fixed",
        size=SIDE,
    )
    picture = (FLOAT, ["n", 3, SIDE, SIDE])
    inputs = {"source": picture, "gesture": (INT64, ["n"])}
    return graph.save(path, manifest, inputs, {"target": picture, "coarse": picture})


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The judge is trained once for all runs."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def small_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "SIDE", SIDE)
    monkeypatch.setattr(judge, "WIDTHS", (8, 16, 32))


def measured(data: Path, model: Path, cache: Path, to: Path, steps: int = 100) -> dict:
    pose.run(
        data=data,
        model=str(model),
        cache=cache,
        steps=steps,
        held_out=2,
        json=str(to / "figures.json"),
        picture=to / "grid.png",
    )
    return json.loads((to / "figures.json").read_text())


@pytest.mark.usefixtures("small_judge")
def test_sources_handed_back_show_no_asked_gesture(
    data: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = measured(data, stand_in(tmp_path / "same.onnx"), cache, tmp_path)
    assert figures["classifier"] == 1.0
    assert (figures["people"], figures["pairs"]) == (2, 180)
    assert figures["result"] == figures["source"]
    assert figures["result"]["gesture_found"] == 0.0
    assert set(figures["gesture_found_by_gesture"].values()) == {0.0}
    # These two people differ by more than the marks that they hold up.
    assert figures["result"]["person_kept_within"] == 1.0
    holds = {key: check["holds"] for key, check in figures["checks"].items()}
    assert not holds["gesture_found"]
    assert holds["person_kept"]
    assert not holds["ssim_y"]
    printed = capsys.readouterr().out
    assert printed.startswith("classifier: 100.00%")
    assert "at least 0.95" in printed
    # Source and nine gestures across; coarse, result and real photograph of two people down.
    assert Image.open(tmp_path / "grid.png").size == (10 * SIDE, 2 * 3 * SIDE)
    assert len(list(cache.glob("*.safetensors"))) == 1


@pytest.mark.usefixtures("small_judge")
def test_one_persons_photographs_are_right_for_half_the_people(
    data: Path, cache: Path, tmp_path: Path
) -> None:
    own = [
        View(data / "hands" / f"{gesture}/2.png", "rgb", fit=(SIDE, SIDE)).decode()
        for gesture in range(10)
    ]
    figures = measured(data, stand_in(tmp_path / "own.onnx", np.stack(own)), cache, tmp_path)
    assert figures["result"]["gesture_found"] == 1.0
    assert figures["result"]["person_kept"] == 0.5
    assert figures["result"]["person_kept_within"] == 0.5
    assert figures["checks"]["gesture_found"]["holds"]
    assert not figures["checks"]["person_kept"]["holds"]
    # Half of them equal the truth, which counts as 100 dB.
    assert 50 < figures["result"]["psnr_rgb"] < 70
    assert figures["source"]["psnr_rgb"] < 50


def test_what_is_asked_is_asked_at_its_bounds() -> None:
    good = {"gesture_found": 0.95, "person_kept": 0.6, "ssim_y": 0.71, "band_energy": 0.7}
    bad = {"gesture_found": 0.94, "person_kept": 0.59, "ssim_y": 0.7, "band_energy": 1.31}
    source = {"ssim_y": 0.7}
    assert all(check["holds"] for check in pose.checks(good, source).values())
    assert not any(check["holds"] for check in pose.checks(bad, source).values())


@pytest.mark.usefixtures("small_judge")
def test_a_judge_that_errs_on_real_photographs_is_not_believed(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        measured(data, stand_in(tmp_path / "same.onnx"), tmp_path, tmp_path, steps=2)
    assert stopped.value.code == 1
    assert "expected more than 98%" in capsys.readouterr().out


def test_what_is_missing_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = stand_in(tmp_path / "same.onnx")
    for missing, name in ((tmp_path, "hands"), (data, "nothing.onnx")):
        with pytest.raises(SystemExit) as stopped:
            pose.run(data=missing, model=str(model if missing == tmp_path else name))
        assert stopped.value.code == 2
        assert name in capsys.readouterr().out
    # A table without its photographs.
    (tmp_path / "hands").mkdir()
    shutil.copy(data / "hands" / "runs.csv", tmp_path / "hands")
    for held_out, message in ((2, "0/0.png"), (4, "has 4 complete runs; expected more than the 4")):
        with pytest.raises(SystemExit) as stopped:
            pose.run(data=tmp_path, model=str(model), held_out=held_out)
        assert stopped.value.code == 2
        printed = capsys.readouterr().out
        assert message in printed
        assert printed.count("\n") == 1


def test_a_hand_before_a_wall_that_darkens_towards_its_corners() -> None:
    rows, columns = np.mgrid[-1:1:64j, -1:1:64j]
    light = 1 - 0.25 * (rows**2 + columns**2)
    picture = np.full((64, 64, 3), WALL, np.float64)
    hand = np.zeros((64, 64), bool)
    hand[16:64, 20:40] = True
    picture[hand] = SKIN
    # A speck of the same color is not the hand.
    picture[4:7, 56:59] = SKIN
    grain = np.random.default_rng(0).normal(0, 2, picture.shape)
    lit = (picture * light[..., None] + grain).round().astype(np.uint8)
    assert (people.hand_mask(rgb2lab(lit)) != hand).mean() < 0.002
    # The light alone changes the wall by more than that.
    assert np.ptp(lit[:, 0].mean(axis=1)) > 30


def test_colors_and_area_of_a_hand() -> None:
    picture = np.full((50, 40, 3), WALL, np.uint8)
    picture[10:50, 10:30] = SKIN
    expected = [
        *rgb2lab(np.array([[SKIN]], np.uint8))[0, 0],
        *rgb2lab(np.array([[WALL]], np.uint8))[0, 0],
        40 * 20 / (50 * 40),
    ]
    assert people.appearance(picture) == pytest.approx(np.array(expected))


def test_an_empty_picture_has_no_hand() -> None:
    found = people.appearance(np.full((20, 20, 3), WALL, np.uint8))
    assert found[:3] == pytest.approx(found[3:6])
    assert found[6] == 0


def test_nearest_in_z_scores() -> None:
    # Two people, one gesture; the first feature varies by 100, the second by 1.
    features = np.array([[[0.0, 0.0]], [[200.0, 2.0]]])
    scales = people.among_people(features)[0]
    assert scales == pytest.approx(np.diag([0.01, 1.0]))
    # 0.8 of the way in the feature of large numbers, 0.1 in the other: 0.9 < 2 - 0.9.
    assert people.nearest(np.array([160.0, 0.0]), features[:, 0], scales) == 0
    assert people.nearest(np.array([160.0, 0.0]), features[:, 0], np.eye(2)) == 1


def test_scales_within_a_person_make_noise_alike_in_all_directions() -> None:
    random = np.random.default_rng(0)
    mixing = np.array([[3.0, 0.0], [2.0, 0.5]])
    noise = random.normal(size=(400, 10, 2)) @ mixing.T
    means = random.normal(0, 50, (400, 1, 2)) + random.normal(0, 20, (1, 10, 2))
    scales = people.within_person(means + noise)
    # The covariance of the noise is M M^T; nine of ten degrees of freedom are left.
    whitened = scales @ (mixing @ mixing.T * 0.9) @ scales.T
    assert whitened == pytest.approx(np.eye(2), abs=0.05)


def test_variations_keep_what_is_the_same_everywhere() -> None:
    torch.manual_seed(0)
    flat = torch.full((64, 3, 16, 16), 0.5)
    varied = judge.vary(flat)
    levels = varied.mean(dim=(1, 2, 3))
    assert varied.shape == flat.shape
    assert torch.allclose(varied, levels[:, None, None, None].expand_as(varied), atol=1e-5)
    assert 0.4 <= levels.min() < 0.45
    assert 0.55 < levels.max() <= 0.6


def test_variations_mirror_about_half() -> None:
    torch.manual_seed(0)
    halves = torch.zeros(200, 1, 16, 16)
    halves[..., :8] = 1
    varied = judge.vary(halves)
    mirrored = varied[..., :4].mean(dim=(1, 2, 3)) < varied[..., -4:].mean(dim=(1, 2, 3))
    assert 70 < int(mirrored.sum()) < 130


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_shown_as_means_of_their_pixels(channels: int) -> None:
    pictures = np.zeros((1, 128, 128, channels), np.uint8)
    pictures[:, ::2] = 255
    assert judge.as_seen(pictures) == pytest.approx(torch.zeros(1, channels, 64, 64), abs=1e-6)


def test_a_kept_judge_is_found_again_for_the_same_pictures_only(tmp_path: Path) -> None:
    hands = Hands(torch.rand(20, 3, 64, 64) * 2 - 1, torch.arange(20) % 10)
    first = judge.appoint(hands, tmp_path, steps=2)
    again = judge.appoint(hands, tmp_path, steps=2)
    assert torch.equal(first.logits(hands.pictures), again.logits(hands.pictures))
    assert len(list(tmp_path.iterdir())) == 1
    judge.appoint(Hands(hands.pictures + 0.01, hands.gestures), tmp_path, steps=2)
    judge.appoint(hands, tmp_path, steps=2, seed=1)
    assert len(list(tmp_path.iterdir())) == 3
