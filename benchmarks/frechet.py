"""The Frechet distance of two sets of features, each taken for a Gaussian."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from translate.metrics import frechet

Floats = NDArray[np.float64]


def frechet_distance(ours: Floats, theirs: Floats) -> float:
    """Squared distance of two Gaussians fitted to features ``(N, D)`` and ``(M, D)``.

    As the measure of `pixstack eval`, but of covariances divided by the number of pictures, not by
    one less: groups of few pictures stand for themselves here, not for more of their kind.

    Raises:
        ValueError: a set has fewer than two features, or they are of different lengths.
    """
    if min(len(ours), len(theirs)) < 2 or ours.shape[1:] != theirs.shape[1:]:
        raise ValueError(f"features are {ours.shape} and {theirs.shape}; expected two rows or more")
    sets = (torch.from_numpy(features.copy()) for features in (ours, theirs))
    return frechet.frechet_distance(*sets, correction=0)
