"""One level of a Laplacian pyramid for super-resolution.

Each level enlarges the picture before it by two and writes the residual that is added to the
enlarged picture, as the generators of LapGAN (Denton et al. 2015, arXiv 1506.05751, section 3.2)
and LapSRN (Lai et al. 2017, arXiv 1704.03915, section 3.1) do. Two things differ, for speed: every
level works on the grid of the smallest picture, where a convolution costs a quarter of one on the
next grid, and it hands its features up, so that the next level starts where this one ended.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from translate.generators.registry import GENERATORS
from translate.layers.convolution import ResidualBlock, initialize
from translate.layers.resampling import PixelShuffle
from translate.tables import require


@GENERATORS.register("pyramid")
@dataclass(frozen=True)
class PyramidSpec:
    """Residual blocks on its grid, and from there to a picture ``scale`` times as large."""

    channels: int = 64
    """Of each block."""
    blocks: int = 5
    """Residual blocks."""
    unfold: int = 1
    """Pixels along a side that lie on one point of the grid: 1 for the first level, 2 for the
    second, which reads a picture twice as large."""
    scale: int = 2
    """How many times larger the result is, along a side."""

    def __post_init__(self) -> None:
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(self.blocks >= 0, "blocks", self.blocks, "0 or more")
        require(self.unfold in (1, 2, 4, 8), "unfold", self.unfold, "1, 2, 4, 8")
        require(self.scale in (1, 2, 3, 4), "scale", self.scale, "1, 2, 3, 4")

    @property
    def multiple(self) -> int:
        """Both sides of the picture must divide by this."""
        return self.unfold

    @property
    def features(self) -> int:
        """Channels of the features handed up."""
        return self.channels

    @property
    def reads_features_at(self) -> int:
        """Pixels of the picture on one point of the features from below, along one side."""
        return self.unfold

    @property
    def hands_features_at(self) -> int:
        """The same of the features handed up."""
        return self.unfold

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module for pictures of ``reads`` channels and ``features`` channels from below."""
        return PyramidLevel(self, reads, writes, features)


class PyramidLevel(nn.Module):
    """See `PyramidSpec`."""

    def __init__(self, spec: PyramidSpec, reads: int, writes: int, features: int) -> None:
        super().__init__()
        self.unfold = nn.PixelUnshuffle(spec.unfold)
        self.enter = nn.Conv2d(reads * spec.unfold**2 + features, spec.channels, 3, padding=1)
        initialize(self.enter)
        self.blocks = nn.Sequential(*(ResidualBlock(spec.channels) for _ in range(spec.blocks)))
        self.leave = PixelShuffle(spec.channels, writes, spec.unfold * spec.scale)
        # The residual starts near zero: the first picture is the enlarged one.
        self.leave.convolution.weight.data.mul_(0.1)

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [*self.blocks]

    def forward(self, picture: Tensor, features: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Residual and features.

        Args:
            picture: ``(N, C, u H, u W)`` in [-1, 1], ``u`` the spec's ``unfold``.
            features: ``(N, F, H, W)`` of the level below, where there is one.

        Returns:
            Residual ``(N, C, u s H, u s W)`` in units of the network's range, and features
            ``(N, channels, H, W)``.
        """
        unfolded = self.unfold(picture)
        if features is not None:
            unfolded = torch.cat([unfolded, features], dim=1)
        entered = self.enter(unfolded)
        ended = entered + self.blocks(entered)
        return self.leave(ended), ended
