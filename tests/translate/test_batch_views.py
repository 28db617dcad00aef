"""Labels, classes and noise in batches: aligned, whole numbers, keyed by seed, step and item."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from tests.photographs import window, write_pictures
from translate.augment import Augment, AugmentSpec
from translate.batches import Sampler
from translate.degrade import parse_degradation
from translate.kinds import parse_kind
from translate.layouts import Aligned, Reading, find_items
from translate.pairs import Pairs

PALETTE = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]], np.uint8)
IDS = np.random.default_rng(0).integers(5, size=(40, 44), dtype=np.uint8)
LABELS = {"source": "labels:5", "target": "rgb"}
NOISE = {"noise": "noise:64", "target": "rgb"}


def sampler(folder: Path, layout: Aligned, kinds: Mapping[str, str], *degradations: str,
            size: int = 16, points: bool = False, seed: int = 0,
            move: AugmentSpec | None = None) -> Sampler:  # fmt: skip
    pairs = Pairs(find_items(folder, layout, Reading(kinds)))
    return Sampler(
        [(pairs, 1.0)],
        batch=4,
        size=size,
        degradations=[(parse_degradation(text), 1.0) for text in degradations],
        augment=Augment(move or AugmentSpec(flip=True, turn=True)),
        seed=seed,
        kinds={view: parse_kind(text) for view, text in kinds.items()},
        points=points,
    )


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("targets"), {"1.png": window("coffee", 40, 44)})


@pytest.mark.parametrize(
    "move", [AugmentSpec(flip=False), AugmentSpec(), AugmentSpec(flip=True, turn=True)]
)
def test_labels_stay_under_their_pixels(tmp_path: Path, move: AugmentSpec) -> None:
    # Each pixel's color tells its label; a window that moved apart would show at once.
    write_pictures(tmp_path / "source", {"1.png": IDS})
    write_pictures(tmp_path / "target", {"1.png": PALETTE[IDS]})
    draw = sampler(tmp_path, "views", LABELS, move=move)
    drawn = [draw(step).views for step in range(6)]
    for views in drawn:
        assert views["source"].dtype == torch.int64
        assert views["source"].shape == (4, 1, 16, 16)
        colors = torch.from_numpy(PALETTE)[views["source"][:, 0]].permute(0, 3, 1, 2)
        assert torch.equal(views["target"], colors / 255)
    assert len({views["source"][0].sum().item() for views in drawn}) > 1, "other windows"


def test_labels_smaller_than_the_window_are_mirrored_with_their_pixels(tmp_path: Path) -> None:
    write_pictures(tmp_path / "source", {"1.png": IDS[:9]})
    write_pictures(tmp_path / "target", {"1.png": PALETTE[IDS[:9]]})
    views = sampler(tmp_path, "views", LABELS)(0).views
    colors = torch.from_numpy(PALETTE)[views["source"][:, 0]].permute(0, 3, 1, 2)
    assert torch.equal(views["target"], colors / 255)


def test_classes_follow_their_item(tmp_path: Path) -> None:
    for index, level in enumerate((0, 100, 200)):
        flat = np.full((20, 20, 3), level, np.uint8)
        write_pictures(tmp_path / str(index), {"1.png": flat, "2.png": flat})
    draw = sampler(tmp_path, "classes", {"group": "class:3", "target": "rgb"}, points=True)
    seen: set[int] = set()
    for step in range(6):
        views = draw(step).views
        assert views["group"].dtype == torch.int64
        assert views["group"].shape == (4,)
        assert (views["target"][:, 0, 0, 0] * 255).round().tolist() == [
            100 * group for group in views["group"].tolist()
        ]
        seen |= set(views["group"].tolist())
    assert seen == {0, 1, 2}


def test_a_mirrored_angle_is_the_opposite_one(tmp_path: Path) -> None:
    # White on the left is mirrored to the right.
    half = np.zeros((16, 16, 3), np.uint8)
    half[:, :8] = 255
    write_pictures(tmp_path, {"half.png": half})
    (tmp_path / "turns.csv").write_text("source,target,turn\nhalf.png,half.png,30\n")
    kinds = {"source": "rgb", "turn": "angle", "target": "rgb"}
    pairs = Pairs(find_items(tmp_path / "turns.csv", "table", Reading(kinds, root=tmp_path)))
    for flip in (True, False):
        draw = Sampler([(pairs, 1.0)], 4, 16, [], Augment(AugmentSpec(flip=flip)), seed=0)
        mirrored: set[bool] = set()
        for step in range(4):
            views = draw(step).views
            assert views["turn"].dtype == torch.float32
            left = views["source"][:, 0, 0, 0]
            assert torch.equal(views["target"][:, 0, 0, 0], left)
            assert torch.equal(views["turn"], torch.where(left == 1, 30.0, -30.0))
            mirrored |= set((left == 0).tolist())
        assert mirrored == ({True, False} if flip else {False})


def test_noise_is_a_function_of_seed_step_and_item(targets: Path) -> None:
    draw = sampler(targets, "targets", NOISE, points=True)
    noise = {step: draw(step).views["noise"] for step in (5, 0, 3)}
    again = sampler(targets, "targets", NOISE, points=True)
    for step in (0, 3, 5):
        assert torch.equal(again(step).views["noise"], noise[step])
    # No two items, of one batch or of several, and no two seeds, are given the same.
    other = sampler(targets, "targets", NOISE, points=True, seed=1)
    rows = torch.cat([*noise.values(), other(0).views["noise"]])
    assert rows.shape == (16, 64)
    assert len(torch.unique(rows, dim=0)) == 16
    # Of several devices, each draws what its items have on one.
    shares = [replace(again, device=device, devices=2)(3).views["noise"] for device in (0, 1)]
    assert torch.equal(shares[0], noise[3][0::2])
    assert torch.equal(shares[1], noise[3][1::2])


def test_noise_is_standard_normal(targets: Path) -> None:
    draw = sampler(targets, "targets", NOISE, points=True)
    values = torch.cat([draw(step).views["noise"] for step in range(16)])
    assert values.dtype == torch.float32
    assert stats.kstest(values.flatten().numpy(), "norm").pvalue > 0.01
    # Nothing of the first half of a vector is in the second.
    assert abs(float(np.corrcoef(values[:, :32].flatten(), values[:, 32:].flatten())[0, 1])) < 0.1


def test_a_source_pixel_of_points_is_the_whole_crop(targets: Path) -> None:
    batch = sampler(targets, "targets", NOISE, points=True)(0)
    assert batch.scale == 16
    shapes = {name: tuple(view.shape[2:]) for name, view in batch.views.items()}
    assert shapes == {
        "noise": (), "target": (16, 16), "down2:target": (8, 8), "down4:target": (4, 4),
        "down8:target": (2, 2), "down16:target": (1, 1),
    }  # fmt: skip
    # Bicubic keeps the mean, up to the edges.
    means = [float(batch.views[name].mean()) for name in ("target", "down2:target")]
    assert means[0] == pytest.approx(means[1], abs=0.02)


def test_reduced_labels_are_labels(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"1.png": IDS})
    kinds = {"noise": "noise:2", "target": "labels:5"}
    views = sampler(tmp_path, "targets", kinds, points=True)(0).views
    # The second pixel of every two, the third of every four.
    assert torch.equal(views["down2:target"], views["target"][:, :, 1::2, 1::2])
    assert torch.equal(views["down4:target"], views["target"][:, :, 2::4, 2::4])
    assert views["down4:target"].dtype == torch.int64


def test_noise_maps_have_the_size_of_the_source(targets: Path, tmp_path: Path) -> None:
    kinds = {"fine": "noise-map:2@4", "target": "rgb"}
    batch = sampler(targets, "targets", kinds, points=True)(0)
    assert batch.views["fine"].shape == (4, 2, 4, 4), "four of its pixels on one point"
    kinds = {"grain": "noise-map:1", "fine": "noise-map:2@2", "target": "rgb"}
    draw = sampler(targets, "targets", kinds, "bicubic:4", "bicubic:2")
    batches = [draw(step) for step in range(8)]
    assert {batch.scale for batch in batches} == {2, 4}
    for batch in batches:
        assert batch.views["source"].shape == (4, 3, 4, 4)
        assert batch.views["grain"].shape == (4, 1, 4, 4)
        assert batch.views["fine"].shape == (4, 2, 8, 8)
    for view in ("source", "target"):
        write_pictures(tmp_path / view, {"1.png": window("coffee", 40, 44)})
    kinds = {"source": "rgb", "grain": "noise-map:1", "target": "rgb"}
    assert sampler(tmp_path, "views", kinds)(0).views["grain"].shape == (4, 1, 16, 16)


def test_noise_maps_are_as_wide_as_the_crops(tmp_path: Path) -> None:
    for view in ("source", "target"):
        write_pictures(tmp_path / view, {"1.png": window("coffee", 40, 44)})
    kinds = {"source": "rgb", "target": "rgb", "grain": "noise-map:2", "fine": "noise-map:1@2"}
    draw = replace(sampler(tmp_path, "views", kinds, move=AugmentSpec(flip=True)), width=24)
    shapes = {name: tuple(view.shape) for name, view in draw(0).views.items()}
    assert shapes == {
        "source": (4, 3, 16, 24), "target": (4, 3, 16, 24),
        "grain": (4, 2, 16, 24), "fine": (4, 1, 32, 48),
    }  # fmt: skip
