"""Equalized learning rate: weights of one size everywhere, scaled at run time.

Karras et al. 2018 (arXiv 1710.10196, section 4.1). Optimizers such as Adam make steps whose size
does not depend on the scale of a weight; with every weight of unit variance no layer learns slower
than another. He's constant is that of He et al. 2015 (arXiv 1502.01852).
"""

from __future__ import annotations

import math
from typing import TypeVar

from torch import Tensor, nn
from torch.nn.utils import parametrize

Layer = TypeVar("Layer", nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


class Scale(nn.Module):
    """A parametrization: the effective weight is ``factor`` times the kept one."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, kept: Tensor) -> Tensor:
        return kept * self.factor

    def right_inverse(self, effective: Tensor) -> Tensor:
        return effective / self.factor


def fan_in(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> float:
    """How many products are summed in one value that the layer puts out, edges aside.

    A transposed convolution spreads its kernel over the pixels of a stride: each output sees
    ``1 / stride^2`` of it.
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features
    taps = math.prod(layer.kernel_size) * layer.in_channels / layer.groups
    if isinstance(layer, nn.ConvTranspose2d):
        taps /= math.prod(layer.stride)
    return taps


def he_constant(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> float:
    """``sqrt(2 / fan in)``: keeps variance before a rectifier (He et al. 2015, equation 10)."""
    return math.sqrt(2 / fan_in(layer))


def equalize(layer: Layer, rate: float = 1.0) -> Layer:
    """Keep the weight of ``layer`` divided by He's constant, to be multiplied by it at run time.

    What the layer computes stays the same: one drawn by He's initialization has a kept weight
    drawn from N(0, 1).

    Args:
        layer: gets a parametrization of its weight.
        rate: of learning, relative to other layers (Karras et al. 2019, arXiv 1812.04948, appendix
            C, has 0.01 in the mapping network). The constant is smaller by it and the kept weight
            larger; the bias is scaled too.
    """
    parametrize.register_parametrization(layer, "weight", Scale(rate * he_constant(layer)))
    if rate != 1 and layer.bias is not None:
        parametrize.register_parametrization(layer, "bias", Scale(rate))
    return layer
