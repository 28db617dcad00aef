"""Batches: what is in them, and that they depend on the seed and the step alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.photographs import photograph, write_pictures
from translate.augment import Augment, AugmentSpec
from translate.batches import (
    AHEAD,
    Batch,
    Sampler,
    choose,
    corner,
    cut,
    divisors,
    workers_for,
)
from translate.degrade import parse_degradation
from translate.layouts import Reading, find_items
from translate.pairs import Pairs
from translate.pixels import to_bytes, to_picture

PICTURES = {f"{name}.png": photograph(name)[50:250, 50:290] for name in ("chelsea", "coffee")}


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    folder = write_pictures(tmp_path_factory.mktemp("targets"), PICTURES)
    return Pairs(find_items(folder, "targets", Reading({"target": "rgb"})))


def sampler(
    pairs: Pairs,
    *degradations: str,
    size: int = 32,
    seed: int = 0,
    told: float = 0.5,
    move: AugmentSpec | None = None,
) -> Sampler:
    return Sampler(
        [(pairs, 1.0)],
        batch=4,
        size=size,
        degradations=[(parse_degradation(text), 1.0) for text in degradations],
        augment=Augment(move or AugmentSpec(flip=True, turn=True)),
        seed=seed,
        told=told,
    )


def equal(one: Batch, other: Batch) -> bool:
    return (
        one.scale == other.scale
        and list(one.views) == list(other.views)
        and all(torch.equal(one.views[name], other.views[name]) for name in one.views)
    )


def test_shapes_of_a_reduction_by_four(targets: Pairs) -> None:
    batch = sampler(targets, "bicubic:4")(0)
    shapes = {name: tuple(view.shape) for name, view in batch.views.items()}
    assert batch.scale == 4
    assert shapes["target"] == (4, 3, 32, 32)
    assert shapes["down2:target"] == (4, 3, 16, 16)
    assert shapes["source"] == shapes["down4:target"] == (4, 3, 8, 8)
    assert shapes["strength"] == (4,)
    assert shapes["noise_map"] == (4, 1, 8, 8)
    assert all(view.dtype == torch.float32 for view in batch.views.values())
    assert batch.views["target"].is_contiguous(memory_format=torch.channels_last)


def test_a_smaller_scale_keeps_the_size_of_the_source(targets: Pairs) -> None:
    draw = sampler(targets, "bicubic:4", "bicubic:2")
    batches = [draw(step) for step in range(12)]
    assert {batch.scale for batch in batches} == {2, 4}
    for batch in batches:
        assert batch.views["source"].shape == (4, 3, 8, 8)
        assert batch.views["target"].shape[-1] == 8 * batch.scale


def test_a_crop_and_its_reductions_are_what_the_whole_photograph_gives(targets: Pairs) -> None:
    # Nothing moved, so every target can be found in its photograph, and Pillow asked about it.
    batch = sampler(targets, "bicubic:4", move=AugmentSpec(flip=False))(3)
    for index in range(4):
        target, half, source = (
            to_bytes(to_picture(batch.views[name], index))
            for name in ("target", "down2:target", "source")
        )
        [(photo, top, left)] = [
            (photo, int(top), int(left))
            for photo in PICTURES.values()
            for top, left in np.argwhere((photo[:169, :209] == target[0, 0]).all(axis=2))
            if (photo[top : top + 32, left : left + 32] == target).all()
        ]
        # A photograph that begins a multiple of 4 before the crop, so that the grids coincide.
        cut = photo[top % 4 :, left % 4 :]
        cut = cut[: len(cut) // 4 * 4, : cut.shape[1] // 4 * 4]
        for reduced, scale in ((half, 2), (source, 4)):
            size = (cut.shape[1] // scale, cut.shape[0] // scale)
            whole = np.asarray(Image.fromarray(cut).resize(size, Image.Resampling.BICUBIC))
            row, column = (top - top % 4) // scale, (left - left % 4) // scale
            side = 32 // scale
            assert (whole[row : row + side, column : column + side] == reduced).all()


def test_noise_its_map_and_its_strength(targets: Pairs) -> None:
    draw = sampler(targets, "noise:10-50", size=48)
    told = []
    for step in range(16):
        views = draw(step).views
        noise = views["source"] - views["target"]
        for index in range(4):
            sigma = float(views["noise_map"][index, 0, 0, 0]) * 255
            assert 10 <= sigma <= 50
            assert (views["noise_map"][index] == views["noise_map"][index, 0, 0, 0]).all()
            # 6912 numbers: the sample's deviation lies within 5 % of the true one.
            assert abs(float(noise[index].std()) * 255 / sigma - 1) < 0.05
            strength = float(views["strength"][index])
            told.append(strength)
            assert strength == -1 or strength == pytest.approx(sigma, rel=1e-6)
    # Half of 64 items are told; five standard deviations are 20.
    assert 12 < sum(strength == -1 for strength in told) < 52


@pytest.mark.parametrize(("told", "automatic"), [(0.0, 4), (1.0, 0)])
def test_all_or_none_are_told(targets: Pairs, told: float, automatic: int) -> None:
    batch = sampler(targets, "noise:25", told=told)(0)
    assert int((batch.views["strength"] == -1).sum()) == automatic


def test_pairs_bring_their_own_source(tmp_path: Path) -> None:
    photo = photograph("coffee")[100:180, 100:200]
    write_pictures(tmp_path / "A", {"1.png": 255 - photo})
    write_pictures(tmp_path / "B", {"1.png": photo})
    pairs = Pairs(find_items(tmp_path, "views", Reading({"source": "rgb", "target": "rgb"})))
    for step in range(4):
        batch = sampler(pairs, size=16)(step)
        assert batch.scale == 1
        assert set(batch.views) == {"source", "target"}
        # The source is the negative of the target at every pixel, so both moved alike.
        assert torch.allclose(batch.views["source"] + batch.views["target"], torch.ones(1))
        assert batch.views["target"].std() > 0.01


def test_a_batch_is_a_function_of_seed_and_step(targets: Pairs) -> None:
    draw = sampler(targets, "bicubic:4,noise:0-20", "bicubic:2")
    batches = [draw(step) for step in range(6)]
    again = sampler(targets, "bicubic:4,noise:0-20", "bicubic:2")
    for step in (5, 0, 3):
        assert equal(again(step), batches[step])
    with ThreadPoolExecutor(4) as pool:
        for batch, expected in zip(pool.map(draw, range(6)), batches, strict=True):
            assert equal(batch, expected)
    targets_of = [batch.views["target"][:, :, :16, :16] for batch in batches]
    for step in range(1, 6):
        assert not torch.equal(targets_of[step], targets_of[0])
    other_seed = sampler(targets, "bicubic:4,noise:0-20", "bicubic:2", seed=1)(0)
    assert not torch.equal(other_seed.views["target"][:, :, :16, :16], targets_of[0])
    items = batches[0].views["target"]
    assert not any(torch.equal(items[0], items[index]) for index in range(1, 4))


def test_groups_give_their_shares(tmp_path: Path) -> None:
    groups = []
    for level, share in ((0, 3.0), (255, 1.0)):
        folder = tmp_path / str(level)
        write_pictures(folder, {"1.png": np.full((20, 20, 3), level, np.uint8)})
        groups.append((Pairs(find_items(folder, "targets", Reading({"target": "rgb"}))), share))
    draw = Sampler(groups, 8, 8, [(parse_degradation("noise:0"), 1)], Augment(AugmentSpec()), 0)
    white = sum(float(draw(step).views["target"].mean()) for step in range(40)) / 40
    # A quarter of 320 items; five standard deviations are 0.12.
    assert abs(white - 0.25) < 0.12


def test_the_first_item_does_not_follow_what_its_batch_drew(tmp_path: Path) -> None:
    groups = []
    for level in (0, 255):
        folder = tmp_path / str(level)
        write_pictures(folder, {"1.png": np.full((20, 20, 3), level, np.uint8)})
        groups.append((Pairs(find_items(folder, "targets", Reading({"target": "rgb"}))), 1.0))
    options = [(parse_degradation(text), 1.0) for text in ("bicubic:2", "noise:0")]
    batches = [
        Sampler(groups, 1, 8, options, Augment(AugmentSpec()), 0)(step) for step in range(60)
    ]
    drawn = {(batch.scale, round(float(batch.views["target"].mean()))) for batch in batches}
    assert drawn == {(1, 0), (1, 1), (2, 0), (2, 1)}


def test_choose_follows_the_shares() -> None:
    random = np.random.default_rng(0)
    drawn = [choose([("a", 1.0), ("b", 4.0)], random) for _ in range(1000)]
    assert abs(drawn.count("b") / 1000 - 0.8) < 0.07
    state = random.bit_generator.state
    assert choose([("only", 2.0)], random) == "only"
    assert random.bit_generator.state == state, "one option needs no draw"


def test_crops_reach_every_corner_and_keep_views_aligned() -> None:
    grid = np.moveaxis(np.indices((6, 7)), 0, 2).astype(np.uint8)
    corners = set()
    for seed in range(200):
        given = {"a": grid, "b": grid + 10}
        views = cut(given, (4, 4), *corner(given, (4, 4), np.random.default_rng(seed)))
        assert views["a"].shape == (4, 4, 2)
        assert (views["b"] == views["a"] + 10).all()
        corners.add(tuple(views["a"][0, 0].tolist()))
    assert corners == {(row, column) for row in range(3) for column in range(4)}


def test_a_small_picture_is_mirrored_at_its_edge() -> None:
    small = np.arange(3, dtype=np.uint8).reshape(3, 1, 1)
    start = corner({"a": small}, (8, 8), np.random.default_rng(0))
    window = cut({"a": small}, (8, 8), *start)["a"]
    assert window.shape == (8, 8, 1)
    assert window[:, 0, 0].tolist() == [0, 1, 2, 2, 1, 0, 0, 1]


def test_small_pictures_make_batches(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"1.png": photograph("coffee")[:9, :200]})
    pairs = Pairs(find_items(tmp_path, "targets", Reading({"target": "rgb"})))
    batch = sampler(pairs, "bicubic:4")(0)
    assert batch.views["target"].shape == (4, 3, 32, 32)
    assert batch.views["source"].shape == (4, 3, 8, 8)


@pytest.mark.parametrize("degradation", ["bicubic:4", "noise:10"])
def test_a_picture_of_the_size_of_its_crop_is_its_crop(tmp_path: Path, degradation: str) -> None:
    whole = photograph("coffee")[40:72, 60:92]
    write_pictures(tmp_path, {"1.png": whole})
    pairs = Pairs(find_items(tmp_path, "targets", Reading({"target": "rgb"})))
    targets = sampler(pairs, degradation, move=AugmentSpec(flip=False))(0).views["target"]
    assert all((to_bytes(to_picture(targets, index)) == whole).all() for index in range(4))


def test_divisors() -> None:
    assert divisors(1) == []
    assert divisors(2) == [2]
    assert divisors(4) == [2, 4]
    assert divisors(12) == [2, 3, 4, 6, 12]


def test_a_gpu_has_more_workers_where_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    for cores, processes, wanted in (
        (16, 1, AHEAD),
        (16, 4, 4),
        (2, 1, 2),
        (4, 8, 2),
        (None, 1, 2),
    ):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert workers_for(gpu, processes) == wanted
        assert workers_for(cpu, processes) == 2
