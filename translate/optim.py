"""Optimisers, their schedules, and the moving average of weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

import torch
from torch import nn

from translate.adam import FusedAdam
from translate.layers.folding import effective_weights, fold
from translate.muon import Muon
from translate.tables import TableError, require

Averaged = TypeVar("Averaged", bound=nn.Module)


@dataclass(frozen=True)
class Side:
    """The optimiser of one side (generators or discriminators)."""

    kind: Literal["adam", "adamw", "muon"] = "adamw"
    """``muon`` orthogonalizes the steps of kernels (Jordan et al. 2024), and is Adam for all other
    weights: for restoration several times as fast here (``docs/models.md``)."""
    rate: float = 2e-4
    """Of learning, before schedule and phase; the discriminator's may be several times the
    generator's."""
    betas: tuple[float, ...] = (0.9, 0.99)
    """Memory of the first and the second moment; papers of GANs set the first to 0.5 or 0."""
    weight_decay: float = 0.0
    """With ``adam`` this share of a weight is added to its gradient; with ``adamw`` and ``muon`` a
    step takes rate times weight_decay of the weight away."""
    clip: float = 0.0
    """Largest norm of the gradient of the whole side; 0 leaves it alone."""

    def __post_init__(self) -> None:
        require(self.rate > 0, "rate", self.rate, "above 0")
        require(
            len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas),
            "betas",
            self.betas,
            "two numbers from 0 up to 1",
        )
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")
        require(self.clip >= 0, "clip", self.clip, "0 or more")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimiser, in its fused form where it has one: one pass over the weights a step."""
        if self.kind == "muon":
            return Muon(parameters, self.rate, (self.betas[0], self.betas[1]), self.weight_decay)
        return FusedAdam(
            list(parameters),
            lr=self.rate,
            betas=(self.betas[0], self.betas[1]),
            weight_decay=self.weight_decay,
            decoupled_weight_decay=self.kind == "adamw",
            fused=True,
        )


@dataclass(frozen=True)
class OptimizerSpec:
    """Two-time-scale rates (Heusel et al. 2017, arXiv 1706.08500): a rate for each side."""

    generator: Side = field(default_factory=Side)
    """Of all generators together."""
    discriminator: Side = field(default_factory=Side)
    """Of all discriminators together."""
    discriminator_steps: int = 1
    """Updates of the discriminators, each on a batch of its own, for one of the generators."""
    weight_clip: float = 0.0
    """Bound of the discriminators' weights after each update (WGAN, Arjovsky et al. 2017, arXiv
    1701.07875, algorithm 1, where it is 0.01); 0 leaves them free."""
    unroll: int = 0
    """Updates of the discriminators that the generators look ahead (Metz et al. 2017)."""

    def __post_init__(self) -> None:
        steps = self.discriminator_steps
        require(steps >= 1, "discriminator_steps", steps, "1 or more")
        require(self.weight_clip >= 0, "weight_clip", self.weight_clip, "0 or more")
        require(0 <= self.unroll <= 20, "unroll", self.unroll, "0 to 20")
        if self.unroll and self.discriminator.kind == "muon":
            raise TableError(
                "discriminator.kind: got 'muon'; updates that gradients pass through (unroll) are "
                "Adam's; take adam or adamw"
            )
        if self.unroll and self.discriminator.clip:
            # The norm is of all discriminators together; each of them is looked ahead by itself.
            raise TableError(
                f"unroll: got {self.unroll} with discriminator.clip = {self.discriminator.clip}; "
                "updates that are looked ahead are not clipped; set one of them to 0"
            )


@dataclass(frozen=True)
class ScheduleSpec:
    """The rate over a phase: a linear rise, a plateau, a fall.

    With ``decay`` 1 it is one cycle; with less, the plateau can be lengthened later without having
    spent its rate.
    """

    warmup: int = 0
    """Steps at the start of a phase in which the rate rises on a line."""
    decay: float = 0.0
    """Share of the phase, at its end, in which the rate falls."""
    shape: Literal["cosine", "linear"] = "cosine"
    """Of the fall."""
    floor: float = 0.0
    """Share of the rate that is left at the end."""

    def __post_init__(self) -> None:
        require(self.warmup >= 0, "warmup", self.warmup, "0 or more")
        require(0 <= self.decay <= 1, "decay", self.decay, "0 to 1")
        require(0 <= self.floor <= 1, "floor", self.floor, "0 to 1")

    def factor(self, step: int, steps: int) -> float:
        """What the rate is multiplied by at ``step`` of ``steps``, counted from 0."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        start = steps * (1 - self.decay)
        if step < start or self.decay == 0:
            return rise
        progress = (step - start) / (steps - start)
        fall = 1 - progress if self.shape == "linear" else (1 + math.cos(math.pi * progress)) / 2
        return rise * (self.floor + (1 - self.floor) * fall)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set one rate for all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


class MovingAverage(Generic[Averaged]):
    """Exponential moving average of weights (Yazici et al. 2019, arXiv 1806.04498).

    The average starts as the weights themselves and its memory grows to ``decay``, so that the
    first steps do not weigh on it for thousands. Of constrained weights (spectral normalisation,
    equalised rate) it is the average of what they act as.

    Args:
        module: whose weights are averaged.
        decay: of the memory, once it has grown.
        since: the step from which weights learn, by the beginning of their names, of which the
            first that fits counts; 0 of others.

    Attributes:
        module: a copy of the module that holds the average, its constraints folded into plain
            weights; it is what ships.
    """

    def __init__(
        self, module: Averaged, decay: float, since: Mapping[str, int] | None = None
    ) -> None:
        self.decay = decay
        self.module: Averaged = fold(copy.deepcopy(module))
        self.module.eval().requires_grad_(False)
        self.names: dict[int, list[str]] = {}
        """Of weights, by the step from which they learn."""
        for name, _ in self.module.named_parameters():
            starts = (first for begin, first in (since or {}).items() if name.startswith(begin))
            self.names.setdefault(next(starts, 0), []).append(name)

    @torch.no_grad()
    def update(self, module: Averaged, step: int, frozen: Sequence[str] = ()) -> None:
        """Move towards the weights of ``module``; ``step`` counts updates from 0.

        Weights whose names begin as one of ``frozen`` have learned, and learn no more: their
        average stays what it is, and does not become their last value.
        """
        weights = effective_weights(module)
        averages = dict(self.module.named_parameters())
        for first, names in self.names.items():
            # Weights that do not learn yet stand still, and their average with them.
            names = [name for name in names if not name.startswith(tuple(frozen))]
            if names and (learned := step - first) >= 0:
                decay = min(self.decay, (1 + learned) / (10 + learned))
                torch._foreach_lerp_(
                    [averages[name] for name in names], [weights[name] for name in names], 1 - decay
                )
        # Running statistics are averages already.
        buffers = dict(module.named_buffers())
        for name, average in self.module.named_buffers():
            average.copy_(buffers[name])
