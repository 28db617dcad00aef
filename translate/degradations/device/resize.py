"""Changes of size in torch, by the kernels of Pillow and OpenCV."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import torch
from torch import Tensor
from torch.nn import functional

from translate.degradations.device.work import Fields, as_byte, in_bytes
from translate.degradations.resize import reduced_size
from translate.degradations.step import Size


@dataclass(frozen=True)
class Reduce:
    """By a whole factor, as Pillow does it; there are no numbers."""

    scale: int

    def after(self, size: Size) -> Size:
        """Both sides must be multiples of the scale."""
        return reduced_size(size, self.scale)

    def __call__(
        self, pictures: Tensor, numbers: Tensor, fields: Fields
    ) -> tuple[Tensor, Tensor | None]:
        return reduce(pictures, self.scale), None


@dataclass(frozen=True)
class Resample:
    """To a size by one of OpenCV's kernels; there are no numbers."""

    size: Size
    kernel: int

    def after(self, size: Size) -> Size:
        """The one that was drawn."""
        return self.size

    def __call__(
        self, pictures: Tensor, numbers: Tensor, fields: Fields
    ) -> tuple[Tensor, Tensor | None]:
        if tuple(pictures.shape[-2:]) == self.size:
            return pictures, None
        if self.kernel == cv2.INTER_AREA:
            return by_area(pictures, self.size), None
        mode = "bilinear" if self.kernel == cv2.INTER_LINEAR else "bicubic"
        return functional.interpolate(pictures, self.size, mode=mode, align_corners=False), None


def reduce(pictures: Tensor, scale: int) -> Tensor:
    """Reduce ``(N, C, H, W)`` with Pillow's BICUBIC, through 8 bits as files are.

    Torch's antialiased kernel is Pillow's, a = -0.5. Pillow resizes the rows first and rounds what
    comes of them, so both are done one after the other here.
    """
    height, width = pictures.shape[-2:]
    after = reduced_size((height, width), scale)

    def resized(values: Tensor) -> Tensor:
        for size in ((height, after[1]), after):
            values = as_byte(
                functional.interpolate(
                    values, size, mode="bicubic", align_corners=False, antialias=True
                )
            )
        return values

    return in_bytes(pictures, resized)


def by_area(pictures: Tensor, size: Size) -> Tensor:
    """Each new pixel is the mean of the old ones beneath it (OpenCV's ``INTER_AREA``).

    Torch's own ``area`` takes whole pixels alone, and so differs wherever the factor is not whole.
    """
    rows, columns = (
        overlaps(before, after, pictures)
        for before, after in zip(pictures.shape[-2:], size, strict=True)
    )
    return rows @ pictures @ columns.T


def overlaps(before: int, after: int, pictures: Tensor) -> Tensor:
    """``(after, before)``: the share of each new pixel that each old one covers.

    It is made on the device of ``pictures``, as a copy would have to wait.
    """
    step = before / after
    old = torch.arange(before, dtype=pictures.dtype, device=pictures.device)
    new = torch.arange(after, dtype=pictures.dtype, device=pictures.device)[:, None] * step
    covered = torch.minimum(new + step, old + 1) - torch.maximum(new, old)
    shares = covered.clamp(min=0)
    return shares / shares.sum(dim=1, keepdim=True)
