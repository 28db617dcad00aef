"""What saving does, in torch: lossy compression, and rounding to the 256 steps of a file."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from translate.degradations.device.work import Fields, SameSize, as_byte, in_bytes

BRIGHTNESS = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
COLOR = np.full((8, 8), 99)
COLOR[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
"""Steps of the coefficients at quality 50 (ITU-T T.81, tables K.1 and K.2)."""


@dataclass(frozen=True)
class Compress(SameSize):
    """JPEG with chroma at half resolution, as libjpeg encodes and decodes it.

    The numbers are the steps by which the coefficients are divided, of brightness and of color.
    `kornia.enhance.jpeg_codec_differentiable` is not fit for it: so that gradients pass, it rounds
    to ``round(x) + (x - round(x))^3``, and its damage is 0.4 to 0.9 dB less than a file's.
    """

    def __call__(
        self, pictures: Tensor, numbers: Tensor, fields: Fields
    ) -> tuple[Tensor, Tensor | None]:
        brightness, color = numbers.view(-1, 2, 1, 1, 1, 8, 8).unbind(1)

        def saved(values: Tensor) -> Tensor:
            height, width = values.shape[-2:]
            missing = (0, -width % 16, 0, -height % 16)
            values = functional.pad(values, missing, mode="replicate")
            if values.shape[1] == 1:
                return coded(values, brightness)[..., :height, :width]
            luma, chroma = to_chroma(values)
            luma = coded(luma, brightness)
            chroma = coded(as_byte(functional.avg_pool2d(chroma, 2)), color)
            # Decoders mirror what the picture has, not what its last block was filled with.
            chroma = chroma[..., : (height + 1) // 2, : (width + 1) // 2]
            chroma = functional.interpolate(
                chroma, scale_factor=2, mode="bilinear", align_corners=False
            ).round()
            return from_chroma(luma[..., :height, :width], chroma[..., :height, :width])

        return in_bytes(pictures, saved), None

    def numbers(self, quality: int) -> NDArray[np.float32]:
        """Of a quality of 1 to 100, as libjpeg scales its tables."""
        percent = 5000 // quality if quality < 50 else 200 - 2 * quality
        tables = (np.stack([BRIGHTNESS, COLOR]) * percent + 50) // 100
        return tables.clip(1, 255).astype(np.float32).ravel()


@dataclass(frozen=True)
class Round(SameSize):
    """To the nearest of 256 steps, clipped; there are no numbers."""

    def __call__(
        self, pictures: Tensor, numbers: Tensor, fields: Fields
    ) -> tuple[Tensor, Tensor | None]:
        return in_bytes(pictures), None


def coded(planes: Tensor, steps: Tensor) -> Tensor:
    """Planes ``(N, C, H, W)`` of 0..255 after their coefficients were rounded.

    Args:
        planes: both sides multiples of 8.
        steps: ``(N, 1, 1, 1, 8, 8)``, by which coefficients are divided.
    """
    waves = cosines(planes)
    blocks = (planes - 128).unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4)
    kept = (waves @ blocks @ waves.T / steps).round() * steps
    blocks = waves.T @ kept @ waves
    return as_byte(blocks.transpose(3, 4).flatten(4, 5).flatten(2, 3) + 128)


def cosines(planes: Tensor) -> Tensor:
    """The orthonormal cosine transform of 8 values ``(8, 8)``, a wave each row (T.81, A.3.3)."""
    places = torch.arange(8, dtype=planes.dtype, device=planes.device)
    waves = torch.cos((2 * places + 1) * places[:, None] * (math.pi / 16)) / 2
    return torch.where(places[:, None] == 0, math.sqrt(1 / 8), waves)


def to_chroma(values: Tensor) -> tuple[Tensor, Tensor]:
    """Red, green and blue of 0..255 -> brightness and the two differences of color (JFIF)."""
    red, green, blue = values.split(1, dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    bluish = (blue - luma) / 1.772 + 128
    reddish = (red - luma) / 1.402 + 128
    return as_byte(luma), as_byte(torch.cat([bluish, reddish], dim=1))


def from_chroma(luma: Tensor, chroma: Tensor) -> Tensor:
    """Back to red, green and blue of 0..255."""
    bluish, reddish = (chroma - 128).split(1, dim=1)
    red, blue = luma + 1.402 * reddish, luma + 1.772 * bluish
    green = (luma - 0.299 * red - 0.114 * blue) / 0.587
    return as_byte(torch.cat([red, green, blue], dim=1))
