"""The ResNet19 discriminator of Kurach et al. 2019 (arXiv 1807.04720, table 3a), and for 32x32.

Residual blocks that halve the sides by average pooling, rectifier, mean over the map, a dense
layer: nineteen layers with the shortcuts, which are convolutions of 3x3 as in the authors' code.
The one for 32x32 is that of Miyato et al. 2018 (arXiv 1802.05957, table 4), with the mean where
they sum. The first block reads the picture as it is, like theirs: a rectifier in front, as the
code for [0, 1] has it, would cut away the lower half of [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from translate.discriminators.patch import Diversity, diversity, more
from translate.discriminators.registry import DISCRIMINATORS, Verdict
from translate.layers.activation import Activation, activation
from translate.layers.attention import SelfAttention
from translate.layers.blocks import Block, BlockStyle
from translate.layers.normalization import Normalization, constraint, linear
from translate.layers.sampling import Down
from translate.tables import require

WIDTHS = {32: (2, 2, 2, 2), 128: (1, 2, 4, 4, 8, 8)}
"""By size: of the blocks, in units of ``channels``."""
HALVINGS = {32: 2, 128: 6}
"""By size: how many blocks, from the first on, halve the sides."""


@DISCRIMINATORS.register("resnet19")
@dataclass(frozen=True)
class ResNet19Spec:
    """For pictures of ``size``."""

    size: int = 128
    channels: int = 64
    """Of the first block, for 128x128; half of every block's, for 32x32."""
    norm: Normalization = "spectral"
    """Not in front of the first block and behind the last, unless it constrains the weights."""
    down: Down = "average"
    activation: Activation = "relu"
    slope: float = 0.2
    attention: tuple[int, ...] = ()
    """Sides of the maps at which self-attention stands, behind the first block of that side."""
    diversity: Diversity = "none"
    """What of the batch is added to what the last block reads."""

    def __post_init__(self) -> None:
        require(self.size in WIDTHS, "size", self.size, "32, 128")
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(0 <= self.slope < 1, "slope", self.slope, "0 up to 1")
        there = set(self.attention) <= set(self.sides)
        allowed = f"sides of its maps: {sorted(set(self.sides))}"
        require(there, "attention", self.attention, allowed)

    @property
    def sides(self) -> list[int]:
        """Of the maps that the blocks put out."""
        halvings = HALVINGS[self.size]
        return [self.size >> min(index + 1, halvings) for index in range(len(WIDTHS[self.size]))]

    def build(self, reads: int) -> nn.Module:
        """The module for pictures of ``reads`` channels, condition included."""
        style = BlockStyle(
            self.norm,
            activation=self.activation,
            slope=self.slope,
            shortcut=3,
            down=self.down,
        )
        widths = [width * self.channels for width in WIDTHS[self.size]]
        return ResidualDiscriminator(
            reads, self.size, widths, self.sides, style, self.attention, self.diversity, "mean"
        )


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
