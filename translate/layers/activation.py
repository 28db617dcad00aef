"""Activations by name."""

from __future__ import annotations

from typing import Literal

from torch import nn

Activation = Literal["relu", "leaky", "elu", "selu", "silu", "gelu", "tanh"]


def activation(name: Activation, slope: float = 0.2) -> nn.Module:
    """The activation of that name; ``slope`` is that of "leaky" below zero."""
    if name == "leaky":
        return nn.LeakyReLU(slope)
    kinds: dict[Activation, type[nn.Module]] = {
        "relu": nn.ReLU,
        "elu": nn.ELU,
        "selu": nn.SELU,
        "silu": nn.SiLU,
        "gelu": nn.GELU,
        "tanh": nn.Tanh,
    }
    return kinds[name]()
