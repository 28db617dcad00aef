"""A residual U-Net (Ronneberger et al. 2015, arXiv 1505.04597) without normalisation.

The shape of DRUNet (Zhang et al. 2021, arXiv 2008.13751, section 4.1): residual blocks on every
level, strided convolutions down, transposed convolutions up, sums instead of concatenations across.
``unfold`` lets the widest level work on a grid half as fine, as FFDNet does (Zhang et al. 2018,
arXiv 1710.04026, section 3.2), which halves the memory traffic at equal cost.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from torch import Tensor, nn

from translate.generators.registry import GENERATORS
from translate.layers.convolution import ResidualBlock, initialize
from translate.layers.resampling import PixelShuffle
from translate.tables import require


@GENERATORS.register("unet")
@dataclass(frozen=True)
class UNetSpec:
    """Levels of residual blocks, down and up, joined level by level."""

    widths: tuple[int, ...] = (64, 96, 160)
    """Channels of each level, from the finest down."""
    blocks: int = 2
    """Residual blocks a level, on each side."""
    unfold: int = 2
    """Pixels along a side that lie on one point of the finest level's grid."""
    bias: bool = True
    """Without, the result grows with picture and noise map as they do, which holds beyond the noise
    that was seen in training and learns sooner (Mohan et al. 2020, arXiv 1906.05478, section 4)."""

    def __post_init__(self) -> None:
        require(len(self.widths) >= 2, "widths", self.widths, "two levels or more")
        require(min(self.widths) >= 1, "widths", self.widths, "1 or more each")
        require(self.blocks >= 1, "blocks", self.blocks, "1 or more")
        require(self.unfold in (1, 2, 4), "unfold", self.unfold, "1, 2, 4")

    @property
    def homogeneous(self) -> bool:
        """Whether a multiple of what is read gives that multiple of the result."""
        return not self.bias

    @property
    def multiple(self) -> int:
        """Both sides of the picture must divide by this."""
        return self.unfold * 2 ** (len(self.widths) - 1)

    scale = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module from ``reads`` to ``writes`` channels."""
        return UNet(self, reads, writes)


class UNet(nn.Module):
    """See `UNetSpec`."""

    def __init__(self, spec: UNetSpec, reads: int, writes: int) -> None:
        super().__init__()
        widths, bias = spec.widths, spec.bias
        self.unfold = nn.PixelUnshuffle(spec.unfold)
        self.enter = nn.Conv2d(reads * spec.unfold**2, widths[0], 3, padding=1, bias=bias)
        initialize(self.enter)
        self.descents = nn.ModuleList(chain(width, spec) for width in widths[:-1])
        self.downs = nn.ModuleList(
            nn.Conv2d(fine, coarse, 2, stride=2, bias=bias)
            for fine, coarse in itertools.pairwise(widths)
        )
        self.bottom = chain(widths[-1], spec)
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(coarse, fine, 2, stride=2, bias=bias)
            for fine, coarse in itertools.pairwise(widths)
        )
        self.ascents = nn.ModuleList(chain(width, spec) for width in widths[:-1])
        self.leave = PixelShuffle(widths[0], writes, spec.unfold, smooth=False, bias=bias)
        # The residual starts near zero: the first picture is the one given.
        self.leave.convolution.weight.data.mul_(0.1)

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [module for module in self.modules() if isinstance(module, ResidualBlock)]

    def forward(self, picture: Tensor) -> Tensor:
        """``(N, reads, H, W)`` -> ``(N, writes, H, W)``; sides multiples of the spec's."""
        features = self.enter(self.unfold(picture))
        skips: list[Tensor] = []
        for descent, down in zip(self.descents, self.downs, strict=True):
            features = descent(features)
            skips.append(features)
            features = down(features)
        features = self.bottom(features)
        for ascent, up in zip(reversed(self.ascents), reversed(self.ups), strict=True):
            features = ascent(up(features) + skips.pop())
        return self.leave(features)


def chain(channels: int, spec: UNetSpec) -> nn.Sequential:
    """The residual blocks of one level on one side."""
    return nn.Sequential(*(ResidualBlock(channels, bias=spec.bias) for _ in range(spec.blocks)))
