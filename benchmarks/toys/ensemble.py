"""Networks of several seeds as one module: they train at once, at little more than one's cost."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap


class Scaled(nn.Module):
    """Divides by a number: brings points to about [-1, 1]."""

    def __init__(self, divisor: float) -> None:
        super().__init__()
        self.divisor = divisor

    def forward(self, points: Tensor) -> Tensor:
        return points / self.divisor


class Largest(nn.Module):
    """The largest of several pieces; behind a linear layer, maxout.

    Goodfellow et al. 2013, arXiv 1302.4389.
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, features: Tensor) -> Tensor:
        return features.unflatten(-1, (self.pieces, -1)).amax(dim=-2)


class Noisy(nn.Module):
    """Adds Gaussian noise, in training only."""

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, features: Tensor) -> Tensor:
        if not self.training:
            return features
        return features + self.sigma * torch.randn_like(features)


ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.Sigmoid, nn.Softplus, Scaled, Largest, Noisy)
"""Layers that have no weights and for which members are just more samples."""


class Ensemble(nn.Module):
    """S networks of one architecture, each with its own seed, data and gradients.

    Optimizers that work element by element (Adam, stochastic gradient descent) treat the stacked
    weights as S separate networks, as long as the loss is the sum over the members.

    Args:
        build: makes one network, a sequence of layers, drawing its weights from torch's global
            generator.
        seeds: of the members; the weights of a member depend on its own seed alone.

    Raises:
        ValueError: the network has buffers, which could not be written inside `torch.func.vmap`.
    """

    def __init__(self, build: Callable[[], nn.Sequential], seeds: Sequence[int]) -> None:
        super().__init__()
        members: list[nn.Sequential] = []
        for seed in seeds:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                members.append(build())
        if any(True for _ in members[0].buffers()):
            raise ValueError("an ensemble keeps no buffers, and the network has some")
        stacks = [stack_module_state(list(layers))[0] for layers in zip(*members, strict=True)]
        self.names = [tuple(stack) for stack in stacks]
        self.weights = nn.ModuleList(nn.ParameterList(stack.values()) for stack in stacks)
        # In a tuple, so that their weights are not counted among the ensemble's.
        self.layers = (copy.deepcopy(members[0]).to("meta"),)

    def train(self, mode: bool = True) -> Ensemble:
        self.layers[0].train(mode)
        return super().train(mode)

    def forward(self, inputs: Tensor, depth: int | None = None) -> Tensor:
        """``(S, N, ...)`` -> ``(S, N, ...)``: every member sees its own slice.

        Args:
            inputs: of the first layer.
            depth: stop after so many layers; all where it is not given.
        """
        layers = list(zip(self.layers[0], self.names, self.weights, strict=True))
        for layer, names, weights in layers[:depth]:
            own: dict[str, Tensor] = dict(zip(names, weights.parameters(), strict=True))
            inputs = apply(layer, own, inputs)
        return inputs


def apply(layer: nn.Module, weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
    """One layer of all members: ``(S, N, ...)`` -> ``(S, N, ...)``."""
    # What vmap costs is far more than a small layer does, so that the common ones go without.
    if isinstance(layer, nn.Linear):
        product = torch.bmm(inputs, weights["weight"].transpose(1, 2))
        return product + weights["bias"][:, None] if "bias" in weights else product
    if isinstance(layer, ELEMENTWISE):
        return layer(inputs)

    def member(weights: dict[str, Tensor], own: Tensor) -> Tensor:
        return functional_call(layer, weights, (own,))

    return vmap(member, randomness="different")(weights, inputs)


def by_member(loss: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """A scalar loss of tensors ``(S, N, ...)``, member by member: ``(S,)``.

    Losses take means over all they are given; over a whole ensemble these would mix the members.
    """
    return vmap(loss)(*tensors)


def flat(critic: nn.Module, members: int) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """An ensemble as the critic of a penalty: ``(S N, F)`` -> one scale of logits ``(S N, 1)``.

    A penalty that is a mean over samples is then the mean over the members.
    """
    return lambda points: (critic(points.unflatten(0, (members, -1))).flatten(0, 1),)


class Draws:
    """Random numbers ``(S, ...)`` of which each member's depend on its own seed alone.

    Numbers are drawn for many steps at once: one draw costs about as much as a layer.
    """

    def __init__(self, seeds: Sequence[int], salt: int = 0) -> None:
        self.generators = [torch.Generator().manual_seed(1000 * seed + salt) for seed in seeds]

    def normal(self, *shape: int) -> Tensor:
        """Normal numbers ``(S, *shape)``."""
        return torch.stack([torch.randn(shape, generator=own) for own in self.generators])

    def uniform(self, *shape: int) -> Tensor:
        """Numbers from [0, 1) ``(S, *shape)``."""
        return torch.stack([torch.rand(shape, generator=own) for own in self.generators])

    def below(self, count: int, *shape: int) -> Tensor:
        """Whole numbers from 0 to ``count - 1``, ``(S, *shape)``."""
        return torch.stack([torch.randint(count, shape, generator=own) for own in self.generators])
