"""Inception Score: results that are each of one class for sure, and of many classes together."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

SPLITS = 10
"""As in the authors' program."""


def inception_score(logits: Tensor, splits: int = SPLITS, seed: int = 0) -> tuple[float, float]:
    """Mean and standard deviation over splits of ``exp(E KL(p(y|x) || p(y)))``.

    Salimans et al. 2016, arXiv 1606.03498, section 4. It lies between 1 and the number of classes,
    and it never looks at real pictures (Barratt and Sharma 2018, arXiv 1801.01973, tell what it
    misses).

    Args:
        logits: ``(N, K)``; computed in float64.
        splits: equal parts in a random order, or as many as there are items; `p(y)` is the part's.
        seed: of the order. (torchmetrics would take it from the state of the process.)

    Raises:
        ValueError: no items, or logits that are not finite.
    """
    if logits.ndim != 2 or not len(logits) or not bool(logits.isfinite().all()):
        raise ValueError(f"logits must be (N, K), N above 0, finite; got {tuple(logits.shape)}")
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(logits)))
    logs = logits.double()[order].log_softmax(dim=1)
    scores = [score_of(part) for part in logs.tensor_split(min(splits, len(logs)))]
    return float(np.mean(scores)), float(np.std(scores))


def score_of(logs: Tensor) -> float:
    """Of one part: log probabilities ``(N, K)``."""
    marginal = logs.logsumexp(dim=0) - math.log(len(logs))
    return float((logs.exp() * (logs - marginal)).sum(dim=1).mean().exp())
