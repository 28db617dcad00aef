"""Maps side by side: the same values, and gradients that lie without gaps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from translate.layers.concatenation import side_by_side


def maps(order: torch.memory_format) -> list[Tensor]:
    """Two of three and five channels, with a graph behind them as in a network."""
    random = torch.Generator().manual_seed(0)
    drawn = [torch.randn(2, channels, 4, 6, generator=random) for channels in (3, 5)]
    return [(each.contiguous(memory_format=order).requires_grad_()) * 2 for each in drawn]


@pytest.mark.parametrize("order", [torch.channels_last, torch.contiguous_format])
def test_values_are_those_of_a_concatenation(order: torch.memory_format):
    left, right = maps(order)
    both = side_by_side(left, right)
    assert both.equal(torch.cat([left, right], dim=1))


def concatenated(*each: Tensor) -> Tensor:
    """What PyTorch makes of them."""
    return torch.cat(each, dim=1)


def gradients(join: Callable[..., Tensor], order: torch.memory_format) -> list[Tensor]:
    """Of both maps, of first and second order."""
    weight = torch.randn(2, 8, 4, 6, generator=torch.Generator().manual_seed(1))
    both = maps(order)
    # Squared, so that gradients depend on the maps and have gradients of their own.
    loss = (join(*both) ** 2 * weight).sum()
    first = torch.autograd.grad(loss, both, create_graph=True)
    length = torch.stack([each.square().sum() for each in first]).sum()
    return [*first, *torch.autograd.grad(length, both)]


@pytest.mark.parametrize("order", [torch.channels_last, torch.contiguous_format])
def test_gradients_are_those_of_a_concatenation(order: torch.memory_format):
    ours, plain = (gradients(join, order) for join in (side_by_side, concatenated))
    torch.testing.assert_close(ours, plain)


def test_gradients_of_maps_channels_last_have_no_gaps():
    left, right = maps(torch.channels_last)
    seen: dict[str, Tensor] = {}
    both = side_by_side(left, right)
    # Hooks run in the order in which they are told: these see what that of the function gives.
    for name, each in (("left", left), ("right", right)):
        each.register_hook(lambda gradient, name=name: seen.__setitem__(name, gradient))
    both.backward(torch.ones_like(both))
    for each in seen.values():
        assert each.is_contiguous(memory_format=torch.channels_last)
    assert set(seen) == {"left", "right"}


def test_the_order_of_contiguous_maps_is_left_alone():
    left, right = maps(torch.contiguous_format)
    seen: list[Tensor] = []
    both = side_by_side(left, right)
    left.register_hook(seen.append)
    both.backward(torch.ones_like(both))
    assert seen[0].stride()[3] == 1
