"""Semi-supervised learning with a discriminator of K + 1 classes, K of them real.

Salimans et al. 2016, arXiv 1606.03498, section 5. One of K + 1 logits may be fixed: with that of
the fake class at 0, K logits l_k are left, Z = sum exp l_k, and a sample is real with probability
D = Z / (Z + 1). Everything is written in log Z, so that no exponential overflows.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from translate.losses.precision import full


def real_logit(logits: Tensor) -> Tensor:
    """The logit log Z of being real, from the logits of the classes: ``(N, K)`` -> ``(N,)``."""
    return full(logits).logsumexp(dim=1)


def supervised_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """-E log p(y | x, y is real): cross-entropy over the K classes.

    Args:
        logits: ``(N, K)``.
        labels: ``(N,)``, int64, from 0 to K - 1.
    """
    return functional.cross_entropy(full(logits), labels)


def unsupervised_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-E log D(x) - E log(1 - D(G(z))): what the discriminator pays for unlabeled samples.

    Args:
        real_logits, fake_logits: ``(N, K)``; the two batches may be of different sizes.
    """
    real, fake = real_logit(real_logits), real_logit(fake_logits)
    # log Z / (Z + 1) = -softplus(-log Z), and log 1 / (Z + 1) = -softplus(log Z).
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()
