"""Constrained weights (spectral normalization, equalized rate) as the plain weights they act as.

A network that is trained keeps what the constraint is put on; one that is averaged, evaluated or
exported needs only the effective weights, under the names that the layers have without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

ITERATIONS = 15
"""As many as torch makes when a constraint is put on."""

Network = TypeVar("Network", bound=nn.Module)


def fold(network: Network) -> Network:
    """Replace every constrained weight by its effective value, in place; returns the network."""
    for module in list(network.modules()):
        if not parametrize.is_parametrized(module):
            continue
        names = list(cast(nn.ModuleDict, module.parametrizations))
        weights = {name: effective(module, name).detach().clone() for name in names}
        # Not by `remove_parametrizations`: a module and its deep copy share the class that it
        # takes the weight off, and the other one would lose its own.
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
        for name, weight in weights.items():
            module.register_parameter(name, nn.Parameter(weight))
    return network


def effective_weights(network: nn.Module) -> dict[str, Tensor]:
    """What `fold` would leave as parameters, by name, of a network that stays as it is."""
    weights: dict[str, Tensor] = {}
    modules = cast("Iterator[tuple[str, nn.Module]]", network.named_modules())
    for path, module in modules:
        if "parametrizations" in path.split("."):
            continue
        names = [name for name, _ in module.named_parameters(recurse=False)]
        if parametrize.is_parametrized(module):
            names += list(cast(nn.ModuleDict, module.parametrizations))
        for name in names:
            weights[f"{path}.{name}" if path else name] = effective(module, name)
    return weights


def effective(module: nn.Module, name: str) -> Tensor:
    """One weight as it acts; reading it makes no power iteration."""
    if not parametrize.is_parametrized(module, name):
        return cast(Tensor, getattr(module, name))
    constraint = cast(nn.ModuleDict, module.parametrizations)[name]
    training = constraint.training
    constraint.eval()
    try:
        return cast(Tensor, getattr(module, name))
    finally:
        constraint.train(training)


@torch.no_grad()
def assign(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Make a network act with the weights and buffers that `fold` left, constrained or not.

    A weight under spectral normalization acts divided by its norm, and so comes back as it was
    where its largest singular value is 1, which `fold` made it. The values are copied: where
    training goes on, what they came from stays as it is.
    """
    for name, value in weights.items():
        path, _, own = name.rpartition(".")
        module = network.get_submodule(path)
        if parametrize.is_parametrized(module, own):
            parametrization = cast(nn.ModuleDict, module.parametrizations)[own]
            original = cast(Tensor, parametrization.original)
            setattr(module, own, torch.empty_like(original).copy_(value))
            settle_norm(parametrization)
        else:
            cast(Tensor, getattr(module, own)).copy_(value)


def settle_norm(parametrization: nn.Module) -> None:
    """Let power iterations find the norm of weights that were put in place of others."""
    training = parametrization.training
    parametrization.train()
    for _ in range(ITERATIONS):
        parametrization()
    parametrization.train(training)
