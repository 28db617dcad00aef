"""Resampling of pictures and maps, in forms that export to one exact graph."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


def upsample(picture: Tensor, scale: int) -> Tensor:
    """Enlarge ``(N, C, H, W)`` bilinearly by a whole factor, pixel centers aligned."""
    if scale == 1:
        return picture
    return functional.interpolate(
        picture, scale_factor=float(scale), mode="bilinear", align_corners=False
    )


def pad_to_multiple(picture: Tensor, multiple: int) -> Tensor:
    """Mirror the last rows and columns until both sides are multiples, at the bottom and right.

    A row that is repeated would be a stripe: noise that lies in it looks like something that was
    photographed, and costs a denoiser 0.04 to 0.13 dB of a 481x321 picture (``docs/models.md``).

    Indices are folded instead of calling ``pad``: the same two gathers serve every size in the
    exported graph, and a picture smaller than the padding, whose mirror image is mirrored again,
    needs no special case.
    """
    if multiple == 1:
        return picture
    rows, columns = (mirrored(side, multiple, picture.device) for side in picture.shape[-2:])
    return picture.index_select(2, rows).index_select(3, columns)


def mirrored(side: int, multiple: int, device: torch.device) -> Tensor:
    """0 to ``side`` - 1 and back to 0, forth again ..., as many as the next multiple of it."""
    # A tensor: the exporter knows no remainder of one by a size that varies.
    period = torch.full((1,), 2 * side, device=device)
    there = torch.arange(side + (-side) % multiple, device=device) % period
    return torch.minimum(there, period - 1 - there)


class PixelShuffle(nn.Module):
    """Convolution and sub-pixel rearrangement (Shi et al. 2016, arXiv 1609.05158, section 3.2).

    With ``smooth`` the kernels of the sub-pixels of one output channel start equal (ICNR,
    Aitken et al. 2017, arXiv 1707.02937, section 3.2), so the first output has no checkerboard.
    """

    def __init__(
        self, channels: int, outputs: int, scale: int, smooth: bool = True, bias: bool = True
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, outputs * scale * scale, 3, padding=1, bias=bias)
        self.shuffle = nn.PixelShuffle(scale)
        if bias:
            # One for each sub-pixel would draw the checkerboard again.
            nn.init.zeros_(cast(Tensor, self.convolution.bias))
        if smooth:
            with torch.no_grad():
                weight = self.convolution.weight
                weight.copy_(weight[:: scale * scale].repeat_interleave(scale * scale, dim=0))

    def forward(self, features: Tensor) -> Tensor:
        """``(N, channels, H, W)`` -> ``(N, outputs, scale H, scale W)``."""
        return self.shuffle(self.convolution(features))
