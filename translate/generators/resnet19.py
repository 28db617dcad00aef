"""The ResNet19 generator of Kurach et al. 2019 (arXiv 1807.04720, table 3b), and that for 32x32.

Noise becomes a map of 4x4 by a dense layer and is doubled by residual blocks; normalization,
rectifier and a convolution end it. For 128x128 the widths are those of the table. The one for
32x32 is that of Miyato et al. 2018 (arXiv 1802.05957, table 4), as in the authors' code. Three
things are as that code has them or as this library needs them: shortcuts are convolutions of 3x3;
sides double by repetition, as in Miyato et al. (the code puts zeros between, which "transposed"
is like); the end is tanh for [-1, 1] in place of a sigmoid for [0, 1].
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from translate.generators.registry import GENERATORS
from translate.layers.activation import Activation, activation
from translate.layers.attention import SelfAttention
from translate.layers.blocks import Block, BlockStyle, Seed
from translate.layers.normalization import GeneratorNormalization, convolution, normalize
from translate.layers.sampling import Up
from translate.tables import require

WIDTHS = {32: (4, 4, 4, 4), 128: (8, 8, 4, 4, 2, 1)}
"""By size: of the maps from 4x4 on, in units of ``channels``."""


@GENERATORS.register("resnet19")
@dataclass(frozen=True)
class ResNet19Spec:
    """From a point of noise, and labels as further channels of it, to a picture of ``size``."""

    size: int = 128
    channels: int = 64
    """Of the last map, for 128x128; a quarter of every map's, for 32x32."""
    norm: GeneratorNormalization = "batch"
    """Not on the first and the last layer, unless it constrains the weights."""
    spectral: bool = False
    """Spectral normalization of every weight, beside a norm of the features."""
    up: Up = "nearest"
    activation: Activation = "relu"
    slope: float = 0.2
    attention: tuple[int, ...] = ()
    """Sides of the maps at which self-attention stands."""

    def __post_init__(self) -> None:
        require(self.size in WIDTHS, "size", self.size, "32, 128")
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        twice = self.spectral and self.norm == "equalized"
        require(not twice, "spectral", self.spectral, "false with norm 'equalized'")
        require(0 <= self.slope < 1, "slope", self.slope, "0 up to 1")
        sides = [4 << index for index in range(len(self.widths))]
        there = set(self.attention) <= set(sides)
        require(there, "attention", self.attention, f"sides of its maps: {sides}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps from 4x4 on."""
        return tuple(width * self.channels for width in WIDTHS[self.size])

    @property
    def scale(self) -> int:
        """Side of the picture over that of the noise."""
        return self.size

    multiple = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module from ``reads`` channels of noise and labels to ``writes``."""
        style = BlockStyle(
            self.norm,
            self.spectral,
            self.activation,
            self.slope,
            shortcut=3,
            centered=True,
            up=self.up,
        )
        return ResidualGenerator(reads, writes, self.widths, style, self.attention)


class ResidualGenerator(nn.Module):
    """A dense layer, residual blocks that double the sides, and a convolution.

    Args:
        reads, writes: channels.
        widths: of the maps from 4x4 on.
        style: of the blocks.
        attention: sides of the maps behind which self-attention stands.
    """

    def __init__(
        self,
        reads: int,
        writes: int,
        widths: Sequence[int],
        style: BlockStyle,
        attention: Sequence[int],
    ) -> None:
        super().__init__()
        side = 4
        layers: list[nn.Module] = [Seed(reads, widths[0], side, style.weights)]
        if side in attention:
            layers.append(SelfAttention(widths[0], style.weights))
        for before, width in itertools.pairwise(widths):
            layers.append(Block(before, width, style, "up"))
            side *= 2
            if side in attention:
                layers.append(SelfAttention(width, style.weights))
        self.layers = nn.Sequential(*layers)
        self.leave = nn.Sequential(
            *normalize(widths[-1], style.norm),
            activation(style.activation, style.slope),
            *convolution(widths[-1], writes, 3, 1, 1, style.weights),
        )

    def forward(self, noise: Tensor) -> Tensor:
        """``(N, reads, H, W)``, of 1x1 -> ``(N, writes, size H, size W)`` in [-1, 1]."""
        return self.leave(self.layers(noise)).tanh()
