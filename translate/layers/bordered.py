"""Convolutions over a border of repeated pixels: what the networks of Johnson et al. are made of.

Johnson et al. 2016 (arXiv 1603.08155, supplementary material), CycleGAN (Zhu et al. 2017, arXiv
1703.10593, section 7.2) and pix2pixHD mirror the picture at its edges, since zeros there show as a
frame. Mirroring needs a map larger than its border, and a small picture halved a few times has
none; repeating the last pixel avoids the frame as well and works on a map of 1x1.
"""

from __future__ import annotations

from torch import Tensor, nn

from translate.layers.normalization import GeneratorNormalization, convolution


def bordered_convolution(
    reads: int, writes: int, size: int, norm: GeneratorNormalization
) -> list[nn.Module]:
    """``(N, reads, H, W)`` -> ``(N, writes, H, W)`` by a kernel of odd ``size``, normalized."""
    return [nn.ReplicationPad2d(size // 2), *convolution(reads, writes, size, 1, 0, norm)]


class BorderedBlock(nn.Module):
    """x plus two normalized 3x3 convolutions with a rectifier between them, none behind the sum.

    Under "equalized" the sum is divided by sqrt(3), as in `translate.layers.blocks.Block`.
    """

    def __init__(self, channels: int, norm: GeneratorNormalization) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *bordered_convolution(channels, channels, 3, norm),
            nn.ReLU(),
            *bordered_convolution(channels, channels, 3, norm),
        )
        self.gain = 3**-0.5 if norm == "equalized" else 1.0

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, H, W)`` -> the same shape."""
        return self.gain * (features + self.residual(features))
