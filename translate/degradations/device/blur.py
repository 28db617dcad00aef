"""Blur in torch: each picture of a batch with a kernel of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from translate.degradations.blur import Kernel
from translate.degradations.device.work import Fields, SameSize


@dataclass(frozen=True)
class Convolve(SameSize):
    """Kernels of up to ``2 radius + 1`` pixels a side; smaller ones lie amid zeros.

    Where cuDNN rounds to TF32 a picture moves by less than 0.001.
    """

    radius: int

    def __call__(
        self, pictures: Tensor, numbers: Tensor, fields: Fields
    ) -> tuple[Tensor, Tensor | None]:
        # Importing kornia takes a second or two, which only those who degrade here pay.
        from kornia.filters import filter2d

        side = 2 * self.radius + 1
        kernels = numbers.view(-1, side, side)
        return filter2d(mirrored(pictures, self.radius), kernels, padding="valid"), None

    def numbers(self, kernel: Kernel) -> NDArray[np.float32]:
        """A kernel amid zeros, row by row."""
        return np.pad(kernel, self.radius - len(kernel) // 2).astype(np.float32).ravel()


def mirrored(pictures: Tensor, border: int) -> Tensor:
    """A border of mirrored pixels, the edge itself not repeated, however small the picture is."""
    for axis in (2, 3):
        last = pictures.shape[axis] - 1
        # Made on the device, as a copy would have to wait; padding by torch mirrors only once.
        places = torch.arange(-border, last + 1 + border, device=pictures.device)
        seen = last - (places.remainder(max(2 * last, 1)) - last).abs()
        pictures = pictures.index_select(axis, seen)
    return pictures
