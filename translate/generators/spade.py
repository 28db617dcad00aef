"""The generator of SPADE (Park et al. 2019, arXiv 1903.07291, section 3.1 and appendix A).

There is no way down: a small map, made of what is read at a fraction of its size, is doubled block
by block, and each block is told what is read at its own size. What is read is the label map: all
channels of it, one-hot labels, noise planes, or a picture.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from translate.generators.registry import GENERATORS
from translate.layers.blocks import without_bias
from translate.layers.normalization import convolution
from translate.layers.spade import Constraint, SpadeBlock, shrink
from translate.tables import require


@GENERATORS.register("spade")
@dataclass(frozen=True)
class SpadeSpec:
    """One block on the smallest map and one behind each doubling; the paper's has 5 doublings.

    Channels are 1024, 1024, 512, 256, 128 and 64, as in the paper (whose code has a seventh block,
    a second one behind the first doubling).
    """

    channels: int = 64
    """At the picture's size; twice as many on each map of half the side."""
    doublings: int = 5
    """Of the side, from the smallest map on."""
    most: int = 16
    """Small maps have at most this many times ``channels``."""
    hidden: int = 128
    """Channels between the label map and each normalization's scale and shift."""
    norm: Constraint = "spectral"
    """Of the blocks' convolutions."""

    def __post_init__(self) -> None:
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(1 <= self.doublings <= 8, "doublings", self.doublings, "1 to 8")
        require(self.most >= 1, "most", self.most, "1 or more")
        require(self.hidden >= 1, "hidden", self.hidden, "1 or more")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels that the blocks put out, the smallest map's first."""
        halvings = range(self.doublings, -1, -1)
        return tuple(self.channels * min(2**power, self.most) for power in halvings)

    @property
    def multiple(self) -> int:
        """Both sides of the label map must divide by this."""
        return 2**self.doublings

    scale = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module from label maps of ``reads`` channels to pictures of ``writes``."""
        return SpadeGenerator(self, reads, writes)


class SpadeGenerator(nn.Module):
    """See `SpadeSpec`."""

    def __init__(self, spec: SpadeSpec, reads: int, writes: int) -> None:
        super().__init__()
        self.multiple = spec.multiple
        [self.enter] = without_bias(convolution(reads, spec.widths[0], 3, 1, 1, "none"))
        self.blocks = nn.ModuleList(
            SpadeBlock(before, width, reads, spec.hidden, spec.norm)
            for before, width in itertools.pairwise((spec.widths[0], *spec.widths))
        )
        [self.leave] = convolution(spec.widths[-1], writes, 3, 1, 1, "none")

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [*self.blocks]

    def forward(self, labels: Tensor) -> Tensor:
        """``(N, reads, H, W)`` in [-1, 1], sides multiples of the spec's -> ``(N, writes, H, W)``.

        The picture is in [-1, 1].
        """
        # Averages tell the start of noise planes as well, which single pixels would not.
        features = self.enter(functional.avg_pool2d(labels, self.multiple))
        factor = self.multiple
        for block in self.blocks:
            if factor < self.multiple:
                features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = block(features, shrink(labels, factor))
            factor //= 2
        return self.leave(functional.leaky_relu(features, 0.2)).tanh()
