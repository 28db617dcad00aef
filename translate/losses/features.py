"""Feature matching: the generator makes what the discriminator's layers answer alike.

In both forms the real side is the goal and takes no gradient.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from translate.losses.precision import full


def batch_mean_matching(real: Tensor | Sequence[Tensor], fake: Tensor | Sequence[Tensor]) -> Tensor:
    """|E f(x) - E f(G(z))|^2, the squared distance of the batches' mean features.

    Salimans et al. 2016, arXiv 1606.03498, section 3.1, at one layer in the middle of the
    discriminator; of several layers the distances are summed.

    Args:
        real, fake: activations ``(N, ...)`` of one layer, or of several; the two batches may be of
            different sizes.
    """
    distances = [
        (full(one).mean(dim=0).detach() - full(other).mean(dim=0)).square().sum()
        for one, other in pairs(real, fake)
    ]
    return torch.stack(distances).sum()


def layer_matching(real: Tensor | Sequence[Tensor], fake: Tensor | Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of each picture's features, averaged over the layers.

    Wang et al. 2018 (pix2pixHD), arXiv 1711.11585, equation 4, with the mean over layers in place
    of the sum, so that a weight suits a discriminator of any depth.

    Args:
        real, fake: activations ``(N, ...)`` of the layers, of one picture in the same row.
    """
    distances = [
        functional.l1_loss(full(other), full(one).detach()) for one, other in pairs(real, fake)
    ]
    return torch.stack(distances).mean()


def pairs(
    real: Tensor | Sequence[Tensor], fake: Tensor | Sequence[Tensor]
) -> list[tuple[Tensor, Tensor]]:
    """(real, fake) of each layer.

    Raises:
        ValueError: no layer, or not as many on both sides.
    """
    one_side = [real] if isinstance(real, Tensor) else list(real)
    other_side = [fake] if isinstance(fake, Tensor) else list(fake)
    if not one_side or len(one_side) != len(other_side):
        raise ValueError(
            "feature matching needs the same layers of real and fake, at least one; "
            f"got {len(one_side)} and {len(other_side)}"
        )
    return list(zip(one_side, other_side, strict=True))
