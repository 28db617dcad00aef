"""The generator of SAGAN (Zhang et al. 2019, arXiv 1805.08318).

Residual blocks with batch normalization, spectral normalization of every weight as well
(section 4.1), and self-attention on the map of 32x32 (section 5.2). Labels are further channels of
the noise, in place of the paper's conditional batch normalization.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from translate.generators.registry import GENERATORS
from translate.generators.resnet19 import ResidualGenerator
from translate.layers.activation import Activation
from translate.layers.blocks import BlockStyle
from translate.layers.normalization import GeneratorNormalization
from translate.layers.sampling import Up
from translate.tables import require


@GENERATORS.register("sagan")
@dataclass(frozen=True)
class SAGANSpec:
    """From a point of noise, and labels as further channels of it, to a picture of ``size``.

    The last map has ``channels``; each of half the side twice as many, up to 16 times. The paper's
    size is 128.
    """

    size: int = 128
    channels: int = 64
    norm: GeneratorNormalization = "batch"
    """Not on the first and the last layer, unless it constrains the weights."""
    spectral: bool = True
    """Spectral normalization of every weight, beside a norm of the features."""
    up: Up = "nearest"
    activation: Activation = "relu"
    slope: float = 0.2
    attention: tuple[int, ...] = (32,)
    """Sides of the maps at which self-attention stands."""

    def __post_init__(self) -> None:
        require(self.size in (32, 64, 128), "size", self.size, "32, 64, 128")
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
        sides = [side for side in (4, 8, 16, 32, 64, 128) if side <= self.size]
        return tuple(min(self.size // side, 16) * self.channels for side in sides)

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
            shortcut=1,
            centered=True,
            up=self.up,
        )
        return ResidualGenerator(reads, writes, self.widths, style, self.attention)
