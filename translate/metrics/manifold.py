"""Precision and recall of a set of results: how many are real, and how much of reality is there."""

from __future__ import annotations

import torch
from torch import Tensor

from translate.metrics.frechet import check

NEIGHBORS = 3
"""As in the paper, section 3."""
ROWS = 1024
"""Distances of so many items to all others are held at once."""


def precision_recall(real: Tensor, made: Tensor, neighbors: int = NEIGHBORS) -> tuple[float, float]:
    """Share of results among the real items, and of real items among the results.

    Kynkaanniemi et al. 2019, arXiv 1904.06991, equations 1 and 2: an item lies among a set when it
    is within the ball of any of its items, whose radius is the distance to the item's ``neighbors``
    nearest other ones. Few items make large balls: only numbers of equal counts compare.

    Args:
        real, made: ``(N, D)`` and ``(M, D)``, more than ``neighbors`` each; computed in float64.
        neighbors: the k of the paper.

    Raises:
        ValueError: too few items, another number of features, or one that is not finite.
    """
    check(real, made, least=neighbors + 1)
    real, made = real.double(), made.double()
    return share_among(made, real, neighbors), share_among(real, made, neighbors)


def share_among(items: Tensor, others: Tensor, neighbors: int) -> float:
    """Share of the items within a ball of any of the others."""
    radii = torch.cat(
        [
            # An item is its own nearest, at a distance of 0.
            distances(part, others).kthvalue(neighbors + 1, dim=1).values
            for part in others.split(ROWS)
        ]
    )
    inside = [(distances(part, others) <= radii).any(dim=1) for part in items.split(ROWS)]
    return float(torch.cat(inside).double().mean())


def distances(items: Tensor, others: Tensor) -> Tensor:
    """Euclidean ``(N, M)``, from differences: products would round equal items apart."""
    return torch.cdist(items, others, compute_mode="donot_use_mm_for_euclid_dist")
