"""Batches whose targets are degraded on the device: the workers' crops, keyed in the same way."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from stacks.collectives import WholeBatch
from tests.photographs import photograph, write_pictures
from tests.translate.waiting import Watch
from translate.augment import Augment, AugmentSpec
from translate.batches import Batch, Sampler
from translate.degrade import parse_degradation
from translate.layouts import Reading, find_items
from translate.pairs import Pairs

CPU = torch.device("cpu")
STEP = 1.001 / 255
MIXED = "blur:0.2-3@0.5,resize:0.5-1.5,{noise:5|jpeg:60},(poisson:1|camera:0.001),fit:2,round"


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    pictures = {f"{name}.png": photograph(name)[50:250, 50:290] for name in ("chelsea", "coffee")}
    folder = write_pictures(tmp_path_factory.mktemp("targets"), pictures)
    return Pairs(find_items(folder, "targets", Reading({"target": "rgb"})))


def sampler(pairs: Pairs, *degradations: str, told: float = 0.5) -> Sampler:
    """Of batches that are left to the device."""
    return Sampler(
        [(pairs, 1.0)],
        batch=4,
        size=32,
        degradations=[(parse_degradation(text), 1.0) for text in degradations],
        augment=Augment(AugmentSpec(flip=True, turn=True)),
        seed=0,
        told=told,
        leaves=True,
    )


def workers(draw: Sampler) -> Sampler:
    return replace(draw, leaves=False)


@pytest.mark.parametrize("text", ["bicubic:4", "real:4", "noise:25", "classical:2"])
def test_the_views_are_those_of_the_workers(targets: Pairs, text: str) -> None:
    draw = sampler(targets, text)
    for step in range(3):
        made, wanted = draw(step).on(CPU), workers(draw)(step)
        assert made.scale == wanted.scale
        assert len(made) == len(draw(step)) == 4
        assert made.views.keys() == wanted.views.keys()
        for name, view in wanted.views.items():
            assert made.views[name].shape == view.shape, name
            assert made.views[name].dtype == view.dtype, name
        assert torch.equal(made.views["target"], wanted.views["target"]), "the same crops"
        for name in wanted.views:
            if name.startswith("down"):
                assert (made.views[name] - wanted.views[name]).abs().max() <= STEP


def test_a_reduction_is_the_workers_to_a_step(targets: Pairs) -> None:
    # The whole picture's, although only a crop of it is reduced: the margin serves here too.
    draw = sampler(targets, "bicubic:4")
    for step in range(3):
        made, wanted = draw(step).on(CPU).views, workers(draw)(step).views
        assert (made["source"] - wanted["source"]).abs().max() <= STEP


def test_targets_travel_in_bytes(targets: Pairs) -> None:
    draw = sampler(targets, "bicubic:4")
    batch = draw(0)
    assert batch.left
    assert batch.left.targets.dtype == torch.uint8
    # 32 pixels and a margin of 12 at each side, in bytes; what is made of them is in floats.
    assert batch.nbytes == 4 * 3 * 56**2 + 4
    floats = 4 * (3 * (32**2 + 16**2 + 8**2 + 8**2) + 8**2 + 1)
    assert workers(draw)(0).nbytes == 4 * floats


def equal(one: Batch, other: Batch) -> bool:
    return all(torch.equal(one.views[name], other.views[name]) for name in one.views)


def test_a_batch_follows_from_its_step(targets: Pairs) -> None:
    draw = sampler(targets, MIXED, "bicubic:2,noise:0-25")
    assert equal(draw(5).on(CPU), draw(5).on(CPU))
    batch = draw(5)
    assert equal(batch.on(CPU), batch.on(CPU)), "what is drawn is drawn once"
    assert not equal(draw(5).on(CPU), draw(7).on(CPU))
    assert not equal(draw(5).on(CPU), replace(draw, seed=1)(5).on(CPU))


@pytest.mark.parametrize("text", ["noise:5-25", "poisson:1,bicubic:2", MIXED])
def test_devices_share_a_batch(targets: Pairs, text: str) -> None:
    draw = sampler(targets, text, told=1)
    whole = draw(3).on(CPU).views
    for devices in (2, 4):
        for device in range(devices):
            share = replace(draw, device=device, devices=devices)(3)
            # As in a run, where what networks draw is drawn for the items of all devices.
            fabric: Any = SimpleNamespace(world_size=devices, global_rank=device)
            with WholeBatch(fabric, len(share)):
                views = share.on(CPU).views
            for name, view in views.items():
                wanted = whole[name][device::devices]
                torch.testing.assert_close(view, wanted, rtol=1e-3, atol=STEP, msg=name)


def test_the_strength_is_told_to_a_share(targets: Pairs) -> None:
    draw = sampler(targets, "noise:5-25,round", told=0.5)
    batches = [draw(step).on(CPU).views for step in range(50)]
    strengths = torch.cat([views["strength"] for views in batches])
    maps = torch.cat([views["noise_map"] for views in batches])
    told = strengths >= 0
    assert 70 <= told.sum() <= 130  # four deviations of 7 around 100
    assert (strengths[~told] == -1).all()
    torch.testing.assert_close(maps[told].mean(dim=(1, 2, 3)) * 255, strengths[told])
    assert 5 <= maps.min() * 255 <= maps.max() * 255 <= 25.001
    noise = torch.cat([views["source"] - views["target"] for views in batches])
    measured = noise.std(dim=(1, 2, 3))
    # Of 3072 numbers a deviation is known to 1.3 %; black and white cut some of it.
    assert (measured / maps.mean(dim=(1, 2, 3))).median() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("text", ["real:4", "classical:2", "bicubic:3", f"{MIXED},camera:0.01"])
def test_the_host_never_waits_for_the_device(targets: Pairs, text: str) -> None:
    draw = replace(sampler(targets, text), size=30 if text == "bicubic:3" else 32)
    batch = draw(0)
    batch.on(CPU)  # constants are brought to the device once
    with Watch() as watch:
        batch.on(CPU)
    assert watch.waits == []
    assert watch.seen > 10


def test_gray_pictures(tmp_path: Path) -> None:
    gray = photograph("coffee")[:200, :200, 0]
    folder = write_pictures(tmp_path / "gray", {"a.png": gray})
    pairs = Pairs(find_items(folder, "targets", Reading({"target": "gray"})))
    views = sampler(pairs, "real:2")(0).on(CPU).views
    assert views["source"].shape == (4, 1, 16, 16)
    assert views["target"].shape == (4, 1, 32, 32)
