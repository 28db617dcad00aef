"""Terms that compare neighborhoods, not pixels: structure, smoothness, edges, blurred colors.

Pictures are ``(N, C, H, W)`` in [0, 1]; values outside pass through.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics.functional.image import structural_similarity_index_measure

from translate.constants import constant
from translate.losses.precision import full, outside_autocast

WINDOW = 11
"""Side of the Gaussian window of `ssim_loss`, in pixels."""
SIGMA = 1.5
"""Its standard deviation."""
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, the finest first (Wang et al. 2003, section 3.2)."""
LEAST = 1e-4
"""What a similarity counts for at least: powers of negative numbers are none, and that of 0 has an
infinite derivative."""
COLOR_SIGMA = math.sqrt(3)
"""Blur of `color_consistency`, in pixels. The paper's Gaussian is exp(-k^2 / (2 * 3) ...) over
2 pi * 3 = 1 / 0.053: its "sigma = 3" is the variance."""


def ssim_loss(fake: Tensor, truth: Tensor) -> Tensor:
    """1 - SSIM, 11x11 Gaussian of sigma 1.5 (Wang et al. 2004, IEEE TIP 13(4), equation 13).

    Channel by channel, over the windows that lie inside the picture.

    Raises:
        ValueError: a side is shorter than the window.
    """
    fits(fake)
    return 1 - similarity(fake, truth).mean()


def ms_ssim_loss(fake: Tensor, truth: Tensor) -> Tensor:
    """1 - MS-SSIM (Wang, Simoncelli and Bovik 2003, "Multi-scale structural similarity", eq. 7).

    Five scales need sides of 176 pixels or more. A smaller picture has as many as hold a window,
    from the finest, and their exponents are scaled to the same sum of 1; with one scale this is
    ``ssim``.

    Raises:
        ValueError: a side is shorter than the window.
    """
    return 1 - ms_ssim(fake, truth, LEAST).mean()


def ms_ssim(fake: Tensor, truth: Tensor, least: float = 0.0) -> Tensor:
    """MS-SSIM of each picture, with the scales of `ms_ssim_loss`: ``(N,)``.

    Args:
        fake, truth: ``(N, C, H, W)``.
        least: what the similarity at a scale counts for at least, since powers of negative numbers
            are none.

    Raises:
        ValueError: a side is shorter than the window.
    """
    fits(fake)
    # One factor for each scale and picture, mean over windows, as the paper's.
    count = scales(fake.shape[2], fake.shape[3])
    factors: list[Tensor] = []
    for scale in range(count):
        last = scale == count - 1
        factor = similarity(fake, truth) if last else contrast(fake, truth)
        factors.append(factor.clamp_min(least))
        fake, truth = functional.avg_pool2d(fake, 2), functional.avg_pool2d(truth, 2)
    similarities = torch.stack(factors)
    weights = constant(SCALE_WEIGHTS[:count], similarities.dtype, similarities.device)
    return (similarities ** (weights / weights.sum())[:, None]).prod(dim=0)


def scales(height: int, width: int) -> int:
    """How many scales, each half the one before, hold a window; at most five."""
    side = min(height, width)
    return sum(side >> scale >= WINDOW for scale in range(len(SCALE_WEIGHTS)))


def fits(picture: Tensor) -> None:
    """Raises a ValueError where a picture holds no window."""
    height, width = picture.shape[2:]
    if min(height, width) < WINDOW:
        raise ValueError(
            f"structural similarity needs {WINDOW}x{WINDOW} pixels or more; "
            f"the picture has {width}x{height}"
        )


def similarity(fake: Tensor, truth: Tensor) -> Tensor:
    """SSIM of each picture: ``(N,)``.

    Over the windows that lie inside: the library's own mean counts what it mirrored at the border.
    """
    fake, truth = full(fake), full(truth)
    # A variance is a small difference of large squares, of which half precision leaves nothing.
    with outside_autocast(fake):
        _, everywhere = structural_similarity_index_measure(
            fake, truth, sigma=SIGMA, kernel_size=WINDOW, data_range=1.0, return_full_image=True
        )
    inside = slice(WINDOW // 2, -(WINDOW // 2))
    return everywhere[..., inside, inside].flatten(1).mean(dim=1)


def contrast(fake: Tensor, truth: Tensor) -> Tensor:
    """The contrast and structure parts of SSIM, without lightness: ``(N,)``."""
    fake, truth = full(fake), full(truth)
    with outside_autocast(fake):
        _, parts = structural_similarity_index_measure(
            fake,
            truth,
            sigma=SIGMA,
            kernel_size=WINDOW,
            data_range=1.0,
            return_contrast_sensitivity=True,
        )
    return parts


def total_variation(fake: Tensor) -> Tensor:
    """|d/dx| + |d/dy| by differences of neighbors, per element (Rudin, Osher and Fatemi 1992).

    The anisotropic form: the sum of absolute differences over the number of elements.
    """
    across = (fake[..., :, 1:] - fake[..., :, :-1]).abs().sum()
    down = (fake[..., 1:, :] - fake[..., :-1, :]).abs().sum()
    return (across + down) / fake.numel()


def edge(fake: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of the Laplacians.

    Zamir et al. 2021 (MPRNet), arXiv 2102.02808, section 3, compare Laplacians by a Charbonnier
    distance; here by L1.
    """
    # The Laplacian is linear, so that one of the difference does.
    return laplacian(fake - truth).abs().mean()


def laplacian(picture: Tensor) -> Tensor:
    """Sum of the four neighbors minus four times the pixel, edges repeated: same shape."""
    padded = functional.pad(picture, (1, 1, 1, 1), mode="replicate")
    beside = padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]
    return beside + padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] - 4 * picture


def color_consistency(fake: Tensor, truth: Tensor, sigma: float = COLOR_SIGMA) -> Tensor:
    """Mean squared difference of the blurred pictures, which is left when texture is blurred away.

    Ignatov et al. 2017 (DPED), arXiv 1704.02470, section 3.1.1.

    Args:
        fake, truth: ``(N, C, H, W)``.
        sigma: standard deviation of the Gaussian, in pixels.

    Raises:
        ValueError: ``sigma`` is not above 0.
    """
    return blur(fake - truth, sigma).square().mean()


def blur(picture: Tensor, sigma: float) -> Tensor:
    """Gaussian blur up to four standard deviations, edges repeated: same shape."""
    if not sigma > 0:
        raise ValueError(f"sigma: got {sigma!r}; it must be above 0")
    radius = math.ceil(4 * sigma)
    offsets = torch.arange(-radius, radius + 1, dtype=picture.dtype, device=picture.device)
    taps = (-offsets.square() / (2 * sigma**2)).exp()
    taps = taps / taps.sum()
    # One channel at a time, down and then across.
    planes = picture.flatten(0, 1)[:, None]
    planes = functional.pad(planes, (radius, radius, radius, radius), mode="replicate")
    planes = functional.conv2d(planes, taps[None, None, :, None])
    return functional.conv2d(planes, taps[None, None, None, :]).view_as(picture)
