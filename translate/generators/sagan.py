"""The generator of SAGAN (Zhang et al. 2019, arXiv 1805.08318).

Residual blocks with batch normalization, spectral normalization of every weight as well
(section 4.1), and self-attention on the map of 32x32 (section 5.2). Labels are further channels of
the noise, in place of the paper's conditional batch normalization.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from translate.generators.registry import GENERATORS
from translate.generators.resnet19 import ResidualSpec


@GENERATORS.register("sagan")
@dataclass(frozen=True)
class SAGANSpec(ResidualSpec):
    """From a point of noise, and labels as further channels of it, to a picture of ``size``.

    The last map has ``channels``; each of half the side twice as many, up to 16 times. The paper's
    size is 128.
    """

    spectral: bool = True
    """Spectral normalization of every weight, beside a norm of the features."""
    attention: tuple[int, ...] = (32,)
    """Sides of the maps at which self-attention stands."""

    shortcut: ClassVar[int] = 1

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps from 4x4 on."""
        sides = [side for side in (4, 8, 16, 32, 64, 128) if side <= self.size]
        return tuple(min(self.size // side, 16) * self.channels for side in sides)
