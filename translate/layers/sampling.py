"""Ways to halve and to double the sides of a map, as specs name them."""

from __future__ import annotations

from typing import Literal

from torch import nn

from translate.layers.normalization import (
    GeneratorNormalization,
    biased,
    constrain,
    convolution,
    normalize,
    transposed_convolution,
)
from translate.layers.resampling import PixelShuffle

Down = Literal["stride", "average", "max"]
Up = Literal["transposed", "nearest", "bilinear", "shuffle"]


def down_convolution(
    reads: int, writes: int, how: Down, norm: GeneratorNormalization
) -> list[nn.Module]:
    """``(N, reads, H, W)`` -> ``(N, writes, H // 2, W // 2)``.

    "stride" is a 4x4 convolution of stride 2 (DCGAN, Radford et al. 2016, arXiv 1511.06434);
    "average" and "max" are a 3x3 convolution and 2x2 pooling. Features are normalized last.
    """
    if how == "stride":
        return convolution(reads, writes, 4, 2, 1, norm)
    layer, *normalizing = convolution(reads, writes, 3, 1, 1, norm)
    return [layer, nn.AvgPool2d(2) if how == "average" else nn.MaxPool2d(2), *normalizing]


def up_convolution(
    reads: int, writes: int, how: Up, norm: GeneratorNormalization
) -> list[nn.Module]:
    """``(N, reads, H, W)`` -> ``(N, writes, 2 H, 2 W)``.

    "transposed" is a 4x4 transposed convolution of stride 2: its kernels overlap evenly, yet the
    four phases of the output have weights of their own and differ from the start. "nearest" and
    "bilinear" enlarge and then convolve by 3x3 (Odena et al. 2016, "Deconvolution and Checkerboard
    Artifacts"). "shuffle" convolves to four times the channels and rearranges them into pixels;
    it starts with equal phases (see `PixelShuffle`).
    """
    if how == "transposed":
        return transposed_convolution(reads, writes, 4, 2, 1, norm)
    if how == "shuffle":
        return [shuffle(reads, writes, norm), *normalize(writes, norm)]
    enlarge = nn.Upsample(scale_factor=2, mode=how)
    return [enlarge, *convolution(reads, writes, 3, 1, 1, norm)]


def shuffle(reads: int, writes: int, norm: GeneratorNormalization) -> PixelShuffle:
    """The pixel shuffle by two with constrained weights, its four phases equal at the start."""
    module = PixelShuffle(reads, writes, 2)
    if not biased(norm):
        module.convolution.register_parameter("bias", None)
    constrain(module.convolution, norm, alike=4)
    return module
