"""Diversity by draws: other noise should make another picture of the same scene.

Held against one truth by L1, a generator learns soonest to ignore its noise. Both forms ask how far
two pictures of one source lie apart for each unit that their noises do.
"""

from __future__ import annotations

import torch
from torch import Tensor

from translate.losses.adversarial import Mean
from translate.losses.precision import full

TINY = 1e-5
"""Added to a ratio before it is divided by, as in the code of Mao et al."""


def distances(one: Tensor, other: Tensor) -> Tensor:
    """Mean absolute difference of each item of two batches ``(N, ...)``: ``(N,)``."""
    return (full(one) - full(other)).abs().flatten(1).mean(dim=1)


def inverse_ratio(pictures: Tensor, noises: Tensor, mean: Mean = torch.mean) -> Tensor:
    """1 / (distance of pictures / distance of noises), of the means over the batch.

    Mode seeking (Mao et al. 2019, arXiv 1903.05628, section 3.2, minimized as in its code). It has
    no end: pictures are driven apart for as long as the other terms let them.

    Args:
        pictures, noises: `distances` of two draws, ``(N,)``.
        mean: over all devices, where a batch lies on several.
    """
    return 1 / (mean(pictures) / mean(noises) + TINY)


def below_bound(pictures: Tensor, noises: Tensor, bound: float) -> Tensor:
    """What each pair's ratio of distances lacks of a bound, 0 beyond it; the mean.

    Diversity-sensitive (Yang et al. 2019, arXiv 1901.09024, section 3, where the ratio is held
    below the bound and maximized: the same gradient).

    Args:
        pictures, noises: `distances` of two draws, ``(N,)``.
        bound: the ratio from which on more diversity earns nothing.
    """
    return (bound - pictures / noises).relu().mean()
