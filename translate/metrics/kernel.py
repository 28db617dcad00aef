"""Kernel distance of two sets of features: no Gaussian is assumed, and no bias by their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchmetrics.image.kid import poly_mmd

from translate.metrics.frechet import check

SUBSETS, SIZE = 100, 1000
"""As in the authors' program."""


@dataclass(frozen=True)
class KernelDistance:
    """The mean over subsets, their standard deviation (0 of a single one), and what they were."""

    mean: float
    deviation: float
    subsets: int
    size: int


def kernel_distance(
    first: Tensor, second: Tensor, subsets: int = SUBSETS, size: int = SIZE, seed: int = 0
) -> KernelDistance:
    """Squared maximum mean discrepancy by the kernel ``(x.y / D + 1)^3``, unbiased.

    Of the features of Inception it is the KID (Binkowski et al. 2018, arXiv 1801.01401, section
    3.1; Gretton et al. 2012, equation 3). Unbiased means that sets of one origin come out around
    0, a little below it too.

    Args:
        first, second: ``(N, D)`` and ``(M, D)``; computed in float64.
        subsets: how many times the mean is taken over.
        size: items of each set in a subset, drawn without replacement, or as many as the smaller
            set has. Where that is all of both, there is one subset.
        seed: of the draw.

    Raises:
        ValueError: fewer than two items, another number of features, or one that is not finite.
    """
    check(first, second, least=2)
    first, second = first.double(), second.double()
    size = min(size, len(first), len(second))
    if size == len(first) == len(second):
        return KernelDistance(float(poly_mmd(first, second)), 0.0, 1, size)
    random = np.random.default_rng(seed)

    def draw(features: Tensor) -> Tensor:
        return features[torch.from_numpy(random.choice(len(features), size, replace=False))]

    values = [float(poly_mmd(draw(first), draw(second))) for _ in range(subsets)]
    return KernelDistance(float(np.mean(values)), float(np.std(values)), subsets, size)
