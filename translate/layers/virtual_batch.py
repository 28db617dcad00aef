"""Virtual batch normalization (Salimans et al. 2016, arXiv 1606.03498, section 3.5).

Each sample is normalized by the statistics of a reference batch, chosen once and fixed, and of the
sample itself; a sample so never depends on the others of its batch. The statistics of the reference
batch are those under the current weights, with gradient, so it passes through the network once for
every training step:

    with reference(generator, batch):
        fake = generator(noise)

Afterwards the layers keep the last statistics as buffers. Evaluation, checkpoints and export use
these: the reference batch itself is folded away, and what is left is a function of the sample and
of constants.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from translate.losses.precision import full


class Statistics(NamedTuple):
    """Of a reference batch: ``(C,)`` each, and how many samples it has, a scalar."""

    mean: Tensor
    variance: Tensor
    samples: Tensor


class VirtualBatchNorm(nn.Module):
    """The layer of `reference`: normalizes ``(N, C, H, W)`` or ``(N, C)`` channel by channel.

    With a reference batch of B samples the sample counts as one more: means and mean squares are
    averaged with the weights ``B / (B + 1)`` and ``1 / (B + 1)``. The same holds in evaluation: the
    generator ships as it was trained, and the sample's own part makes it depend on the whole
    picture, if only by ``1 / (B + 1)``. Before the first reference batch the buffers stand for one
    sample of mean 0 and variance 1.
    """

    mean: Tensor
    variance: Tensor
    samples: Tensor

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.register_buffer("samples", torch.ones(()))
        self.recording = False
        self.live: Statistics | None = None

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, H, W)`` or ``(N, C)`` -> the same shape."""
        # Half precision loses the variance of features that are far from zero.
        wide = full(features)
        if self.recording:
            mean, variance = self.record(wide)
        else:
            mean, variance = self.combine(wide)
        shape = (-1, wide.shape[1], *[1] * (wide.ndim - 2))
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (wide * scale.reshape(shape) + shift.reshape(shape)).to(features.dtype)

    def record(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Keep the statistics of the reference batch, which is normalized by itself alone."""
        axes = [axis for axis in range(features.ndim) if axis != 1]
        variance, mean = torch.var_mean(features, axes, correction=0)
        self.live = Statistics(mean, variance, torch.full_like(self.samples, features.shape[0]))
        with torch.no_grad():
            for name, value in self.live._asdict().items():
                getattr(self, name).copy_(value)
        return mean, variance

    def combine(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance ``(N, C)`` for each sample, itself and the reference batch together."""
        known = self.live or Statistics(self.mean, self.variance, self.samples)
        flat = features.flatten(2) if features.ndim > 2 else features[..., None]
        mean = flat.mean(dim=2)
        variance = (flat - mean[..., None]).square().mean(dim=2)
        own = 1 / (known.samples + 1)
        apart = mean - known.mean
        # Mean squares averaged, less the squared mean: the same number, but never below zero.
        return (
            known.mean + own * apart,
            (1 - own) * known.variance + own * variance + own * (1 - own) * apart.square(),
        )


@contextmanager
def reference(network: nn.Module, *batch: object) -> Generator[None]:
    """Inside, ``network`` normalizes samples by the statistics of ``batch`` under its weights.

    The batch passes through the network on entering; gradients of what is computed inside flow back
    through that pass too, whenever they are taken. On leaving the statistics stay as buffers. A
    network without a `VirtualBatchNorm` is left alone. An averaged copy (EMA) of a network needs a
    pass of its own, as its statistics are not the average of others.

    Args:
        network: holds the layers.
        batch: what ``network`` is called with, the same at every step.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, VirtualBatchNorm)]
    try:
        if layers:
            for layer in layers:
                layer.recording = True
            network(*batch)
            for layer in layers:
                layer.recording = False
        yield
    finally:
        for layer in layers:
            layer.recording = False
            layer.live = None
