"""Terms for label views: what a stage says each pixel is, against what it is.

Predictions are ``(N, K, H, W)``, one plane a class; labels are class ids ``(N, H, W)`` or
``(N, 1, H, W)`` from 0 to K - 1, as whole numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from translate.losses.precision import full

LEAST = 1e-7
"""What a probability counts for at least: its logarithm stays finite."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over pixels of -log softmax of the true class, in nats."""
    return surprise(full(logits).log_softmax(dim=1), class_ids(logits, labels))


def cross_entropy_of_probabilities(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Mean over pixels of -log of the true class's probability, in nats.

    For stages that write probabilities; where the logits are at hand `cross_entropy` is exact.
    A probability below 1e-7 counts as that, and takes no gradient.

    Args:
        probabilities: ``(N, K, H, W)`` in [0, 1], of sum 1 over K.
        labels: class ids.
    """
    chances = full(probabilities).clamp_min(LEAST).log()
    return surprise(chances, class_ids(probabilities, labels))


def surprise(chances: Tensor, ids: Tensor) -> Tensor:
    """Mean of -log of the true class's probability, of ``(N, K, H, W)`` logarithms.

    torch's own has no deterministic kernel on GPUs.
    """
    return -chances.gather(1, ids[:, None]).mean()


def dice(probabilities: Tensor, labels: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - the Dice coefficient, averaged over the classes.

    2 sum(p g) / (sum(p^2) + sum(g^2)) of Milletari et al. 2016 (V-Net), arXiv 1606.04797, section
    3, each class's sums over all pixels of the batch. ``smooth``, in pixels, is added above and
    below, so that a class which is nowhere, and is said to be nowhere, costs nothing.

    Args:
        probabilities: ``(N, K, H, W)`` in [0, 1]; of logits, the softmax.
        labels: class ids.
        smooth: see above.
    """
    chances = full(probabilities)
    ids = class_ids(probabilities, labels)
    truth = functional.one_hot(ids, chances.shape[1]).movedim(-1, 1).to(chances)
    over = (0, 2, 3)
    both = (chances * truth).sum(dim=over)
    # The truth is 0 or 1, and is its own square.
    either = chances.square().sum(dim=over) + truth.sum(dim=over)
    return 1 - ((2 * both + smooth) / (either + smooth)).mean()


def class_ids(planes: Tensor, labels: Tensor) -> Tensor:
    """Labels as ``(N, H, W)`` int64.

    Raises:
        ValueError: shapes that do not fit, or labels that are no whole numbers.
    """
    ids = labels.squeeze(1) if labels.dim() == 4 and labels.shape[1] == 1 else labels
    if planes.dim() != 4 or ids.shape != (planes.shape[0], *planes.shape[2:]):
        raise ValueError(
            f"labels of shape {tuple(labels.shape)} do not fit planes of {tuple(planes.shape)}; "
            "expected (N, H, W) or (N, 1, H, W) beside (N, K, H, W)"
        )
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise ValueError(f"labels are whole numbers, class ids; got {ids.dtype}")
    return ids.long()
