"""Writes the noise level map of a photograph.

The first stage of blind denoising, as the noise estimation of CBDNet (Guo et al. 2019,
arXiv 1807.04686, section 3.2): a plain chain of convolutions. It works on the picture unfolded by
``unfold`` and averages its answer over a window, because a level is estimated from many pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from translate.generators.registry import GENERATORS
from translate.layers.convolution import initialize
from translate.tables import require


@GENERATORS.register("level")
@dataclass(frozen=True)
class LevelSpec:
    """``depth`` convolutions of ``channels`` on the unfolded grid, then a mean over ``window``."""

    channels: int = 32
    """Of each convolution but the last."""
    depth: int = 5
    """How many convolutions there are."""
    unfold: int = 2
    """Pixels along a side that lie on one point of the grid."""
    window: int = 15
    """Side of the square of points over which the level is averaged."""

    def __post_init__(self) -> None:
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(self.depth >= 2, "depth", self.depth, "2 or more")
        require(self.unfold in (1, 2, 4), "unfold", self.unfold, "1, 2, 4")
        odd = self.window >= 1 and self.window % 2 == 1
        require(odd, "window", self.window, "an odd number of 1 or more")

    @property
    def multiple(self) -> int:
        """Both sides of the picture must divide by this."""
        return self.unfold

    scale = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module for pictures of ``reads`` channels."""
        return Level(self, reads, writes)


class Level(nn.Module):
    """See `LevelSpec`."""

    def __init__(self, spec: LevelSpec, reads: int, writes: int) -> None:
        super().__init__()
        self.scale = spec.unfold
        layers: list[nn.Module] = [nn.PixelUnshuffle(spec.unfold)]
        width = reads * spec.unfold**2
        for _ in range(spec.depth - 1):
            layers += [convolution := nn.Conv2d(width, spec.channels, 3, padding=1), nn.ReLU()]
            initialize(convolution)
            width = spec.channels
        self.estimate = nn.Sequential(*layers, nn.Conv2d(width, writes, 3, padding=1))
        # Counting only pixels inside the picture keeps the mean right at its edges. A mean over
        # columns of a mean over rows is the mean over the window, at a fraction of its cost.
        half = spec.window // 2
        self.average = nn.Sequential(
            nn.AvgPool2d((spec.window, 1), 1, (half, 0), count_include_pad=False),
            nn.AvgPool2d((1, spec.window), 1, (0, half), count_include_pad=False),
        )

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [self.estimate]

    def forward(self, picture: Tensor) -> Tensor:
        """``(N, C, H, W)`` in [-1, 1] -> ``(N, writes, H, W)`` in the same range."""
        level = self.average(self.estimate(picture))
        return functional.interpolate(level, scale_factor=float(self.scale), mode="nearest")
