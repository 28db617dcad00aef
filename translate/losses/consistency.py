"""Consistency regularization: what a discriminator says of a picture does not turn on its place."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from translate.diffaugment import translation
from translate.losses.precision import full


def displaced(shown: Tensor) -> Tensor:
    """Each picture ``(N, C, H, W)`` mirrored or not, and moved by up to an eighth of its sides.

    The changes of Zhang et al. 2020, section 3; a condition, being further channels, moves along.
    """
    mirrored = torch.rand(len(shown), 1, 1, 1, device=shown.device) < 0.5
    return translation(torch.where(mirrored, shown.flip(-1), shown))


def consistency(before: Sequence[Tensor], after: Sequence[Tensor]) -> Tensor:
    """Mean squared difference of what is said of pictures before and after a change.

    Zhang et al. 2020, arXiv 1910.12027, section 3. What is said of a picture is the mean of its
    patches, as in the penalties: patches lie elsewhere after the change.

    Args:
        before, after: logits of each scale, ``(N, 1, H', W')`` or ``(N, 1)``; scales are summed.
    """
    distances = [
        (full(one).flatten(1).mean(dim=1) - full(other).flatten(1).mean(dim=1)).square().mean()
        for one, other in zip(before, after, strict=True)
    ]
    return torch.stack(distances).sum()
