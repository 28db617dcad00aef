"""Steps on a device that is not the CPU: nothing is left behind there, and nothing is read back.

torch's meta device has shapes and types but no values. What would mix devices on a GPU mixes them
there too, and what would wait for a GPU, by reading a value in the middle of a step, raises.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch.utils import _foreach_utils

from stacks.data import phase_sampler, training_groups
from stacks.growth import grow
from stacks.reference import reference_batch
from stacks.run import Run
from stacks.spec import Recipe
from stacks.stack import Stack
from stacks.train import set_rates, train_step
from tests.stacks.test_every_preset import PRESETS, shrunk
from tests.stacks.test_techniques import TECHNIQUES
from tests.stacks.tiny import super_resolution
from translate.batches import Batch
from translate.losses import penalties, structure
from translate.optim import MovingAverage

META = torch.device("meta")
STEPS = 2


class Elsewhere(Fabric):
    """Fabric whose device is another one."""

    @property
    def device(self) -> torch.device:
        return META

    def autocast(self) -> AbstractContextManager[Any]:
        return nullcontext()


@pytest.fixture(autouse=True)
def meta_counts_as_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch, and the start of a run, grant to devices that compute."""
    known = [*_foreach_utils._get_foreach_kernels_supported_devices(), "cpu", "meta"]
    for module in ("torch.utils._foreach_utils", "torch.optim.optimizer"):
        for kind in ("foreach", "fused"):
            name = f"_get_{kind}_kernels_supported_devices"
            monkeypatch.setattr(import_module(module), name, lambda: known)
    for module in (penalties, structure):
        monkeypatch.setattr(module, "outside_autocast", lambda tensor: nullcontext())
    # Where a run is looked at, when it begins and once in a while, values are read.
    monkeypatch.setattr("stacks.train.diversities", lambda run, cases: {})
    monkeypatch.setattr(Run, "weight_norms", lambda run: {})
    monkeypatch.setattr("stacks.run.chances", lambda stages: {})


def steps(recipe: Recipe) -> None:
    """Take some steps of each phase on the meta device."""
    for index, phase in enumerate(recipe.phase):
        if not phase.steps:
            continue
        sampler = phase_sampler(recipe, training_groups(recipe), phase)
        run = Run(recipe, Elsewhere(accelerator="cpu", devices=1))
        run.reference = reference_batch(run, sampler)
        run.begin_phase(index)
        run.step = first = run.phase_start(index)
        for step in range(STEPS):
            set_rates(run, step)
            grow(run, step)
            batches = [sampler(step * run.draws + draw) for draw in range(run.draws)]
            values = train_step(run, batches)
            assert values
            assert {value.device for value in values.values()} == {META}
            run.step += 1
        assert run.step == first + STEPS
        for tensor in (*run.stack.parameters(), *run.average.module.parameters()):
            assert tensor.device == META


@pytest.mark.parametrize("name", PRESETS)
def test_the_steps_of_a_preset(name: str, tmp_path: Path) -> None:
    steps(shrunk(name, tmp_path / "data"))


def test_what_is_computed_again(targets: Path) -> None:
    steps(super_resolution(targets, "checkpointing=true"))


def test_a_value_that_is_read_back_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = MovingAverage.update

    def reading(average: MovingAverage[Stack], module: Stack, step: int, *more: Any) -> None:
        update(average, module, step, *more)
        next(module.parameters()).detach().sum().item()

    monkeypatch.setattr(MovingAverage, "update", reading)
    with pytest.raises(RuntimeError, match="item"):
        steps(shrunk("photo-sr", tmp_path / "data"))


def test_a_tensor_that_was_left_behind_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Batch, "on", lambda batch, device: batch)
    with pytest.raises(RuntimeError, match="device meta"):
        steps(shrunk("photo-sr", tmp_path / "data"))


# Unrolling reads, once a step, how many steps the optimizer has done.
@pytest.mark.parametrize("name", [name for name in TECHNIQUES if name != "unrolling"])
def test_the_steps_of_a_technique(name: str, targets: Path) -> None:
    steps(super_resolution(targets, *TECHNIQUES[name]))
