"""Frechet distance of two sets of features, each taken for a Gaussian."""

from __future__ import annotations

import torch
from torch import Tensor


def frechet_distance(first: Tensor, second: Tensor, correction: int = 1) -> float:
    """``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``: the squared distance, 0 for equal sets.

    Of the features of Inception it is the FID (Heusel et al. 2017, arXiv 1706.08500, equation 6;
    Dowson and Landau 1982). Covariances are divided by n - 1, as in the authors' program, unless
    ``correction`` says otherwise. The distance is biased upwards by a term that falls with the
    number of items, so that only distances of equal numbers compare.

    The trace of the root is taken without forming ``C1 C2``. With centered features ``A`` and ``B``
    over the roots of those divisors, ``C1 = A'A`` and ``C2 = B'B``; the eigenvalues of ``C1 C2``
    that are not 0 are those of ``(A B')' (A B')``, so the trace is the sum of the singular values
    of ``A B'``. Nothing is squared, no eigenvalue turns negative or complex by rounding, and sets
    with fewer items than features are no special case.

    Args:
        first, second: ``(N, D)`` and ``(M, D)``, N and M at least 2; computed in float64.
        correction: what is taken off n to divide covariances by, as `torch.cov` takes it.

    Raises:
        ValueError: fewer than two items, another number of features, or one that is not finite.
    """
    check(first, second, least=2)
    (mean, root), (other_mean, other_root) = (
        moments(features, correction) for features in (first, second)
    )
    spread = root.square().sum() + other_root.square().sum()
    shared = torch.linalg.svdvals(root @ other_root.T).sum()
    return max(0.0, float((mean - other_mean).square().sum() + spread - 2 * shared))


def moments(features: Tensor, correction: int) -> tuple[Tensor, Tensor]:
    """The mean ``(D,)`` and a root ``R`` with at most D rows, ``R'R`` the covariance."""
    features = features.double()
    mean = features.mean(dim=0)
    centered = (features - mean) / (len(features) - correction) ** 0.5
    # An orthogonal matrix in front changes neither R'R nor singular values of products.
    root = torch.linalg.qr(centered, mode="r").R if len(centered) > centered.shape[1] else centered
    return mean, root


def check(first: Tensor, second: Tensor, least: int) -> None:
    """Refuse features that cannot be compared.

    Raises:
        ValueError: as the measures say.
    """
    for features in (first, second):
        if features.ndim != 2 or len(features) < least:
            raise ValueError(
                f"features of a set are (N, D), N {least} or more; got {tuple(features.shape)}"
            )
        if not bool(features.isfinite().all()):
            raise ValueError("features hold NaN or infinity; look at the pictures they are of")
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"features of two networks do not compare: {first.shape[1]} and {second.shape[1]} wide"
        )
