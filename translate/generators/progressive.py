"""The generator of progressive growing (Karras et al. 2018, arXiv 1710.10196).

The noise is normalized and projected to a map of 4x4; each level doubles the sides and convolves
twice. Leaky rectifiers, pixelwise normalization (section 4.2), equalized rates (section 4.1), and
a linear layer of 1x1 from every level to a picture (table 2). Phases of a recipe set how many
levels work, and fade the newest in (section 2, figure 2); what ships has all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from translate.generators.registry import GENERATORS
from translate.layers.blocks import Seed
from translate.layers.growing import Growing, GrowingSpec, doubled
from translate.layers.normalization import PixelNorm, convolution
from translate.layers.sampling import Up, up_convolution


@GENERATORS.register("progressive")
@dataclass(frozen=True)
class ProgressiveSpec(GrowingSpec):
    """From a point of noise, and labels as further channels of it, to a picture of ``size``."""

    size: int = 128
    """Side of the picture at full depth: a power of two from 8 to 256."""
    channels: int = 512
    """Those of the maps up to 32x32; each of twice the side has half as many."""
    norm: Literal["none", "spectral", "equalized"] = "equalized"
    """Of the weights; the features are normalized pixel by pixel."""
    up: Up = "nearest"
    """How maps double their side."""
    slope: float = 0.2
    """Below zero, of the leaky rectifiers."""

    @property
    def scale(self) -> int:
        """Side of the picture over that of the noise."""
        return self.size

    multiple = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module from ``reads`` channels of noise and labels to ``writes``."""
        return ProgressiveGenerator(self, reads, writes)


class ProgressiveGenerator(Growing):
    """See `ProgressiveSpec`."""

    def __init__(self, spec: ProgressiveSpec, reads: int, writes: int) -> None:
        super().__init__(spec.depths)
        self.normalize = PixelNorm()
        self.levels, self.pictures = nn.ModuleList(), nn.ModuleList()
        before = reads
        for index, width in enumerate(spec.widths):
            enter: list[nn.Module] = [Seed(before, width, 4, spec.norm)]
            if index:
                enter = up_convolution(before, width, spec.up, spec.norm)
            self.levels.append(
                nn.Sequential(
                    *enter,
                    nn.LeakyReLU(spec.slope),
                    PixelNorm(),
                    *convolution(width, width, 3, 1, 1, spec.norm),
                    nn.LeakyReLU(spec.slope),
                    PixelNorm(),
                )
            )
            self.pictures.append(nn.Sequential(*convolution(width, writes, 1, 1, 0, spec.norm)))
            before = width

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [*self.levels]

    def forward(self, noise: Tensor) -> Tensor:
        """``(N, reads, H, W)``, of 1x1 -> ``(N, writes, size H, size W)``, about [-1, 1].

        Below the full depth the picture is one of half the side, or less, enlarged by repetition.
        """
        outermost = self.depth - 1
        within = self.normalize(noise)
        for level in list(self.levels)[:outermost]:
            within = level(within)
        picture = self.pictures[outermost](self.levels[outermost](within))
        if self.fading:
            picture = self.mixed(doubled(self.pictures[outermost - 1](within)), picture)
        return self.enlarged(picture)
