"""The discriminator of SAGAN (Zhang et al. 2019, arXiv 1805.08318).

Residual blocks with average pooling, spectral normalization of every weight (section 4.1),
self-attention on the map of 32x32 (section 5.2), a last block that keeps the sides, rectifier, sum
over the map, a dense layer. Labels are further channels of the picture, in place of the paper's
projection.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from translate.discriminators.patch import Diversity
from translate.discriminators.registry import DISCRIMINATORS
from translate.discriminators.resnet19 import ResidualDiscriminator
from translate.layers.activation import Activation
from translate.layers.blocks import BlockStyle
from translate.layers.normalization import Normalization
from translate.layers.sampling import Down
from translate.tables import require


@DISCRIMINATORS.register("sagan")
@dataclass(frozen=True)
class SAGANSpec:
    """For pictures of ``size``; the paper's is 128.

    The first block has ``channels``, each further one twice as many, up to 16 times.
    """

    size: int = 128
    channels: int = 64
    norm: Normalization = "spectral"
    """Not in front of the first block and behind the last, unless it constrains the weights."""
    down: Down = "average"
    activation: Activation = "relu"
    slope: float = 0.2
    attention: tuple[int, ...] = (32,)
    """Sides of the maps at which self-attention stands, behind the first block of that side."""
    diversity: Diversity = "none"
    """What of the batch is added to what the last block reads."""

    def __post_init__(self) -> None:
        require(self.size in (32, 64, 128), "size", self.size, "32, 64, 128")
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(0 <= self.slope < 1, "slope", self.slope, "0 up to 1")
        there = set(self.attention) <= set(self.sides)
        allowed = f"sides of its maps: {sorted(set(self.sides))}"
        require(there, "attention", self.attention, allowed)

    @property
    def sides(self) -> list[int]:
        """Of the maps that the blocks put out."""
        return [*(side for side in (64, 32, 16, 8, 4) if side < self.size), 4]

    def build(self, reads: int) -> nn.Module:
        """The module for pictures of ``reads`` channels, condition included."""
        style = BlockStyle(
            self.norm,
            activation=self.activation,
            slope=self.slope,
            shortcut=1,
            down=self.down,
        )
        widths = [min(self.size // (2 * side), 16) * self.channels for side in self.sides]
        return ResidualDiscriminator(
            reads, self.size, widths, self.sides, style, self.attention, self.diversity, "sum"
        )
