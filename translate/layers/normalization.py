"""Normalisation by name, as convolutional networks choose it in their specs."""

from __future__ import annotations

from typing import Literal

from torch import nn
from torch.nn.utils import parametrizations

Normalization = Literal["none", "batch", "instance", "spectral"]


def convolution(
    reads: int, writes: int, size: int, stride: int, padding: int, norm: Normalization
) -> list[nn.Module]:
    """A convolution and what normalises it.

    Spectral normalisation (Miyato et al. 2018, arXiv 1802.05957, algorithm 1) constrains the
    weight, with one power iteration a step from a kept vector; batch and instance normalisation act
    on the features, whose shift makes a bias idle.
    """
    layer = nn.Conv2d(reads, writes, size, stride, padding, bias=norm in ("none", "spectral"))
    nn.init.normal_(layer.weight, 0, 0.02)
    if norm == "spectral":
        return [parametrizations.spectral_norm(layer, n_power_iterations=1)]
    if norm == "batch":
        return [layer, nn.BatchNorm2d(writes)]
    if norm == "instance":
        return [layer, nn.InstanceNorm2d(writes, affine=True)]
    return [layer]
