"""Normalization by name, as convolutional networks choose it in their specs.

Two families: "spectral" and "equalized" constrain the weights of a layer, so that they may stand on
every layer; "batch", "instance", "layer" and "virtual" act on the features that a layer puts out,
whose shift makes a bias idle, and are left out where the absolute range matters (the first and the
last layer of most networks; see `constraint`).
"""

from __future__ import annotations

from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from translate.layers.equalized import equalize, he_constant
from translate.layers.virtual_batch import VirtualBatchNorm
from translate.losses.precision import full

Normalization = Literal["none", "batch", "instance", "layer", "spectral", "equalized"]
GeneratorNormalization = Literal[Normalization, "virtual"]
"""Virtual batch normalization needs a second pass and is for generators alone."""

Layer = TypeVar("Layer", nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
DEVIATION = 0.02
"""Of the weights at the start (Radford et al. 2016, DCGAN, arXiv 1511.06434, section 4)."""


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalization (Ulyanov et al. 2016, arXiv 1607.08022, equation 3), at any size.

    A map of 1x1 equals its own mean and comes out as the learned shift; PyTorch's own module
    refuses it in training. Nothing is kept from batch to batch: training and evaluation agree, but
    for rounding.
    """

    def forward(self, input: Tensor) -> Tensor:
        """``(N, C, H, W)`` -> the same shape."""
        cudnn = torch.backends.cudnn.enabled
        if self.training and channels_last(input) and input.device.type == "cpu":
            # PyTorch's own has no kernel for this order: it would be changed here, and changed back
            # at the next convolution. Batch normalization has one, and of a single sample it is
            # the same.
            samples = [
                torch.batch_norm(
                    sample, self.weight, self.bias, None, None, True, 0.0, self.eps, cudnn
                )
                for sample in torch.split(input, 1)
            ]
            return torch.cat(samples)
        return torch.instance_norm(
            input, self.weight, self.bias, None, None, True, 0.0, self.eps, cudnn
        )


class LayerNorm(nn.Module):
    """Layer normalization over the (C, H, W) of a sample (Ba et al. 2016, arXiv 1607.06450, eq. 3).

    Scale and shift are learned for each channel rather than for each position, so that it works at
    any size, down to a single value, which comes out as the learned shift.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, H, W)`` or ``(N, C)`` -> the same shape."""
        # A group of all channels. PyTorch's module does the same, but refuses a single value.
        return torch.group_norm(features, 1, self.weight, self.bias, self.eps)


class PixelNorm(nn.Module):
    """The features of each pixel at a mean square of 1 (Karras 2018, 1710.10196, section 4.2)."""

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, H, W)`` -> the same shape."""
        # Half precision has no 1e-8, and no squares of features above 255.
        wide = full(features)
        norm = (wide.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        return (wide * norm).to(features.dtype)


def channels_last(features: Tensor) -> bool:
    """Whether ``(N, C, H, W)`` lies with the channels of a pixel side by side, and only so."""
    last = features.is_contiguous(memory_format=torch.channels_last)
    return last and not features.is_contiguous()


def constraint(norm: GeneratorNormalization) -> Normalization:
    """What is left of ``norm`` for a layer whose output must not be normalized."""
    return norm if norm == "spectral" or norm == "equalized" else "none"


def biased(norm: GeneratorNormalization) -> bool:
    """Whether a layer under ``norm`` has a bias: not where the features are centered after it."""
    return constraint(norm) == norm


def constrain(layer: Layer, norm: GeneratorNormalization, alike: int = 1) -> Layer:
    """Draw the weights of a layer afresh and constrain them, where ``norm`` does so.

    Spectral normalization (Miyato et al. 2018, arXiv 1802.05957, algorithm 1) divides the weight by
    its largest singular value, with one power iteration a forward pass in training from a kept
    vector. The matrix is output channels x the rest; transposed convolutions keep their output
    channels in the second dimension of the weight.
    Equalized learning rate: see `equalize`.

    Args:
        layer: a fresh one.
        norm: those that act on features leave the weight free.
        alike: this many neighboring output channels start with equal weights (not for transposed
            convolutions).
    """
    deviation = he_constant(layer) if norm == "equalized" else DEVIATION
    nn.init.normal_(layer.weight, 0, deviation)
    if alike > 1:
        with torch.no_grad():
            layer.weight.copy_(layer.weight[::alike].repeat_interleave(alike, dim=0))
    if norm == "spectral":
        dimension = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
        parametrizations.spectral_norm(layer, n_power_iterations=1, dim=dimension)
    if norm == "equalized":
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        equalize(layer)
    return layer


def normalize(channels: int, norm: GeneratorNormalization) -> list[nn.Module]:
    """What normalizes features ``(N, C, H, W)``: one module, or none."""
    if norm == "batch":
        return [nn.BatchNorm2d(channels)]
    if norm == "instance":
        return [InstanceNorm(channels, affine=True)]
    if norm == "layer":
        return [LayerNorm(channels)]
    if norm == "virtual":
        return [VirtualBatchNorm(channels)]
    return []


def convolution(
    reads: int, writes: int, size: int, stride: int, padding: int, norm: GeneratorNormalization
) -> list[nn.Module]:
    """A convolution and what normalizes it: ``(N, reads, H, W)`` -> ``(N, writes, H', W')``."""
    layer = nn.Conv2d(reads, writes, size, stride, padding, bias=biased(norm))
    return [constrain(layer, norm), *normalize(writes, norm)]


def transposed_convolution(
    reads: int, writes: int, size: int, stride: int, padding: int, norm: GeneratorNormalization
) -> list[nn.Module]:
    """A transposed convolution and what normalizes it.

    ``(N, reads, H, W)`` -> ``(N, writes, H', W')`` with ``H' = (H - 1) stride - 2 padding + size``.
    """
    layer = nn.ConvTranspose2d(reads, writes, size, stride, padding, bias=biased(norm))
    return [constrain(layer, norm), *normalize(writes, norm)]


def linear(reads: int, writes: int, norm: GeneratorNormalization) -> list[nn.Module]:
    """A linear layer and what normalizes it: ``(N, reads)`` -> ``(N, writes)``.

    Raises:
        ValueError: "instance": each feature of a vector is its own mean, so nothing would be left.
    """
    if norm == "instance":
        raise ValueError("instance normalization leaves nothing of a vector; use layer or none")
    layer = constrain(nn.Linear(reads, writes, bias=biased(norm)), norm)
    return [layer, *([nn.BatchNorm1d(writes)] if norm == "batch" else normalize(writes, norm))]
