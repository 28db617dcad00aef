"""Unrolling: Adam's updates as torch makes them, with gradients through them."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from translate.unroll import unroll


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.5, -1.0], dtype=torch.float64))
        self.bias = nn.Parameter(torch.tensor(0.25, dtype=torch.float64))

    def forward(self, point: Tensor) -> Tensor:
        return point @ self.weight + self.bias


def cost(line: Line, weights: dict[str, Tensor], point: Tensor) -> Tensor:
    return (functional_call(line, weights, (point,)) - 2).square().sum()


POINT = torch.tensor([[1.0, 2.0], [-1.0, 0.5]], dtype=torch.float64)


@pytest.mark.parametrize("warm", [0, 3])
def test_the_updates_are_those_of_the_optimizer(warm: int) -> None:
    line = Line()
    optimizer = torch.optim.Adam(line.parameters(), lr=0.1, betas=(0.5, 0.9))

    def update() -> None:
        optimizer.zero_grad()
        cost(line, dict(line.named_parameters()), POINT).backward()
        optimizer.step()

    for _ in range(warm):
        update()
    ahead = unroll(line, lambda weights: cost(line, weights, POINT), optimizer, 4)
    before = [parameter.detach().clone() for parameter in line.parameters()]
    unchanged = zip(line.parameters(), before, strict=True)
    assert all(torch.equal(parameter, old) for parameter, old in unchanged)
    for _ in range(4):
        update()
    for name, parameter in line.named_parameters():
        assert torch.allclose(ahead[name], parameter, rtol=1e-9, atol=1e-12), name


def test_gradients_pass_through_the_updates() -> None:
    line = Line()
    optimizer = torch.optim.Adam(line.parameters(), lr=0.1, betas=(0.5, 0.9))

    def looked_ahead(point: Tensor) -> Tensor:
        weights = unroll(line, lambda weights: cost(line, weights, point), optimizer, 3)
        # What the discriminator says of a fixed place after having answered to `point`.
        return functional_call(line, weights, (torch.ones_like(POINT),)).sum()

    assert torch.autograd.gradcheck(looked_ahead, POINT.clone().requires_grad_())


def test_no_steps_are_the_present_weights() -> None:
    line = Line()
    optimizer = torch.optim.Adam(line.parameters())
    ahead = unroll(line, lambda weights: cost(line, weights, POINT), optimizer, 0)
    for name, parameter in line.named_parameters():
        assert torch.equal(ahead[name], parameter)
