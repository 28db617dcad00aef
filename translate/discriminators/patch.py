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
    """``layers`` strided convolutions, two more behind them, and a logit for each patch.

    With no layers all convolutions are of 1x1: the PixelGAN, which judges colors alone.

    The first and the last convolution are never normalised by the statistics of features; spectral
    normalisation and equalised rates act on every one.
    """

    channels: int = 64
    """Those of the first convolution; twice as many after each, up to eight times."""
    layers: int = 3
    """That halve: a logit sees 16 pixels a side with 1, 34 with 2, 70 with 3 (the paper's), 142
    with 4, 286 with 5, and one pixel with 0."""
    norm: Normalization = "spectral"
    """Of the features, never of the first and the last layer; or of the weights of every layer."""
    slope: float = 0.2
    """Below zero, of the leaky rectifiers."""
    down: Down = "stride"
    """How maps halve their side."""
    attention: tuple[int, ...] = ()
    """Self-attention after these layers, counted from 1."""
    diversity: Diversity = "none"
    """``discrimination`` of the means of the last features, or ``stddev`` of a group of pictures,
    as further channels before the last convolution."""

    def __post_init__(self) -> None:
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(0 <= self.layers <= 6, "layers", self.layers, "0 to 6")
        require(0 <= self.slope < 1, "slope", self.slope, "0 up to 1")
        there = all(1 <= layer <= self.layers for layer in self.attention)
        require(there, "attention", self.attention, f"layers from 1 to {self.layers}")

    @property
    def receptive_field(self) -> int:
        """Side of the patch, in pixels, that one logit sees; without attention."""
        return self.reach(2)

    @property
    def side(self) -> int:
        """Of the kernels of the two convolutions that do not halve."""
        return 4 if self.layers else 1

    def reach(self, keeping: int) -> int:
        """Side of the patch seen through those that halve and ``keeping`` that do not."""
        # From the last layer to the first.
        size, stride = (4, 2) if self.down == "stride" else (3, 1)
        field = 1 + keeping * (self.side - 1)
        for _ in range(self.layers):
            if stride == 1:
                field *= 2
            field = (field - 1) * stride + size
        return field

    def build(self, reads: int) -> nn.Module:
        """The module for pictures of ``reads`` channels, condition included."""
        return Patch(self, reads)


class PatchBody(nn.Module):
    """The layers of a patch discriminator but for the last, which gives the logits.

    ``width`` is how many channels they end with.
    """

    def __init__(self, spec: PatchSpec, reads: int) -> None:
        super().__init__()
        outer = constraint(spec.norm)
        self.layers = nn.ModuleList()
        for index in range(max(spec.layers, 1) + 1):
            width = spec.channels * min(2**index, 8)
            norm = spec.norm if index else outer
            if index < spec.layers:
                layer = down_convolution(reads, width, spec.down, norm)
            else:
                layer = convolution(reads, width, spec.side, 1, spec.side // 4, norm)
            layer.append(nn.LeakyReLU(spec.slope))
            if index + 1 in spec.attention:
                layer.append(SelfAttention(width, outer))
            self.layers.append(nn.Sequential(*layer))
            reads = width
        self.diversity = diversity(spec.diversity, reads)
        self.width = reads + more(self.diversity)

    def describe(self, picture: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """``(N, reads, H, W)`` -> ``(N, width, H', W')``, and what each layer put out."""
        features: list[Tensor] = []
        made = picture
        for layer in self.layers:
            made = layer(made)
            features.append(made)
        if self.diversity is not None:
            made = self.diversity(made)
        return made, tuple(features)


class Patch(PatchBody):
    """See `PatchSpec`."""

    def __init__(self, spec: PatchSpec, reads: int) -> None:
        super().__init__(spec, reads)
        side, outer = spec.side, constraint(spec.norm)
        self.leave = nn.Sequential(*convolution(self.width, 1, side, 1, side // 4, outer))

    def forward(self, picture: Tensor) -> Verdict:
        """``(N, reads, H, W)`` -> one map of logits ``(N, 1, H', W')``."""
        made, features = self.describe(picture)
        return Verdict((self.leave(made),), features)


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
