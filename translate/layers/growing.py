"""Networks that grow while they are trained (Karras et al. 2018, arXiv 1710.10196, section 2).

A growing network is made whole. Training starts at its innermost level and adds the next one out
from phase to phase; a new level is faded in beside the one before. Pictures have their full size
all the time: below the full depth they are small ones enlarged by repetition, so that nothing else
has to know.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.tables import require

SIZES = (8, 16, 32, 64, 128, 256)


class GrowingSpec:
    """What the specs of growing networks share: their fields stay in the order of each."""

    size: int
    channels: int
    slope: float

    def __post_init__(self) -> None:
        level_widths(self.size, self.channels)
        require(0 <= self.slope < 1, "slope", self.slope, "0 up to 1")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps from 4x4 on."""
        return level_widths(self.size, self.channels)

    @property
    def depths(self) -> int:
        """Levels that phases can grow by: 4x4 is depth 1."""
        return len(self.widths)


class Growing(nn.Module):
    """A network of ``depths`` levels, each of twice the side of the one within.

    Fresh, loaded and exported it is at its full depth; depth and fading are no part of a
    checkpoint, since the training loop sets them at every step.

    Attributes:
        depths: how many levels there are.
        depth: how many of them work, from the innermost on.
        fading: whether the outermost of these is being faded in.
        alpha: its share, a scalar tensor.
    """

    alpha: Tensor

    def __init__(self, depths: int) -> None:
        super().__init__()
        self.depths = self.depth = depths
        self.fading = False
        # A tensor: a number would make torch.compile start anew at every step.
        self.register_buffer("alpha", torch.ones(()), persistent=False)

    def grow(self, depth: int, alpha: float = 1.0) -> None:
        """Work at a depth.

        Args:
            depth: 1 for the innermost level alone, 0 for all levels.
            alpha: share of the outermost level, in [0, 1]; the rest is the one within, enlarged.

        Raises:
            ValueError: there is no such depth.
        """
        if not 0 <= depth <= self.depths:
            raise ValueError(f"depth: got {depth}; the network has {self.depths} levels")
        self.depth = depth or self.depths
        self.fading = alpha < 1 and self.depth > 1
        self.alpha.fill_(alpha)

    def joining(self, depth: int) -> list[str]:
        """How the names of the parameters begin that work from a depth on, not at lesser ones.

        Lists of layers have one for each depth.
        """
        lists = (name for name, part in self.named_children() if isinstance(part, nn.ModuleList))
        return [f"{name}.{depth - 1}." for name in lists]

    def mixed(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """The outermost level at its share, over the one within."""
        return coarse + self.alpha * (fine - coarse)

    def reduced(self, picture: Tensor) -> Tensor:
        """``(N, C, H, W)`` of the full size -> the size of the depth, by means of squares."""
        return halved(picture, self.depths - self.depth)

    def enlarged(self, picture: Tensor) -> Tensor:
        """``(N, C, H, W)`` of the size of the depth -> the full size, by repetition."""
        return doubled(picture, self.depths - self.depth)

    def at_depth(self, picture: Tensor) -> Tensor:
        """A picture ``(N, C, H, W)`` of the full size as far as this depth can show it.

        While a level is faded in, real pictures lie between the two sizes as generated ones do
        (figure 2).
        """
        small = self.reduced(picture)
        if self.fading:
            small = self.mixed(doubled(halved(small)), small)
        return self.enlarged(small)


def halved(picture: Tensor, times: int = 1) -> Tensor:
    """``(N, C, H, W)`` -> ``(N, C, H / 2^times, W / 2^times)``, the means of squares."""
    return functional.avg_pool2d(picture, 2**times) if times else picture


def doubled(picture: Tensor, times: int = 1) -> Tensor:
    """``(N, C, H, W)`` -> ``(N, C, 2^times H, 2^times W)``, each pixel repeated."""
    if not times:
        return picture
    return functional.interpolate(picture, scale_factor=float(2**times), mode="nearest")


def level_widths(size: int, channels: int) -> tuple[int, ...]:
    """Channels of the maps from 4x4 to ``size``: up to 32x32 all, then halved with each doubling.

    Raises:
        TableError: the size is none there is, or the channels cannot be halved so often.
    """
    require(size in SIZES, "size", size, ", ".join(map(str, SIZES)))
    least = max(1, size // 32)
    require(channels >= 1 and channels % least == 0, "channels", channels, f"multiples of {least}")
    sides = [4, *(side for side in SIZES if side <= size)]
    return tuple(min(channels, channels * 32 // side) for side in sides)
