"""The discriminator of SAGAN (Zhang et al. 2019, arXiv 1805.08318).

Residual blocks with average pooling, spectral normalization of every weight (section 4.1),
self-attention on the map of 32x32 (section 5.2), a last block that keeps the sides, rectifier, sum
over the map, a dense layer. Labels are further channels of the picture, in place of the paper's
projection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from translate.discriminators.registry import DISCRIMINATORS
from translate.discriminators.resnet19 import ResidualSpec


@DISCRIMINATORS.register("sagan")
@dataclass(frozen=True)
class SAGANSpec(ResidualSpec):
    """For pictures of ``size``; the paper's is 128.

    The first block has ``channels``, each further one twice as many, up to 16 times.
    """

    attention: tuple[int, ...] = (32,)
    """Sides of the maps at which self-attention stands, behind the first block of that side."""

    shortcut: ClassVar[int] = 1
    pool: ClassVar[Literal["mean", "sum"]] = "sum"

    @property
    def sides(self) -> list[int]:
        """Of the maps that the blocks put out."""
        return [*(side for side in (64, 32, 16, 8, 4) if side < self.size), 4]

    @property
    def widths(self) -> list[int]:
        """Channels of the maps that the blocks put out."""
        return [min(self.size // (2 * side), 16) * self.channels for side in self.sides]
