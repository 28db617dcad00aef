"""The only place that knows value ranges.

Outside a network, pictures are floats in [0, 1]: in files' decoded views, in batches, between
stages, in the shipped file. Inside, a network sees [-1, 1]. Noise is never clipped, so values
outside the range pass through both ways.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""How much red, green and blue there is in gray (BT.601)."""
SIGMA_UNIT = 255.0
"""Noise strengths are told as a sigma on the scale 0..255; a map of them is a view in [0, 1]."""


def to_network(picture: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1], any shape."""
    return picture * 2 - 1


def from_network(picture: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1], any shape."""
    return (picture + 1) / 2


def to_floats(picture: NDArray[np.generic]) -> NDArray[np.float32]:
    """Integers of 8 or 16 bits -> float32 in [0, 1]; floats pass through as float32."""
    if picture.dtype == np.uint8:
        return picture.astype(np.float32) / np.float32(255)
    if picture.dtype == np.uint16:
        return picture.astype(np.float32) / np.float32(65535)
    return picture.astype(np.float32)


def to_bytes(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Floats in [0, 1] -> the nearest of 256 steps, clipped."""
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)


def to_batch(pictures: list[NDArray[np.float32]]) -> Tensor:
    """Equal-sized pictures ``(H, W, C)`` -> ``(N, C, H, W)``, channels last in memory."""
    stacked = torch.from_numpy(np.stack(pictures))
    return stacked.permute(0, 3, 1, 2)


def to_picture(batch: Tensor, index: int = 0) -> NDArray[np.float32]:
    """One picture ``(H, W, C)`` of a batch ``(N, C, H, W)``, in float32 on the host."""
    return batch[index].detach().float().cpu().permute(1, 2, 0).numpy()
