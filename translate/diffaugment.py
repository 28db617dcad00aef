"""Differentiable augmentation for discriminators (Zhao et al. 2020, arXiv 2006.10738).

The operations and strengths of section 3.1 and of its official code, on the networks' range of
[-1, 1]. Nothing is clipped to that range: where it were, no gradient would reach the generator.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

SHIFT = 0.125
"""Furthest move, as a share of the side."""
CUT = 0.5
"""Sides of the rectangle that is cut out, as a share of the picture's."""


def color(pictures: Tensor) -> Tensor:
    """Brightness, then saturation, then contrast of each picture ``(N, C, H, W)``.

    Brightness is moved by up to 0.5; the distance of each channel from the gray of its pixel is
    multiplied by 0 to 2, and that of everything from the mean of the picture by 0.5 to 1.5.
    """
    pictures = pictures + uniform(pictures) - 0.5
    gray = pictures.mean(dim=1, keepdim=True)
    pictures = gray + (pictures - gray) * (2 * uniform(pictures))
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (pictures - mean) * (uniform(pictures) + 0.5)


def translation(pictures: Tensor) -> Tensor:
    """Each picture ``(N, C, H, W)`` moved by whole pixels; what comes in is 0."""
    count, _, height, width = pictures.shape
    rows, columns = (moved(count, side, pictures.device) for side in (height, width))
    # One row and column of zeros at each side, where every place beyond the picture is read.
    padded = functional.pad(pictures, (1, 1, 1, 1)).permute(0, 2, 3, 1)
    which = torch.arange(count, device=pictures.device)[:, None, None]
    return padded[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def moved(count: int, side: int, device: torch.device) -> Tensor:
    """Places that each picture's line of pixels is read from, padded by one: ``(N, side)``."""
    furthest = int(side * SHIFT + 0.5)
    shift = torch.randint(-furthest, furthest + 1, (count, 1), device=device)
    return (torch.arange(1, side + 1, device=device) + shift).clamp(0, side + 1)


def cutout(pictures: Tensor) -> Tensor:
    """A rectangle of half the sides set to 0 in each picture ``(N, C, H, W)``.

    Its center lies anywhere in the picture, so that parts of it may fall outside.
    """
    count, _, height, width = pictures.shape
    rows, columns = (cut(count, side, pictures.device) for side in (height, width))
    inside = rows[:, None, :, None] & columns[:, None, None, :]
    return pictures.masked_fill(inside, 0)


def cut(count: int, side: int, device: torch.device) -> Tensor:
    """Which of a line of pixels lie in each picture's cut: ``(N, side)``, bool."""
    length = int(side * CUT + 0.5)
    center = torch.randint(side + 1 - length % 2, (count, 1), device=device)
    places = torch.arange(side, device=device)
    first = center - length // 2
    return (places >= first) & (places < first + length)


def uniform(pictures: Tensor) -> Tensor:
    """One number in [0, 1) for each picture."""
    return torch.rand(len(pictures), 1, 1, 1, device=pictures.device, dtype=pictures.dtype)


AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}
