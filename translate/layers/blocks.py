"""Residual blocks that keep, halve or double the sides, and what their networks begin with.

Activation before convolution, as in the networks of Gulrajani et al. 2017 (arXiv 1704.00028) and
Miyato et al. 2018 (arXiv 1802.05957, appendix B), which ResNet19 and SAGAN follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from translate.layers.activation import Activation, activation
from translate.layers.normalization import (
    GeneratorNormalization,
    biased,
    constrain,
    constraint,
    convolution,
    normalize,
)
from translate.layers.sampling import Down, Up, down_convolution, up_convolution

Change = Literal["keep", "down", "up"]


@dataclass(frozen=True)
class BlockStyle:
    """What the blocks of one network have in common."""

    norm: GeneratorNormalization = "none"
    spectral: bool = False
    """Constrain the weights beside a ``norm`` of the features."""
    activation: Activation = "relu"
    slope: float = 0.2
    """Of the "leaky" activation below zero."""
    shortcut: int = 1
    """Side of the shortcut's kernel: 1 or 3."""
    centered: bool = False
    """A normalization stands behind the last block, so that biases of sums would be idle."""
    down: Down = "average"
    up: Up = "nearest"

    @property
    def weights(self) -> GeneratorNormalization:
        """What constrains the weights."""
        return weights(self.norm, self.spectral)


class Block(nn.Module):
    """Shortcut plus two convolutions, each behind normalization and activation.

    Sides are doubled by the first convolution and halved by the last. The shortcut changes them in
    the same way; one of kernel 1 enlarges or pools beside its convolution, as it has no kernel to
    do it with ("transposed" and "shuffle" then enlarge by repetition, "stride" pools the average),
    and is left out where neither width nor sides change. Under "equalized" the sum is divided by
    sqrt(3).

    Args:
        reads, writes: channels.
        style: of the network.
        change: what becomes of the sides.
        first: reads a picture, whose dark half an activation in front would cut away.
    """

    def __init__(
        self,
        reads: int,
        writes: int,
        style: BlockStyle,
        change: Change = "keep",
        first: bool = False,
    ) -> None:
        super().__init__()
        before: list[nn.Module] = []
        if not first:
            before = [*normalize(reads, style.norm), activation(style.activation, style.slope)]
        entering = resampling(reads, writes, "keep" if change == "down" else change, style)
        leaving = resampling(writes, writes, "keep" if change == "up" else change, style)
        beside = shortcut(reads, writes, change, style)
        if style.centered and not biased(style.norm):
            leaving, beside = without_bias(leaving), without_bias(beside)
        self.residual = nn.Sequential(
            *before,
            *normalized(entering, writes, style.norm),
            activation(style.activation, style.slope),
            *leaving,
        )
        self.shortcut = nn.Sequential(*beside)
        # Weights of He's size keep the variance behind a rectifier and double it beside: a chain of
        # such sums would saturate the tanh at the end.
        self.gain = 3**-0.5 if style.weights == "equalized" else 1.0

    def forward(self, features: Tensor) -> Tensor:
        """``(N, reads, H, W)`` -> ``(N, writes, H', W')``."""
        return self.gain * (self.shortcut(features) + self.residual(features))


def resampling(reads: int, writes: int, change: Change, style: BlockStyle) -> list[nn.Module]:
    """A convolution, of 3x3 where the sides are kept; nothing normalizes its output."""
    if change == "up":
        return up_convolution(reads, writes, style.up, style.weights)
    if change == "down":
        return down_convolution(reads, writes, style.down, style.weights)
    return convolution(reads, writes, 3, 1, 1, style.weights)


def shortcut(reads: int, writes: int, change: Change, style: BlockStyle) -> list[nn.Module]:
    """What stands beside the two convolutions of a block."""
    if style.shortcut == 3:
        return resampling(reads, writes, change, style)
    if change == "keep" and reads == writes:
        return []
    pointwise = convolution(reads, writes, 1, 1, 0, style.weights)
    # A convolution of 1x1 commutes with both changes (not with the maximum): on the smaller map.
    if change == "up":
        mode = "bilinear" if style.up == "bilinear" else "nearest"
        return [*pointwise, nn.Upsample(scale_factor=2, mode=mode)]
    if change == "down":
        return [nn.MaxPool2d(2) if style.down == "max" else nn.AvgPool2d(2), *pointwise]
    return pointwise


class Seed(nn.Module):
    """A dense layer that makes a small map of each point: where generators from noise begin.

    From a map of 1x1 it is the linear layer and the reshaping of the papers; of a larger map each
    point becomes ``side`` x ``side``, so that the network has one scale for every size.
    """

    def __init__(self, reads: int, writes: int, side: int, norm: GeneratorNormalization) -> None:
        super().__init__()
        self.dense = constrain(nn.Conv2d(reads, writes * side**2, 1), constraint(norm))
        self.arrange = nn.PixelShuffle(side)

    def forward(self, noise: Tensor) -> Tensor:
        """``(N, reads, H, W)`` -> ``(N, writes, side H, side W)``."""
        return self.arrange(self.dense(noise))


def weights(norm: GeneratorNormalization, spectral: bool) -> GeneratorNormalization:
    """What constrains the weights of a network that normalizes its features by ``norm``."""
    return "spectral" if spectral else constraint(norm)


def normalized(
    layers: list[nn.Module], channels: int, norm: GeneratorNormalization
) -> list[nn.Module]:
    """The layers, and what normalizes the features ``(N, channels, H, W)`` that they put out."""
    following = normalize(channels, norm)
    return [*without_bias(layers), *following] if following else layers


def without_bias(layers: list[nn.Module]) -> list[nn.Module]:
    """The same layers, their convolutions without a bias."""
    for layer in layers:
        for module in layer.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                module.register_parameter("bias", None)
    return layers
