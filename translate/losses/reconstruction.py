"""Reconstruction terms: how far a picture is from its truth, as a mean over all elements."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from translate.losses.structure import (
    color_consistency,
    edge,
    ms_ssim_loss,
    ssim_loss,
    total_variation,
)
from translate.losses.texture import texture

CHARBONNIER_EPSILON = 1e-3


def l1(fake: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference."""
    return functional.l1_loss(fake, truth)


def l2(fake: Tensor, truth: Tensor) -> Tensor:
    """Mean squared difference."""
    return functional.mse_loss(fake, truth)


def charbonnier(fake: Tensor, truth: Tensor) -> Tensor:
    """Mean of sqrt(d^2 + epsilon^2), epsilon 1e-3 (Lai et al. 2017, arXiv 1704.03915, eq. 3)."""
    return ((fake - truth).square() + CHARBONNIER_EPSILON**2).sqrt().mean()


def variation(fake: Tensor, truth: Tensor) -> Tensor:
    """Total variation of the fake alone: it is smooth where this is small (Rudin et al. 1992)."""
    return total_variation(fake)


RECONSTRUCTION: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": l1,
    "l2": l2,
    "charbonnier": charbonnier,
    "ssim": ssim_loss,
    "ms_ssim": ms_ssim_loss,
    "edge": edge,
    "color": color_consistency,
    "texture": texture,
    "total_variation": variation,
}
"""Terms of pictures ``(N, C, H, W)`` in [0, 1] that need no setting: (fake, truth) -> scalar."""
