"""The discriminator of progressive growing (Karras et al. 2018, arXiv 1710.10196, table 2).

The mirror of the generator: a layer of 1x1 from the picture into every level, two convolutions a
level, averages of 2x2, the standard deviation of a group of pictures before the last level
(section 3), and a linear layer. Leaky rectifiers and equalized rates (section 4.1), no
normalization of features. Labels and pictures as conditions are further channels of what it reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from translate.discriminators.patch import Diversity, diversity, more
from translate.discriminators.registry import DISCRIMINATORS, Verdict
from translate.layers.growing import Growing, GrowingSpec, halved
from translate.layers.normalization import convolution


@DISCRIMINATORS.register("progressive")
@dataclass(frozen=True)
class ProgressiveSpec(GrowingSpec):
    """For pictures of ``size``.

    Below its full depth it looks at the picture reduced to the side of the depth.
    """

    size: int = 128
    """Side of the pictures at full depth: a power of two from 8 to 256."""
    channels: int = 512
    """Those of the maps up to 32x32; each of twice the side has half as many."""
    norm: Literal["none", "spectral", "equalized"] = "equalized"
    """Of the weights."""
    slope: float = 0.2
    """Below zero, of the leaky rectifiers."""
    diversity: Diversity = "stddev"
    """What of the batch is added to the map of 4x4."""

    def build(self, reads: int) -> nn.Module:
        """The module for pictures of ``reads`` channels, condition included."""
        return ProgressiveDiscriminator(self, reads)


class ProgressiveDiscriminator(Growing):
    """See `ProgressiveSpec`."""

    def __init__(self, spec: ProgressiveSpec, reads: int) -> None:
        super().__init__(spec.depths)
        self.enter = nn.ModuleList(
            nn.Sequential(*convolution(reads, width, 1, 1, 0, spec.norm), nn.LeakyReLU(spec.slope))
            for width in spec.widths
        )
        self.diversity = diversity(spec.diversity, spec.widths[0])
        self.levels = nn.ModuleList()
        for index, width in enumerate(spec.widths):
            seen = width if index else width + more(self.diversity)
            writes = spec.widths[max(0, index - 1)]
            layers = [
                *convolution(seen, width, 3, 1, 1, spec.norm),
                nn.LeakyReLU(spec.slope),
                # On the map of 4x4 a kernel of 4x4 is the linear layer on the flattened map.
                *convolution(width, writes, *((3, 1, 1) if index else (4, 1, 0)), spec.norm),
                nn.LeakyReLU(spec.slope),
            ]
            self.levels.append(nn.Sequential(*layers, *([nn.AvgPool2d(2)] if index else [])))
        self.leave = nn.Sequential(*convolution(spec.widths[0], 1, 1, 1, 0, spec.norm))

    def forward(self, picture: Tensor) -> Verdict:
        """``(N, reads, size, size)`` -> one logit ``(N, 1, 1, 1)``.

        A larger picture has a logit ``(N, 1, H', W')`` for each position of the network on it.
        """
        outermost = self.depth - 1
        small = self.reduced(picture)
        made = self.enter[outermost](small)
        features: list[Tensor] = []
        for index in range(outermost, -1, -1):
            if index == 0 and self.diversity is not None:
                made = self.diversity(made)
            made = self.levels[index](made)
            if self.fading and index == outermost:
                made = self.mixed(self.enter[index - 1](halved(small)), made)
            features.append(made)
        return Verdict((self.leave(made),), tuple(features))
