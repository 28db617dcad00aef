"""Measures of restoration, on single pictures; means over pictures are the caller's.

Luma is BT.601 in studio range; the finest band is what the 5-tap binomial pyramid takes away.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from translate.losses.structure import WINDOW, ms_ssim_loss, similarity
from translate.pixels import to_bytes

Picture = NDArray[np.float32]
BLOCK = 32
"""Side of the blocks of `band_error`, in pixels."""
FLOOR = 0.25
"""Added to a block's energy, in squared 8-bit steps, so that flat blocks compare as equal."""


def luma(picture: NDArray[np.uint8]) -> Tensor:
    """``(H, W, 3)`` 8-bit RGB -> Y in 16..235 as ``(1, 1, H, W)`` float64; gray is scaled alike."""
    pixels = torch.from_numpy(np.ascontiguousarray(picture)).double()
    if pixels.shape[2] == 1:
        pixels = pixels.expand(-1, -1, 3)
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64) / 255
    return (pixels @ weights + 16)[None, None]


def measure(result: Picture, target: Picture, border: int = 0) -> dict[str, float]:
    """Every measure of one result.

    Args:
        result, target: ``(H, W, C)`` in [0, 1], the same size; rounded to 8 bits here.
        border: pixels cut from each side before measuring.

    Raises:
        ValueError: the sizes differ, or what is left is smaller than a window of `ssim`.
    """
    if result.shape != target.shape:
        raise ValueError(f"result is {result.shape}, target {target.shape}; they must be equal")
    cut = slice(border, -border or None)
    pixels, truth = to_bytes(result)[cut, cut], to_bytes(target)[cut, cut]
    height, width = truth.shape[:2]
    if min(height, width) < WINDOW:
        raise ValueError(
            f"{width}x{height} pixels are left to measure; at least {WINDOW}x{WINDOW} are needed"
        )
    luma_result, luma_truth = luma(pixels), luma(truth)
    band_result, band_truth = finest_band(luma_result), finest_band(luma_truth)
    return {
        "psnr_y": psnr(luma_result, luma_truth),
        "psnr_rgb": psnr(as_tensor(pixels), as_tensor(truth)),
        "ssim_y": ssim(luma_result, luma_truth),
        "band_energy": band_energy(band_result, band_truth),
        "band_error": band_error(band_result, band_truth),
    }


def as_tensor(picture: NDArray[np.uint8]) -> Tensor:
    """``(1, C, H, W)`` float64 on 0..255."""
    return torch.from_numpy(np.ascontiguousarray(picture)).double().permute(2, 0, 1)[None]


def psnr(result: Tensor, target: Tensor) -> float:
    """Peak signal-to-noise ratio in decibels of tensors on 0..255; 100 for equal ones."""
    if torch.equal(result, target):
        return 100.0
    return float(peak_signal_noise_ratio(result, target, data_range=255.0))


def ssim(result: Tensor, target: Tensor) -> float:
    """Structural similarity of tensors on 0..255, over the windows that lie inside the picture
    (Wang et al. 2004).
    """
    return float(similarity(result / 255, target / 255).mean())


def ms_ssim(result: Tensor, target: Tensor) -> float:
    """Multi-scale structural similarity of tensors on 0..255 (Wang et al. 2003, equation 7).

    Five scales need sides of 176 pixels or more; a smaller picture has as many as hold a window,
    so that only numbers of pictures of one size compare.

    Raises:
        ValueError: a side is shorter than the window of `ssim`.
    """
    return 1 - float(ms_ssim_loss(result / 255, target / 255))


def finest_band(picture: Tensor) -> Tensor:
    """Y - up(down(Y)) with the 5-tap binomial both ways, as ``cv2.pyrDown`` and ``cv2.pyrUp``."""
    pixels = picture[0, 0].numpy()
    height, width = pixels.shape
    low = cv2.pyrUp(cv2.pyrDown(pixels), dstsize=(width, height))
    return torch.from_numpy(pixels - low)


def band_energy(result: Tensor, target: Tensor) -> float:
    """Mean square of the finest band over that of the target."""
    return float(result.square().mean() / target.square().mean().clamp_min(1e-12))


def band_error(result: Tensor, target: Tensor) -> float:
    """Mean over blocks of ``|log2((e_result + 0.25) / (e_target + 0.25))|``.

    A band that is right in sum but stands in the wrong places fails here.
    """
    ratio = (blocks(result) + FLOOR) / (blocks(target) + FLOOR)
    return float(ratio.log2().abs().mean())


def blocks(band: Tensor) -> Tensor:
    """Mean square of each whole 32x32 block; one block where the picture is smaller."""
    height, width = band.shape
    rows, columns = height // BLOCK, width // BLOCK
    if not rows or not columns:
        return band.square().mean()[None]
    whole = band[: rows * BLOCK, : columns * BLOCK].square()
    return whole.reshape(rows, BLOCK, columns, BLOCK).mean(dim=(1, 3))
