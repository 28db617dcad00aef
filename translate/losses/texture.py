"""Texture: how much fine structure of each orientation lies where, whatever its exact pixels.

Laws' texture energy (Laws 1980, "Textured Image Segmentation", USC-IPI 940): the picture through
small separable masks, squared, averaged over windows. Comparing patch by patch, rather than over
the whole picture, keeps the texture in its place (EnhanceNet, Sajjadi et al. 2017, arXiv
1612.07919, section 4.2.3, does so with Gram matrices of VGG features, which need trained weights).
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

WINDOW = 16
"""Side of the windows that energies are averaged over, in pixels; they overlap by half."""
FLOOR = 0.25 / 255**2
"""Added to an energy, a quarter of a squared 8-bit step, so that flat windows compare as equal."""


@cache
def laws_masks(dtype: torch.dtype | None = None, device: torch.device | None = None) -> Tensor:
    """The masks of level, edge and spot but level by level: ``(8, 1, 3, 3)``, each of norm 1."""
    level, edge, spot = (
        functional.normalize(torch.tensor(taps), dim=0)
        for taps in ([1.0, 2.0, 1.0], [-1.0, 0.0, 1.0], [-1.0, 2.0, -1.0])
    )
    pairs = [(rows, columns) for rows in (level, edge, spot) for columns in (level, edge, spot)]
    masks = torch.stack([torch.outer(rows, columns) for rows, columns in pairs[1:]])[:, None]
    # Kept there: a copy at each use would make a GPU wait.
    return masks.to(device, dtype)


def texture_energy(picture: Tensor) -> Tensor:
    """Mean squared responses to Laws' masks: ``(N, C, H, W)`` -> ``(N, 8, H', W')``.

    Colors are averaged first: fine structure is one of lightness. A picture smaller than a window
    is one window.
    """
    gray = picture.mean(dim=1, keepdim=True)
    responses = functional.conv2d(gray, laws_masks(gray.dtype, gray.device))
    window = min(WINDOW, *responses.shape[2:])
    return functional.avg_pool2d(responses.square(), window, max(1, window // 2))


def texture(fake: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute log-ratio of the texture energies of windows; 0 where they are equal.

    Args:
        fake, truth: ``(N, C, H, W)`` in [0, 1], at least 3x3.
    """
    energies = (texture_energy(picture) + FLOOR for picture in (fake, truth))
    log_fake, log_truth = (energy.log() for energy in energies)
    return functional.l1_loss(log_fake, log_truth)
