"""The running mean of weights and the distance to it, by hand."""

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from translate.losses.history import HistoricalAverage

STATES = [
    [torch.tensor([1.0, 2.0]), torch.tensor([[0.0]])],
    [torch.tensor([3.0, 2.0]), torch.tensor([[6.0]])],
    [torch.tensor([5.0, -1.0]), torch.tensor([[3.0]])],
]
# The means of the three.
MEANS = [[3.0, 1.0], [[3.0]]]


def remembering() -> HistoricalAverage:
    history = HistoricalAverage()
    for parameters in STATES:
        history.update(parameters)
    return history


def test_the_mean_of_all_values_so_far() -> None:
    history = HistoricalAverage()
    history.update(STATES[0])
    assert all(torch.equal(mean, one) for mean, one in zip(history.means, STATES[0], strict=True))
    history = remembering()
    assert history.count == 3
    for mean, expected in zip(history.means, MEANS, strict=True):
        assert torch.allclose(mean, torch.tensor(expected))


def test_the_distance_and_its_gradient() -> None:
    history = remembering()
    parameters = [
        torch.tensor([4.0, 3.0], requires_grad=True),
        torch.tensor([[1.0]], requires_grad=True),
    ]
    penalty = history.penalty(parameters)
    assert float(penalty.detach()) == pytest.approx(1 + 4 + 4)
    # 2 (theta - mean).
    first, second = torch.autograd.grad(penalty, parameters)
    assert torch.allclose(first, torch.tensor([2.0, 4.0]))
    assert torch.allclose(second, torch.tensor([[-4.0]]))


def test_before_the_first_update_nothing_is_owed() -> None:
    assert float(HistoricalAverage().penalty(STATES[0])) == 0


def test_the_mean_is_not_the_parameter_itself() -> None:
    network = nn.Linear(2, 1)
    history = HistoricalAverage()
    history.update(network.parameters())
    before = [mean.clone() for mean in history.means]
    with torch.no_grad():
        network.weight += 1
    assert all(torch.equal(one, mean) for one, mean in zip(before, history.means, strict=True))
    assert not any(mean.requires_grad for mean in history.means)
    assert history.penalty(network.parameters()).item() == pytest.approx(2)


def test_a_long_run_keeps_its_precision() -> None:
    history = HistoricalAverage()
    parameter = torch.tensor([0.1])
    for step in range(4000):
        history.update([parameter + (step % 2) * 0.1])
    assert float(history.means[0]) == pytest.approx(0.15, rel=1e-5)


def test_a_checkpoint_goes_on_as_if_nothing_was() -> None:
    whole, halted = remembering(), HistoricalAverage()
    for parameters in STATES[:2]:
        halted.update(parameters)
    state = load(save(halted.state_dict()))
    assert set(state) == {"count", "mean.0", "mean.1"}
    resumed = HistoricalAverage()
    resumed.load_state_dict(state)
    resumed.update(STATES[2])
    assert resumed.count == whole.count
    assert all(torch.equal(*means) for means in zip(resumed.means, whole.means, strict=True))
    fresh = HistoricalAverage()
    fresh.load_state_dict(load(save(HistoricalAverage().state_dict())))
    fresh.update(STATES[0])
    assert fresh.count == 1


def test_what_is_refused() -> None:
    history = remembering()
    with pytest.raises(ValueError, match=r"shapes \[\(2,\), \(1, 1\)\]; given are \[\(2,\)\]"):
        history.penalty(STATES[0][:1])
    with pytest.raises(ValueError, match=r"given are \[\(1, 1\), \(2,\)\]"):
        history.update(STATES[0][::-1])
    for state in ({}, {"mean.0": torch.ones(1)}, {"count": torch.tensor(1), "a": torch.ones(1)}):
        with pytest.raises(ValueError, match="not the state of a historical average"):
            history.load_state_dict(state)
    assert history.count == 3
