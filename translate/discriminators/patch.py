"""PatchGAN (Isola et al. 2017, arXiv 1611.07004, sections 3.2.2 and 6.1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.discriminators.registry import DISCRIMINATORS, Verdict
from translate.layers.attention import SelfAttention
from translate.layers.minibatch import MinibatchDiscrimination, MinibatchStddev
from translate.layers.normalization import Normalization, constraint, convolution
from translate.layers.sampling import Down, down_convolution
from translate.tables import require

Diversity = Literal["none", "discrimination", "stddev"]
"""What lets a discriminator see that the pictures of a batch are alike."""


@DISCRIMINATORS.register("patch")
@dataclass(frozen=True)
class PatchSpec:
    """``layers`` strided convolutions from ``channels`` up; 3 give the 70x70 receptive field.

    The first and the last convolution are never normalised by the statistics of features; spectral
    normalisation and equalised rates act on every one.
    """

    channels: int = 64
    layers: int = 3
    norm: Normalization = "spectral"
    slope: float = 0.2
    down: Down = "stride"
    attention: tuple[int, ...] = ()
    """Self-attention after these layers, counted from 1."""
    diversity: Diversity = "none"
    """``discrimination`` of the means of the last features, or ``stddev`` of a group of pictures,
    as further channels before the last convolution."""

    def __post_init__(self) -> None:
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(1 <= self.layers <= 6, "layers", self.layers, "1 to 6")
        require(0 <= self.slope < 1, "slope", self.slope, "0 up to 1")
        there = all(1 <= layer <= self.layers for layer in self.attention)
        require(there, "attention", self.attention, f"layers from 1 to {self.layers}")

    @property
    def receptive_field(self) -> int:
        """Side of the patch, in pixels, that one logit sees; without attention."""
        # From the last layer to the first: two of size 4 at stride 1, then those that halve.
        size, stride = (4, 2) if self.down == "stride" else (3, 1)
        field = 1
        for _ in range(2):
            field += 3
        for _ in range(self.layers):
            if stride == 1:
                field *= 2
            field = (field - 1) * stride + size
        return field

    def build(self, reads: int) -> nn.Module:
        """The module for pictures of ``reads`` channels, condition included."""
        return Patch(self, reads)


class Patch(nn.Module):
    """See `PatchSpec`."""

    def __init__(self, spec: PatchSpec, reads: int) -> None:
        super().__init__()
        outer = constraint(spec.norm)
        self.layers = nn.ModuleList()
        for index in range(spec.layers + 1):
            width = spec.channels * min(2**index, 8)
            norm = spec.norm if index else outer
            if index < spec.layers:
                layer = down_convolution(reads, width, spec.down, norm)
            else:
                layer = convolution(reads, width, 4, 1, 1, norm)
            layer.append(nn.LeakyReLU(spec.slope))
            if index + 1 in spec.attention:
                layer.append(SelfAttention(width, outer))
            self.layers.append(nn.Sequential(*layer))
            reads = width
        self.diversity = diversity(spec.diversity, reads)
        self.leave = nn.Sequential(*convolution(reads + more(self.diversity), 1, 4, 1, 1, outer))

    def forward(self, picture: Tensor) -> Verdict:
        """``(N, reads, H, W)`` -> one map of logits ``(N, 1, H', W')``."""
        features: list[Tensor] = []
        made = picture
        for layer in self.layers:
            made = layer(made)
            features.append(made)
        if self.diversity is not None:
            made = self.diversity(made)
        return Verdict((self.leave(made),), tuple(features))


class MapDiscrimination(nn.Module):
    """Minibatch discrimination of the means of maps, as further channels that are constant."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.kernels = max(1, channels // 8)
        self.discrimination = MinibatchDiscrimination(channels, self.kernels)

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, H, W)`` -> ``(N, C + kernels, H, W)``."""
        means = functional.adaptive_avg_pool2d(features, 1).flatten(1)
        closeness = self.discrimination(means)[:, means.shape[1] :, None, None]
        return torch.cat([features, closeness.expand(-1, -1, *features.shape[2:])], dim=1)


def diversity(kind: Diversity, channels: int) -> MapDiscrimination | MinibatchStddev | None:
    """The layer of a kind for maps of ``channels``."""
    if kind == "discrimination":
        return MapDiscrimination(channels)
    return MinibatchStddev() if kind == "stddev" else None


def more(layer: MapDiscrimination | MinibatchStddev | None) -> int:
    """Channels that a layer adds."""
    if isinstance(layer, MapDiscrimination):
        return layer.kernels
    return 0 if layer is None else 1
