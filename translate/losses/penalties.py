"""Penalties of a discriminator: on its gradient at pictures, and on its weights.

A critic maps pictures ``(N, C, H, W)`` to logits of each scale, ``(N, 1, H', W')`` or ``(N, 1)``;
what it says of a picture is the mean of its patches, as in the adversarial loss, summed over the
scales. Where a condition stands beside the picture, the critic adds it by itself, so that the
gradient is taken at the picture alone. A critic that packs ``m`` neighbors of the batch into one
answers ``N / m`` rows, and the gradient is that of all ``m`` together.

All is computed in float32 (float64 where it is given that), outside autocast: the gradient of a
gradient loses too much in half precision. A picture that comes with a graph keeps it, which
unrolled updates need; elsewhere fakes are detached by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from translate.losses.precision import full, outside_autocast

Mean = Callable[[Tensor], Tensor]
Critic = Callable[[Tensor], tuple[Tensor, ...]]

TINY = 1e-12
"""Added to a squared norm before its root, whose derivative is infinite at 0."""


def interpolates(
    real: Tensor, fake: Tensor, random: torch.Generator | None = None, pack: int = 1
) -> Tensor:
    """Points on the straight lines from fake to real, at places drawn evenly from [0, 1).

    Args:
        real, fake: ``(N, ...)``, the same shape.
        random: draws the places, one for each line.
        pack: neighbors of the batch that are one sample, and so share a place.
    """
    real, fake = full(real), full(fake)
    places = uniform((len(real) // pack, *[1] * (real.dim() - 1)), real, random)
    # Unlike place * real + (1 - place) * fake it keeps what both share, to the last bit.
    return torch.lerp(fake, real, places.repeat_interleave(pack, dim=0))


def around(
    real: Tensor,
    random: torch.Generator | None = None,
    spread: float = 0.5,
    mean: Mean = torch.mean,
) -> Tensor:
    """Points around the data: each element moved by up to ``spread`` standard deviations.

    The deviation is that of all elements of the batch. DRAGAN (Kodali et al. 2017, arXiv
    1705.07215) writes normal noise about 0 in its objective; widespread code draws it from [0, 0.5)
    deviations, which also brightens every picture. Here it is drawn evenly from [-0.5, 0.5).

    Args:
        real: ``(N, ...)``.
        random: draws the noise.
        spread: largest offset, in standard deviations.
        mean: over all devices, where a batch lies on several.
    """
    real = full(real)
    noise = uniform(tuple(real.shape), real, random) * 2 - 1
    deviation = mean((real - mean(real)).square()).sqrt()
    return real + spread * deviation * noise


def uniform(shape: tuple[int, ...], like: Tensor, random: torch.Generator | None) -> Tensor:
    """Numbers in [0, 1), drawn where the generator lives, so that a seed means one draw."""
    device = like.device if random is None else random.device
    drawn = torch.rand(shape, generator=random, dtype=like.dtype, device=device)
    return drawn.to(like.device)


def squared_gradients(critic: Critic, points: Tensor) -> Tensor:
    """Squared norm of the critic's gradient at each sample: ``(rows,)``, with its graph.

    Args:
        critic: see the top of this module.
        points: ``(N, ...)``; rows are ``N``, or ``N / m`` where the critic packs.
    """
    points = full(points)
    if not points.requires_grad:
        points = points.detach().requires_grad_()
    with torch.enable_grad(), outside_autocast(points):
        values = torch.stack([logits.flatten(1).mean(dim=1) for logits in critic(points)]).sum(0)
        [gradients] = torch.autograd.grad(values.sum(), points, create_graph=True)
        return gradients.reshape(len(values), -1).square().sum(dim=1)


def gradient_norms(critic: Critic, points: Tensor) -> Tensor:
    """Norm of the critic's gradient at each sample: ``(rows,)``, with its graph."""
    return (squared_gradients(critic, points) + TINY).sqrt()


def away_from(norms: Tensor, norm: float, one_sided: bool) -> Tensor:
    """Mean squared distance of norms to ``norm``; one-sided, only larger ones count."""
    excess = norms - norm
    return (excess.relu() if one_sided else excess).square().mean()


