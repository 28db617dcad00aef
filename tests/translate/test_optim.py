"""Optimisers, schedules and the moving average, by hand."""

import math
from typing import Literal

import pytest
import torch
from torch import nn

from translate.optim import MovingAverage, ScheduleSpec, Side, set_rate
from translate.tables import TableError, parse


def held(average: MovingAverage, name: str) -> torch.Tensor:
    return average.module.state_dict()[name]


def test_the_plateau_the_rise_and_the_falls() -> None:
    assert [ScheduleSpec().factor(step, 10) for step in (0, 5, 9)] == [1, 1, 1]
    rise = ScheduleSpec(warmup=3)
    assert [rise.factor(step, 10) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    linear = ScheduleSpec(decay=0.5, shape="linear")
    # The last half of 8 steps: from step 4 on, a quarter less at each.
    assert [linear.factor(step, 8) for step in range(8)] == [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    cosine = ScheduleSpec(decay=1.0, floor=0.2)
    # floor + (1 - floor) (1 + cos(pi t)) / 2 at t = 0, 1/4, 1/2, 3/4.
    assert [cosine.factor(step, 4) for step in range(4)] == pytest.approx(
        [1, 0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2, 0.6, 0.2 + 0.8 * (1 - math.sqrt(0.5)) / 2]
    )
    both = ScheduleSpec(warmup=1, decay=1.0, shape="linear")
    assert [both.factor(step, 4) for step in range(4)] == [0.5, 0.75, 0.5, 0.25]


def test_a_short_phase_has_its_whole_schedule() -> None:
    spec = ScheduleSpec(decay=0.5, floor=0.1)
    assert spec.factor(0, 1) == 1, "one step lies before its own half"
    assert all(0.1 <= spec.factor(step, 3) <= 1 for step in range(3))


@pytest.mark.parametrize(
    "table",
    [{"warmup": -1}, {"decay": 1.5}, {"decay": -0.1}, {"floor": 2}, {"shape": "step"}],
)
def test_schedules_that_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(TableError, match=f"^schedule.{next(iter(table))}: got "):
        parse(ScheduleSpec, table, "schedule")


@pytest.mark.parametrize(
    "table",
    [
        {"rate": 0}, {"rate": -1e-4}, {"betas": [0.9]}, {"betas": [0.9, 1]},
        {"betas": [0.9, 0.99, 0.999]}, {"weight_decay": -1}, {"clip": -1}, {"kind": "sgd"},
    ],
)  # fmt: skip
def test_optimizers_that_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(TableError, match=f"^generator.{next(iter(table))}: got "):
        parse(Side, table, "generator")


@pytest.mark.parametrize("kind", ["adam", "adamw"])
@pytest.mark.parametrize("weights", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("gradients", [torch.contiguous_format, torch.channels_last])
def test_weights_move_as_by_the_plain_optimizer_however_they_lie(
    kind: Literal["adam", "adamw"], weights: torch.memory_format, gradients: torch.memory_format
) -> None:
    start = torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    # One of a dense layer beside it, and one that no gradient reaches.
    ours = [
        nn.Parameter(each)
        for each in (start.clone(memory_format=weights), start[0, 0].clone(), torch.ones(2))
    ]
    theirs = [nn.Parameter(each.detach().contiguous()) for each in ours]
    mine = Side(kind, 1e-2, (0.9, 0.99), 0.1).build(ours)
    plain = torch.optim.AdamW if kind == "adamw" else torch.optim.Adam
    other = plain(theirs, 1e-2, (0.9, 0.99), weight_decay=0.1, foreach=False, fused=False)
    for step in range(3):
        gradient = (start * (step + 1)).sin()
        ours[0].grad, theirs[0].grad = gradient.to(memory_format=gradients), gradient
        ours[1].grad = theirs[1].grad = gradient[1, 1]
        mine.step()
        other.step()
    for one, expected in zip(ours, theirs, strict=True):
        assert torch.allclose(one, expected, atol=1e-6)
    assert not torch.allclose(ours[0], start, atol=1e-2)
    assert ours[0].is_contiguous(memory_format=weights)


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_two_steps_of_the_fused_optimizer(kind: str) -> None:
    weight = nn.Parameter(torch.tensor([2.0]))
    side = parse(Side, {"kind": kind, "rate": 0.1, "betas": [0.5, 0.75], "weight_decay": 0.25})
    optimizer = side.build([weight])
    assert optimizer.defaults["fused"] is True
    # Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2.
    value, first, second = 2.0, 0.0, 0.0
    for step, slope in enumerate((4.0, -1.0), start=1):
        weight.grad = torch.tensor([slope])
        optimizer.step()
        if kind == "adamw":
            value -= 0.1 * 0.25 * value
        else:
            slope += 0.25 * value
        first, second = 0.5 * first + 0.5 * slope, 0.75 * second + 0.25 * slope**2
        value -= 0.1 * first / (1 - 0.5**step) / (math.sqrt(second / (1 - 0.75**step)) + 1e-8)
        assert float(weight.detach()) == pytest.approx(value, rel=1e-6)


def test_a_rate_is_set_for_every_group() -> None:
    optimizer = Side().build([nn.Parameter(torch.zeros(1))])
    optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "lr": 5.0})
    set_rate(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


def test_the_moving_average_by_hand() -> None:
    module = nn.Linear(1, 1)
    nn.init.zeros_(module.weight)
    nn.init.zeros_(module.bias)
    average = MovingAverage(module, decay=0.3)
    expected = 0.0
    for step in range(6):
        value = float(step + 1)
        nn.init.constant_(module.weight, value)
        average.update(module, step)
        # (1 + step) / (10 + step) is 0.1, 0.18, 0.25, 0.31: from the fourth on, 0.3 is less.
        memory = min(0.3, (1 + step) / (10 + step))
        expected = memory * expected + (1 - memory) * value
        assert float(held(average, "weight")) == pytest.approx(expected, rel=1e-6)
    assert float(held(average, "bias")) == 0


def test_the_average_takes_running_statistics_as_they_are() -> None:
    module = nn.BatchNorm2d(2)
    average = MovingAverage(module, decay=0.999)
    for step in range(3):
        module(torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(step)) + 5)
        average.update(module, step)
    assert torch.equal(held(average, "running_mean"), module.state_dict()["running_mean"])
    assert int(held(average, "num_batches_tracked")) == 3
    assert not average.module.training


def test_the_average_learns_nothing_itself_and_shares_no_memory() -> None:
    module = nn.Linear(2, 2)
    average = MovingAverage(module, decay=0.9)
    assert not any(parameter.requires_grad for parameter in average.module.parameters())
    before = held(average, "weight").clone()
    with torch.no_grad():
        module.weight.add_(1)
    assert torch.equal(held(average, "weight"), before)
    assert module.weight.requires_grad, "what is averaged goes on learning"


def test_the_memory_grows_from_the_step_at_which_weights_learn() -> None:
    early, late = nn.Linear(1, 1), nn.Linear(1, 1)
    module = nn.ModuleDict({"early": early, "late": late})
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    average = MovingAverage(module, decay=0.9, since={"late.": 50})
    for step in range(51):
        nn.init.constant_(early.weight, 1.0)
        if step == 50:
            nn.init.constant_(late.weight, 1.0)
        average.update(module, step)
    # Of its first step a tenth is kept of the start; nine tenths were, had it learned all along.
    assert float(held(average, "late.weight")) == pytest.approx(0.9)
    assert float(held(average, "late.bias")) == 0
    assert float(held(average, "early.weight")) > 0.99
