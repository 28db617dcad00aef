"""The ResNet19 discriminator of Kurach et al. 2019 (arXiv 1807.04720, table 3a), and for 32x32.

Residual blocks that halve the sides by average pooling, rectifier, mean over the map, a dense
layer: nineteen layers with the shortcuts, which are convolutions of 3x3 as in the authors' code.
The one for 32x32 is that of Miyato et al. 2018 (arXiv 1802.05957, table 4), with the mean where
they sum. The first block reads the picture as it is, like theirs: a rectifier in front, as the
code for [0, 1] has it, would cut away the lower half of [-1, 1].
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from translate.discriminators.patch import Diversity, diversity, more
from translate.discriminators.registry import DISCRIMINATORS, Verdict
from translate.discriminators.sized import SizedSpec
from translate.layers.activation import activation
from translate.layers.attention import SelfAttention
from translate.layers.blocks import Block, BlockStyle
from translate.layers.normalization import constraint, linear

WIDTHS = {32: (2, 2, 2, 2), 128: (1, 2, 4, 4, 8, 8)}
"""By size: of the blocks, in units of ``channels``."""
HALVINGS = {32: 2, 128: 6}
"""By size: how many blocks, from the first on, halve the sides."""


@dataclass(frozen=True)
class ResidualSpec(SizedSpec):
    """A discriminator of residual blocks."""

    shortcut: ClassVar[int]
    """Side of the kernel of the convolution beside a block."""
    pool: ClassVar[Literal["mean", "sum"]]
    """Over the last map."""

    @property
    @abstractmethod
    def widths(self) -> list[int]:
        """Channels of the maps that the blocks put out."""

    def build(self, reads: int) -> nn.Module:
        """The module for pictures of ``reads`` channels, condition included."""
        style = BlockStyle(
            self.norm,
            activation=self.activation,
            slope=self.slope,
            shortcut=self.shortcut,
            down=self.down,
        )
        return ResidualDiscriminator(
            reads,
            self.size,
            self.widths,
            self.sides,
            style,
            self.attention,
            self.diversity,
            self.pool,
        )


@DISCRIMINATORS.register("resnet19")
@dataclass(frozen=True)
class ResNet19Spec(ResidualSpec):
    """For pictures of ``size``.

    The first block has ``channels``, for 128x128; for 32x32 every block has twice as many.
    """

    sizes: ClassVar[tuple[int, ...]] = tuple(WIDTHS)
    shortcut: ClassVar[int] = 3
    pool: ClassVar[Literal["mean", "sum"]] = "mean"

    @property
    def sides(self) -> list[int]:
        """Of the maps that the blocks put out."""
        halvings = HALVINGS[self.size]
        return [self.size >> min(index + 1, halvings) for index in range(len(WIDTHS[self.size]))]

    @property
    def widths(self) -> list[int]:
        """Channels of the maps that the blocks put out."""
        return [width * self.channels for width in WIDTHS[self.size]]


class ResidualDiscriminator(nn.Module):
    """Residual blocks, a mean or a sum over the map, and a dense layer.

    Args:
        reads: channels of the picture, condition included.
        size: side of the picture.
        widths: channels that the blocks put out.
        sides: of the maps that they put out.
        style: of the blocks.
        attention: sides of the maps behind which self-attention stands.
        kind: what of the batch is added to what the last block reads.
        pool: over the last map.
    """

    def __init__(
        self,
        reads: int,
        size: int,
        widths: Sequence[int],
        sides: Sequence[int],
        style: BlockStyle,
        attention: Sequence[int],
        kind: Diversity,
        pool: Literal["mean", "sum"],
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for index, (width, side) in enumerate(zip(widths, sides, strict=True)):
            layer: list[nn.Module] = []
            # Before the last block, which so can weigh it against the picture's own features.
            if index == len(widths) - 1 and (seen := diversity(kind, reads)) is not None:
                layer.append(seen)
                reads += more(seen)
            change = "down" if side < size else "keep"
            layer.append(Block(reads, width, style, change, first=index == 0))
            if side in attention and side < size:
                layer.append(SelfAttention(width, style.weights))
            self.layers.append(nn.Sequential(*layer))
            reads, size = width, side
        self.activation = activation(style.activation, style.slope)
        self.pool = pool
        self.leave = nn.Sequential(*linear(reads, 1, constraint(style.norm)))

    def forward(self, picture: Tensor) -> Verdict:
        """``(N, reads, size, size)`` -> one logit ``(N, 1)``.

        The features are what the blocks put out, and at last the pooled ones.
        """
        features: list[Tensor] = []
        made = picture
        for layer in self.layers:
            made = layer(made)
            features.append(made)
        made = self.activation(made)
        made = made.mean(dim=(2, 3)) if self.pool == "mean" else made.sum(dim=(2, 3))
        return Verdict((self.leave(made),), (*features, made))