def wgan_gp(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    norm: float = 1.0,
    one_sided: bool = False,
    random: torch.Generator | None = None,
    pack: int = 1,
) -> Tensor:
    """E (|grad D| - norm)^2 between real and fake (Gulrajani et al. 2017, arXiv 1704.00028, eq. 3).

    The paper weighs it by 10. One-sided, only norms above ``norm`` cost (Petzka et al. 2018, arXiv
    1709.08894).

    Args:
        critic: see the top of this module.
        real, fake: ``(N, ...)``, the same shape.
        norm: target, per unit of the pictures handed in.
        one_sided: let smaller norms be.
        random: draws the points, as `interpolates` says.
        pack: pictures that the critic packs into one.
    """
    points = interpolates(real, fake, random, pack)
    return away_from(gradient_norms(critic, points), norm, one_sided)


def dragan(
    critic: Critic,
    real: Tensor,
    norm: float = 1.0,
    spread: float = 0.5,
    one_sided: bool = False,
    random: torch.Generator | None = None,
    mean: Mean = torch.mean,
) -> Tensor:
    """E (|grad D| - norm)^2 around the data (Kodali et al. 2017, arXiv 1705.07215).

    The paper weighs it by 10.

    Args:
        critic: see the top of this module.
        real: ``(N, ...)``.
        norm: target, per unit of the pictures handed in.
        spread: see `around`.
        one_sided: let smaller norms be.
        random: draws the points.
        mean: see `around`.
    """
    return away_from(gradient_norms(critic, around(real, random, spread, mean)), norm, one_sided)


def r1(critic: Critic, real: Tensor) -> Tensor:
    """E |grad D|^2 / 2 at real pictures: its weight is the paper's gamma.

    Mescheder et al. 2018, arXiv 1801.04406, equation 9.
    """
    return squared_gradients(critic, real).mean() / 2


def r2(critic: Critic, fake: Tensor) -> Tensor:
    """E |grad D|^2 / 2 at fakes: its weight is the paper's gamma.

    Mescheder et al. 2018, arXiv 1801.04406, equation 10.
    """
    return squared_gradients(critic, fake).mean() / 2


def zero_centered(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    random: torch.Generator | None = None,
    pack: int = 1,
) -> Tensor:
    """E |grad D|^2 between real and fake (Thanh-Tung et al. 2019, arXiv 1902.03984).

    Taken of the logits. Unlike `r1` and `r2` it holds no half: its weight is the paper's lambda.
    Arguments as those of `wgan_gp`.
    """
    return squared_gradients(critic, interpolates(real, fake, random, pack)).mean()


def weight_l2(parameters: Iterable[Tensor]) -> Tensor:
    """Half the sum of squares, so that its gradient is the weight itself, as in weight decay.

    Kurach et al. 2019, arXiv 1807.04720, section 2.2, compare it with the gradient penalties.
    """
    return torch.stack([full(parameter).square().sum() for parameter in parameters]).sum() / 2


@torch.no_grad()
def clip_weights_(parameters: Iterable[Tensor], bound: float) -> None:
    """Hold every weight within ``[-bound, bound]``, in place, after each step of the critic.

    Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1; the paper's bound is 0.01.

    Raises:
        ValueError: the bound is not above 0.
    """
    positive(bound)
    for parameter in parameters:
        parameter.clamp_(-bound, bound)


class WeightHistogram(NamedTuple):
    """How weights are spread between two bounds."""

    counts: Tensor
    """``(bins,)``, int64; weights beyond a bound lie in the bin beside it."""
    edges: Tensor
    """``(bins + 1,)``, from ``-bound`` to ``bound``."""
    at_bounds: float
    """Share of the weights that lie on a bound or beyond."""


@torch.no_grad()
def weight_histogram(parameters: Iterable[Tensor], bound: float, bins: int = 40) -> WeightHistogram:
    """The weights' spread, which tells whether clipping piles them up at its bounds.

    Gulrajani et al. 2017, arXiv 1704.00028, section 3 and figure 1, found that it does.

    Raises:
        ValueError: the bound is not above 0, or there is no bin.
    """
    positive(bound)
    if bins < 1:
        raise ValueError(f"bins: got {bins}; at least 1 is needed")
    weights = torch.cat([full(parameter).flatten().cpu() for parameter in parameters])
    # The bound as the weights know it: 0.01 is another number in float32.
    limit = torch.tensor(bound, dtype=weights.dtype)
    counts, edges = torch.histogram(weights.clamp(-limit, limit), bins, range=(-bound, bound))
    at_bounds = float((weights.abs() >= limit).double().mean())
    return WeightHistogram(counts.long(), edges, at_bounds)


def positive(bound: float) -> None:
    """Raises a ValueError for a bound that holds nothing."""
    if not bound > 0:
        raise ValueError(f"bound: got {bound!r}; it must be above 0")
