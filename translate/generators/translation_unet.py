"""The U-Net of pix2pix (Isola et al. 2017, arXiv 1611.07004, sections 3.2.1 and 6.1.1).

The picture is halved ``depth`` times down to a bottleneck and doubled back; each level on the way
up reads what the way down put out at the same size, concatenated. The paper's is 8 levels deep with
batch normalization and dropout of 0.5. Its only source of randomness is that dropout, which here
acts in training alone: a stage that is to be random reads noise as further channels.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from translate.generators.registry import GENERATORS
from translate.layers.attention import SelfAttention
from translate.layers.blocks import Block, BlockStyle
from translate.layers.concatenation import side_by_side
from translate.layers.normalization import GeneratorNormalization, channels_last, constraint
from translate.layers.reminder import Expectation, Reminder
from translate.layers.sampling import Up, down_convolution, up_convolution
from translate.tables import require


@GENERATORS.register("pix2pix")
@dataclass(frozen=True)
class TranslationUNetSpec:
    """Halvings to a bottleneck, and doublings back, each of which reads the map of its size too."""

    channels: int = 64
    """After the first halving; twice as many after each, up to ``most`` times as many."""
    depth: int = 8
    """Halvings."""
    most: int = 8
    """Deep levels have at most this many times ``channels``."""
    norm: GeneratorNormalization = "instance"
    """Of features, not behind the first and the last layer and in the bottleneck, of which, where
    it is 1x1, instance normalization would leave nothing; ``spectral`` and ``equalized`` act on the
    weights of every layer."""
    up: Up = "transposed"
    """How maps double their side."""
    dropout: float = 0.0
    """Share of the features left out in training."""
    dropped: int = 3
    """How many layers on the way up it acts on, from the bottleneck; never the last."""
    attention: tuple[int, ...] = ()
    """Levels, counted from 1, behind whose halving self-attention stands."""
    blocks: int = 0
    """Residual blocks on each level of the way up, which mix what is concatenated there."""
    remind: bool = False
    """Tell the bottleneck and each level of the way up what was read, as further channels: for
    classes and noise, which normalization would wear away on their way down."""
    expect: int = 0
    """Cells along one side of a learned map of what to expect where, told to the same places: for
    whole pictures of one size, in which a class has a layout; 0 for none."""
    still: bool = False
    """Start by writing nothing, with the last layer at 0: for a stage that adds to what an earlier
    one has drawn, and would otherwise spoil it first."""

    def __post_init__(self) -> None:
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(2 <= self.depth <= 10, "depth", self.depth, "2 to 10")
        require(self.most >= 1, "most", self.most, "1 or more")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "0 up to 1")
        require(self.dropped >= 0, "dropped", self.dropped, "0 or more")
        require(self.blocks >= 0, "blocks", self.blocks, "0 or more")
        require(self.expect >= 0, "expect", self.expect, "0 or more")
        free = not self.still or constraint(self.norm) == "none"
        require(free, "still", self.still, f"false: norm = {self.norm!r} scales the last layer up")
        there = all(1 <= level <= self.depth for level in self.attention)
        require(there, "attention", self.attention, f"levels from 1 to {self.depth}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels that the halvings put out, the first one's first."""
        return tuple(self.channels * min(2**level, self.most) for level in range(self.depth))

    @property
    def multiple(self) -> int:
        """Both sides of the picture must divide by this."""
        return 2**self.depth

    scale = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module from ``reads`` to ``writes`` channels."""
        return TranslationUNet(self, reads, writes)


class TranslationUNet(nn.Module):
    """See `TranslationUNetSpec`."""

    def __init__(self, spec: TranslationUNetSpec, reads: int, writes: int) -> None:
        super().__init__()
        self.downs = nn.ModuleList(
            descent(spec, level, before, width)
            for level, (before, width) in enumerate(itertools.pairwise((reads, *spec.widths)), 1)
        )
        self.ups = nn.ModuleList(
            Ascent(spec, level, reads, writes) for level in range(spec.depth, 0, -1)
        )

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [*self.downs, *self.ups]

    def forward(self, picture: Tensor) -> Tensor:
        """``(N, reads, H, W)`` -> ``(N, writes, H, W)`` in [-1, 1]; sides multiples of 2^depth."""
        features, skips = picture, list[Tensor]()
        for down in self.downs:
            features = down(features)
            skips.append(features)
        # The bottleneck has nothing beside it.
        skips.pop()
        features = self.ups[0](features, None, picture)
        if channels_last(skips[-1]):
            # A map of 1x1 has no order that the layer behind it could keep.
            features = features.contiguous(memory_format=torch.channels_last)
        for up in self.ups[1:]:
            features = up(features, skips.pop(), picture)
        return features.tanh()


def descent(spec: TranslationUNetSpec, level: int, reads: int, writes: int) -> nn.Sequential:
    """From one level to the next smaller: ``(N, reads, H, W)`` -> ``(N, writes, H/2, W/2)``."""
    outer = constraint(spec.norm)
    norm = outer if level in (1, spec.depth) else spec.norm
    layers: list[nn.Module] = [] if level == 1 else [nn.LeakyReLU(0.2)]
    layers += down_convolution(reads, writes, "stride", norm)
    if level in spec.attention:
        layers.append(SelfAttention(writes, outer))
    return nn.Sequential(*layers)


class Ascent(nn.Module):
    """From one level to the next larger.

    Args:
        spec: of the network.
        level: that it starts from: ``spec.depth`` is the bottleneck, 1 the last before the picture.
        reads, writes: channels of the pictures.
    """

    def __init__(self, spec: TranslationUNetSpec, level: int, reads: int, writes: int) -> None:
        super().__init__()
        outer, inside = constraint(spec.norm), level < spec.depth
        width = spec.widths[level - 1]
        style = BlockStyle(spec.norm)
        self.mix = nn.Sequential()
        if inside and spec.blocks:
            self.mix.append(Block(2 * width, width, style))
            self.mix.extend(Block(width, width, style) for _ in range(spec.blocks - 1))
        elif inside:
            width *= 2
        self.reminder = Reminder(reads, width, 2**level, spec.norm) if spec.remind else None
        self.expectation = Expectation(reads, width, spec.expect) if spec.expect else None
        made = spec.widths[level - 2] if level > 1 else writes
        layers = up_convolution(width, made, spec.up, spec.norm if level > 1 else outer)
        if spec.dropout and level > max(1, spec.depth - spec.dropped):
            layers.append(nn.Dropout(spec.dropout))
        self.up = nn.Sequential(nn.ReLU(), *layers)
        if spec.still and level == 1:
            for weights in self.up.parameters():
                nn.init.zeros_(weights)

    def forward(self, features: Tensor, skip: Tensor | None, picture: Tensor) -> Tensor:
        """Features of this level -> of the next.

        Args:
            features: ``(N, width, H, W)`` from the level before.
            skip: the same shape, from the way down; None at the bottleneck.
            picture: ``(N, reads, 2^level H, 2^level W)``, as it was read.

        Returns:
            ``(N, width of the next level, 2 H, 2 W)``.
        """
        if skip is not None:
            features = self.mix(side_by_side(features, skip))
        if self.reminder is not None:
            features = self.reminder(features, picture)
        if self.expectation is not None:
            features = self.expectation(features, picture)
        return self.up(features)
