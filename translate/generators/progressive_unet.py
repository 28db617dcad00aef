"""Progressive growing for a stage that reads pictures: a U-Net whose outer levels fade in.

The growing of Karras et al. 2018 (arXiv 1710.10196, section 2) on both arms of a U-Net (Isola et
al. 2017, arXiv 1611.07004, section 3.2.1): what is read comes in by a layer of 1x1 at the level
that is outermost at the time, as in the growing discriminator, and the picture leaves there, as in
the growing generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from translate.generators.registry import GENERATORS
from translate.layers.concatenation import side_by_side
from translate.layers.growing import Growing, GrowingSpec, doubled, halved
from translate.layers.normalization import PixelNorm, convolution


@GENERATORS.register("progressive_unet")
@dataclass(frozen=True)
class ProgressiveUNetSpec(GrowingSpec):
    """It is convolutional: trained, it takes pictures of any size."""

    size: int = 128
    """Side of the training crop, which the innermost level sees as 4x4: a power of two from 8 to
    256."""
    channels: int = 256
    """Those of the maps up to 32x32; each of twice the side has half as many."""
    norm: Literal["none", "spectral", "equalized"] = "equalized"
    """Of the weights; the features are normalized pixel by pixel."""
    slope: float = 0.2
    """Below zero, of the leaky rectifiers."""

    @property
    def multiple(self) -> int:
        """Both sides of the picture must divide by this."""
        return 2 ** (self.depths - 1)

    scale = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module from ``reads`` channels to ``writes``."""
        return ProgressiveUNet(self, reads, writes)


class ProgressiveUNet(Growing):
    """See `ProgressiveUNetSpec`."""

    def __init__(self, spec: ProgressiveUNetSpec, reads: int, writes: int) -> None:
        super().__init__(spec.depths)
        self.enter, self.pictures = nn.ModuleList(), nn.ModuleList()
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for index, width in enumerate(spec.widths):
            inner = spec.widths[max(0, index - 1)]
            both = inner + width if index else width
            enter = convolution(reads, width, 1, 1, 0, spec.norm)
            self.enter.append(nn.Sequential(*enter, nn.LeakyReLU(spec.slope)))
            self.down.append(nn.Sequential(*convolved(width, inner, spec)))
            up = [*convolved(both, width, spec), *convolved(width, width, spec)]
            self.up.append(nn.Sequential(*up))
            self.pictures.append(nn.Sequential(*convolution(width, writes, 1, 1, 0, spec.norm)))

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [*self.down, *self.up]

    def forward(self, picture: Tensor) -> Tensor:
        """``(N, reads, H, W)`` in [-1, 1] -> ``(N, writes, H, W)``, about that range.

        Below the full depth the result is one of half the sides, or less, enlarged by repetition.
        """
        outermost = self.depth - 1
        small = self.reduced(picture)
        made = self.enter[outermost](small)
        beside: list[Tensor] = []
        for index in range(outermost, 0, -1):
            beside.append(made)
            made = halved(self.down[index](made))
            if self.fading and index == outermost:
                made = self.mixed(self.enter[index - 1](halved(small)), made)
        made = within = self.up[0](self.down[0](made))
        for index in range(1, self.depth):
            within = made
            made = self.up[index](side_by_side(doubled(within), beside.pop()))
        result = self.pictures[outermost](made)
        if self.fading:
            result = self.mixed(doubled(self.pictures[outermost - 1](within)), result)
        return self.enlarged(result)


def convolved(reads: int, writes: int, spec: ProgressiveUNetSpec) -> list[nn.Module]:
    """A convolution of 3x3, rectifier and pixelwise normalization."""
    layers = convolution(reads, writes, 3, 1, 1, spec.norm)
    return [*layers, nn.LeakyReLU(spec.slope), PixelNorm()]
