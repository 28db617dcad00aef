"""Mixtures of Gaussians in the plane, and how much of one a generator has found."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.toys.ensemble import Draws


@dataclass(frozen=True)
class Mixture:
    """Equally likely round Gaussians.

    Args:
        centers: (x, y) of each.
        sigma: their standard deviation in each direction.
    """

    centers: tuple[tuple[float, float], ...]
    sigma: float

    def sample(self, draws: Draws, count: int) -> Tensor:
        """Points ``(S, count, 2)``."""
        centers = torch.tensor(self.centers)
        chosen = centers[draws.below(len(self.centers), count)]
        return chosen + self.sigma * draws.normal(count, 2)


def ring(modes: int = 8, radius: float = 2.0, sigma: float = 0.02) -> Mixture:
    """Centers on a circle (Metz et al. 2017, arXiv 1611.02163, section 3.1, appendix A)."""
    angles = [2 * math.pi * index / modes for index in range(modes)]
    return Mixture(tuple((radius * math.cos(a), radius * math.sin(a)) for a in angles), sigma)


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> Mixture:
    """Centers on a square grid around 0 (Lin et al. 2018, arXiv 1712.04086, section 4.1)."""
    line = [spacing * (index - (side - 1) / 2) for index in range(side)]
    return Mixture(tuple((x, y) for x in line for y in line), sigma)


HOLD = 0.01
"""Share of the points that makes a mode more than met by chance."""


@dataclass(frozen=True)
class Coverage:
    """What a sample has of a mixture (Lin et al. 2018, section 4)."""

    modes: int
    """Centers that are the nearest to at least one point of high quality."""
    held: int
    """Centers that hold at least `HOLD` of all points, near enough: not by a stray point."""
    quality: float
    """Share of points within three sigma of their nearest center."""


def coverage(points: Tensor, mixture: Mixture) -> Coverage:
    """Count modes and points of high quality in ``(N, 2)``; points that are not finite are none."""
    finite = points[points.isfinite().all(dim=1)]
    distance, nearest = torch.cdist(finite, torch.tensor(mixture.centers).to(finite)).min(dim=1)
    good = distance <= 3 * mixture.sigma
    counts = nearest[good].bincount()
    return Coverage(
        modes=int((counts > 0).sum()),
        held=int(((counts > 0) & (counts >= HOLD * len(points))).sum()),
        quality=float(good.sum()) / len(points),
    )
