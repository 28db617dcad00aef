"""The ResNet19 generator of Kurach et al. 2019 (arXiv 1807.04720, table 3b), and that for 32x32.

Noise becomes a map of 4x4 by a dense layer and is doubled by residual blocks; normalization,
rectifier and a convolution end it. For 128x128 the widths are those of the table. The one for
32x32 is that of Miyato et al. 2018 (arXiv 1802.05957, table 4), as in the authors' code. Three
things are as that code has them or as this library needs them: shortcuts are convolutions of 3x3;
sides double by repetition, as in Miyato et al. (the code puts zeros between, which "transposed"
is like); the end is tanh for [-1, 1] in place of a sigmoid for [0, 1].
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from translate.generators.noise import NoiseSpec
from translate.generators.registry import GENERATORS
from translate.layers.activation import activation
from translate.layers.attention import SelfAttention
from translate.layers.blocks import Block, BlockStyle, Seed
from translate.layers.normalization import convolution, normalize

WIDTHS = {32: (4, 4, 4, 4), 128: (8, 8, 4, 4, 2, 1)}
"""By size: of the maps from 4x4 on, in units of ``channels``."""


@dataclass(frozen=True)
class ResidualSpec(NoiseSpec):
    """A generator of residual blocks."""

    shortcut: ClassVar[int]
    """Side of the kernel of the convolution beside a block."""

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module from ``reads`` channels of noise and labels to ``writes``."""
        style = BlockStyle(
            self.norm,
            self.spectral,
            self.activation,
            self.slope,
            shortcut=self.shortcut,
            centered=True,
            up=self.up,
        )
        return ResidualGenerator(reads, writes, self.widths, style, self.attention)


@GENERATORS.register("resnet19")
@dataclass(frozen=True)
class ResNet19Spec(ResidualSpec):
    """From a point of noise, and labels as further channels of it, to a picture of ``size``.

    The last map has ``channels``, for 128x128; for 32x32 every map has four times as many.
    """

    sizes: ClassVar[tuple[int, ...]] = tuple(WIDTHS)
    shortcut: ClassVar[int] = 3

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps from 4x4 on."""
        return tuple(width * self.channels for width in WIDTHS[self.size])


class ResidualGenerator(nn.Module):
    """A dense layer, residual blocks that double the sides, and a convolution.

    Args:
        reads, writes: channels.
        widths: of the maps from 4x4 on.
        style: of the blocks.
        attention: sides of the maps behind which self-attention stands.
    """

    def __init__(
        self,
        reads: int,
        writes: int,
        widths: Sequence[int],
        style: BlockStyle,
        attention: Sequence[int],
    ) -> None:
        super().__init__()
        side = 4
        layers: list[nn.Module] = [Seed(reads, widths[0], side, style.weights)]
        if side in attention:
            layers.append(SelfAttention(widths[0], style.weights))
        for before, width in itertools.pairwise(widths):
            layers.append(Block(before, width, style, "up"))
            side *= 2
            if side in attention:
                layers.append(SelfAttention(width, style.weights))
        self.layers = nn.Sequential(*layers)
        self.leave = nn.Sequential(
            *normalize(widths[-1], style.norm),
            activation(style.activation, style.slope),
            *convolution(widths[-1], writes, 3, 1, 1, style.weights),
        )

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [*list(self.layers)[1:], self.leave]

    def forward(self, noise: Tensor) -> Tensor:
        """``(N, reads, H, W)``, of 1x1 -> ``(N, writes, size H, size W)`` in [-1, 1]."""
        return self.leave(self.layers(noise)).tanh()
