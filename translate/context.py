"""What the terms of an objective may look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from translate.kinds import most_probable
from translate.layers.growing import Growing
from translate.losses.adversarial import Mean
from translate.losses.history import HistoricalAverage
from translate.pixels import from_network, to_network

Critic = Callable[[Tensor], tuple[Tensor, ...]]
"""Pictures ``(N, C, H, W)`` in [0, 1] -> logits of each scale of a discriminator."""
Change = Callable[[Tensor], Tensor]
"""Of pictures as a discriminator is shown them, ``(N, C, H, W)``."""
Autocast = Callable[[], AbstractContextManager[Any]]
"""Inside the context, matrix products and convolutions are of the precision of the run."""


@dataclass(frozen=True)
class Said:
    """Logits of truth and fake, one tensor for each scale of the discriminator."""

    real: tuple[Tensor, ...]
    fake: tuple[Tensor, ...]


@dataclass(frozen=True)
class Redrawn:
    """What a stage makes of the same views from other noise."""

    fake: Tensor
    """``(N, C, H, W)`` in [0, 1], with its graph."""
    distances: Tensor
    """Of the two noises, the mean absolute difference of each item's: ``(N,)``."""


@dataclass
class StepContext:
    """One stage of one step, made new for every step and side.

    Everything below the pictures is there only where the stage has a discriminator in this phase.
    """

    fake: Tensor
    """``(N, C, H, W)`` in [0, 1]; with its graph in the generator's step."""
    truth: Tensor
    """The same shape."""
    real_logits: tuple[Tensor, ...] = ()
    """One for each scale of the discriminator."""
    fake_logits: tuple[Tensor, ...] = ()
    real_features: tuple[Tensor, ...] = ()
    """Activations of the discriminator's layers on the truth."""
    fake_features: tuple[Tensor, ...] = ()
    critic: Critic | None = None
    """The discriminator on other pictures, as it is shown them, condition included."""
    after: Callable[[Change], Said] | None = None
    """What the discriminator says of truth and fake after a change to what it was shown of them."""
    parameters: Sequence[Tensor] = ()
    """Weights of the side that this step updates, of this stage."""
    history: HistoricalAverage | None = None
    """Their running mean, where a term asked for it."""
    growing: Growing | None = None
    """The discriminator, where it grows and works at a depth that a phase sets."""
    pack: int = 1
    """Neighbours of the batch that are judged together."""
    mean: Mean = torch.mean
    """Of logits, over all devices."""
    autocast: Autocast = nullcontext
    """For networks that a term asks, in the precision of the step."""
    redraw: Callable[[], Redrawn] | None = None
    """In the generator's step of a stage that reads noise, where a term asks for it."""

    @cached_property
    def truth_ids(self) -> Tensor:
        """Label ids ``(N, 1, H, W)`` of the truth, of stages that write labels."""
        return most_probable(self.truth)

    def logits(self) -> list[tuple[Tensor, Tensor]]:
        """(real, fake) of each scale in float32: the losses' exponentials need the range."""
        if not self.real_logits:
            raise ValueError("an adversarial term needs a discriminator; the stage has none")
        pairs = zip(self.real_logits, self.fake_logits, strict=True)
        return [(real.float(), fake.float()) for real, fake in pairs]

    def judge(self) -> tuple[Critic, Tensor, Tensor]:
        """The critic, the truth and the fake in the network's range of [-1, 1].

        It is there that the papers take the critic's gradient and choose its norm: on [0, 1] it is
        twice as steep. Before one that grows, pictures have the size of its depth, as in Karras et
        al. 2018: on the full one, where each of their pixels is repeated, the gradient of a level
        within is smaller by what the repetitions are.

        Raises:
            ValueError: the stage has no discriminator.
        """
        critic = self.critic
        if critic is None:
            raise ValueError("a penalty needs a discriminator; the stage has none")
        truth, fake = to_network(self.truth.float()), to_network(self.fake.float())
        growing = self.growing
        if growing is None:
            return lambda points: critic(from_network(points)), truth, fake
        return (
            lambda points: critic(from_network(growing.enlarged(points))),
            growing.reduced(truth),
            growing.reduced(fake),
        )
