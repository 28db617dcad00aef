"""The Frechet distance of two sets of features, each taken for a Gaussian."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def frechet_distance(ours: Floats, theirs: Floats) -> float:
    """Squared distance of two Gaussians fitted to features ``(N, D)`` and ``(M, D)``.

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`` (Dowson and Landau 1982, equation 4; Heusel et
    al. 2017, arXiv 1706.08500, equation 6), 0 where means and covariances are equal. The trace of
    the root is that of ``(C1^(1/2) C2 C1^(1/2))^(1/2)``, which is symmetric, so that it holds where
    there are fewer pictures than features too.

    Raises:
        ValueError: a set has fewer than two features, or they are of different lengths.
    """
    if min(len(ours), len(theirs)) < 2 or ours.shape[1:] != theirs.shape[1:]:
        raise ValueError(f"features are {ours.shape} and {theirs.shape}; expected two rows or more")
    first, second = (np.cov(features, rowvar=False, ddof=0) for features in (ours, theirs))
    first, second = np.atleast_2d(first), np.atleast_2d(second)
    root = square_root(first)
    shared = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(min=0)).sum()
    apart = ((ours.mean(axis=0) - theirs.mean(axis=0)) ** 2).sum()
    return float(max(0.0, apart + np.trace(first) + np.trace(second) - 2 * shared))


def square_root(covariance: Floats) -> Floats:
    """The symmetric root of a covariance ``(D, D)``."""
    variances, axes = np.linalg.eigh(covariance)
    return (axes * np.sqrt(variances.clip(min=0))) @ axes.T
