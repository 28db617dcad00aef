"""Constrained weights as the plain ones they act as, and their average."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from translate.layers.folding import assign, effective_weights, fold
from translate.layers.normalization import Normalization, convolution
from translate.optim import MovingAverage

NORMS: list[Normalization] = ["none", "spectral", "equalized"]


def network(norm: Normalization, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        *convolution(3, 4, 3, 1, 1, norm), nn.ReLU(), *convolution(4, 2, 3, 1, 1, norm)
    )


PICTURE = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("norm", NORMS)
def test_a_folded_network_acts_as_before_under_plain_names(norm: Normalization) -> None:
    trained = network(norm).eval()
    expected, weights = trained(PICTURE), effective_weights(trained)
    folded = fold(trained)
    assert set(folded.state_dict()) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert isinstance(folded[0], nn.Conv2d)
    assert torch.allclose(folded(PICTURE), expected, atol=1e-6)
    for name, parameter in folded.named_parameters():
        assert torch.allclose(weights[name], parameter, atol=1e-7), name


def test_folding_a_copy_leaves_the_original_whole() -> None:
    trained = network("spectral")
    names = set(trained.state_dict())
    fold(copy.deepcopy(trained))
    trained(PICTURE).sum().backward()
    assert set(trained.state_dict()) == names


def test_reading_the_effective_weights_makes_no_power_iteration() -> None:
    trained = network("spectral").train()
    before = {name: tensor.clone() for name, tensor in trained.state_dict().items()}
    effective_weights(trained)
    assert all(torch.equal(before[name], value) for name, value in trained.state_dict().items())
    assert all(module.training for module in trained.modules())


@pytest.mark.parametrize("norm", NORMS)
def test_folded_weights_put_into_a_network_make_it_act_so(norm: Normalization) -> None:
    one, other = network(norm, 0), network(norm, 1)
    for _ in range(50):
        one(PICTURE)
        other(PICTURE)
    expected = fold(one.eval())
    given = expected.state_dict()
    assign(other, given)
    assert torch.allclose(other.eval()(PICTURE), expected(PICTURE), atol=2e-3)
    before = {name: tensor.clone() for name, tensor in given.items()}
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1)
    assert all(torch.equal(before[name], tensor) for name, tensor in given.items())


def acts_as(average: MovingAverage[nn.Module]) -> float:
    return float(average.module.state_dict()["weight"])


def test_the_average_is_of_what_the_weights_act_as() -> None:
    # A spectrally normalised 1x1 layer of one channel acts as its sign, whatever its size.
    layer: nn.Module = parametrizations.spectral_norm(nn.Conv2d(1, 1, 1, bias=False))
    average = MovingAverage(layer, decay=0.5)
    expected = acts_as(average)
    original = dict(layer.named_parameters())["parametrizations.weight.original"]
    for step, value in enumerate([5.0, -3.0, 40.0, -0.5, 7.0, -2.0, 1.0]):
        with torch.no_grad():
            original.fill_(value)
        layer(torch.ones(1, 1, 1, 1))
        average.update(layer, step)
        memory = min(0.5, (1 + step) / (10 + step))
        expected = memory * expected + (1 - memory) * (1.0 if value > 0 else -1.0)
        # The average of the raw weights would be driven by the 40.
        assert acts_as(average) == pytest.approx(expected, abs=1e-5)
