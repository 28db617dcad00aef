"""Unrolling: Adam's updates as torch makes them, with gradients through them."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from translate.losses.penalties import clip_weights_
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


OPTIMIZERS = [
    (torch.optim.Adam, 0.0),
    (torch.optim.Adam, 0.3),
    (torch.optim.AdamW, 0.0),
    (torch.optim.AdamW, 0.3),
]


@pytest.mark.parametrize("weight_clip", [0.0, 0.4])
@pytest.mark.parametrize("warm", [0, 3])
@pytest.mark.parametrize(("kind", "decay"), OPTIMIZERS)
def test_the_updates_are_those_of_the_optimizer(
    kind: type[torch.optim.Adam], decay: float, warm: int, weight_clip: float
) -> None:
    line = Line()
    optimizer = kind(line.parameters(), lr=0.1, betas=(0.5, 0.9), weight_decay=decay)

    def update() -> None:
        optimizer.zero_grad()
        cost(line, dict(line.named_parameters()), POINT).backward()
        optimizer.step()
        if weight_clip:
            clip_weights_(line.parameters(), weight_clip)

    for _ in range(warm):
        update()
    before = copy.deepcopy([line.state_dict(), optimizer.state_dict()])
    ahead = unroll(line, lambda weights: cost(line, weights, POINT), optimizer, 4, weight_clip)
    after = [line.state_dict(), optimizer.state_dict()]
    torch.testing.assert_close(after, before, rtol=0, atol=0)
    for _ in range(4):
        update()
    for name, parameter in line.named_parameters():
        assert torch.allclose(ahead[name], parameter, rtol=1e-9, atol=1e-12), name
    if weight_clip:
        assert float(line.bias.detach()) == weight_clip, "the bound is met"


def test_each_weight_goes_on_from_its_own_step() -> None:
    line = Line()
    optimizer = torch.optim.Adam(line.parameters(), lr=0.1, betas=(0.5, 0.9))

    def update(*without: nn.Parameter) -> None:
        optimizer.zero_grad()
        cost(line, dict(line.named_parameters()), POINT).backward()
        for parameter in without:
            parameter.grad = None
        optimizer.step()

    # As levels of a growing network do, the bias joins later.
    update(line.bias)
    update(line.bias)
    update()
    ahead = unroll(line, lambda weights: cost(line, weights, POINT), optimizer, 1)
    update()
    for name, parameter in line.named_parameters():
        assert torch.allclose(ahead[name], parameter, rtol=1e-9, atol=1e-12), name


@pytest.mark.parametrize(("kind", "decay"), OPTIMIZERS)
def test_gradients_pass_through_the_updates(kind: type[torch.optim.Adam], decay: float) -> None:
    line = Line()
    optimizer = kind(line.parameters(), lr=0.1, betas=(0.5, 0.9), weight_decay=decay)

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
