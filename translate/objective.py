"""What a step is judged by: terms over a context, summed in one short loop.

Every trick of the literature that judges a picture is a `Term`: a name, a weight, how often it
counts, and a pure function of the `StepContext`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from translate.losses.adversarial import (
    ADVERSARIAL,
    Form,
    discriminator_loss,
    generator_loss,
)
from translate.losses.reconstruction import RECONSTRUCTION
from translate.tables import TableError, require, suggest


@dataclass
class StepContext:
    """What terms may look at, made new for every step.

    ``fake`` and ``truth`` are pictures ``(N, C, H, W)`` in [0, 1]; the logits are there only where
    the step has a discriminator.
    """

    fake: Tensor
    truth: Tensor
    real_logits: Tensor | None = None
    fake_logits: Tensor | None = None

    def logits(self) -> tuple[Tensor, Tensor]:
        """(real, fake) in float32: the losses' exponentials need the range."""
        if self.real_logits is None or self.fake_logits is None:
            raise ValueError("an adversarial term needs a discriminator; the stage has none")
        return self.real_logits.float(), self.fake_logits.float()


@dataclass(frozen=True)
class Term:
    """One summand of a loss: it counts every ``every`` steps, ``every`` times its weight."""

    name: str
    weight: float
    function: Callable[[StepContext], Tensor]
    every: int = 1


@dataclass(frozen=True)
class ObjectiveSpec:
    """The objective of a stage, as a recipe writes it."""

    adversarial: str = "non-saturating"
    relativistic: bool | Literal["average"] = False
    weight: float = 1.0
    """Of the adversarial term of the generator."""
    generator: Mapping[str, float] = field(default_factory=lambda: {"l1": 1.0})
    """Reconstruction terms and their weights."""

    def __post_init__(self) -> None:
        if self.adversarial not in ADVERSARIAL:
            known = suggest(self.adversarial, ADVERSARIAL)
            raise TableError(f"adversarial: unknown loss {self.adversarial!r}; {known}")
        for name, weight in self.generator.items():
            if name not in RECONSTRUCTION:
                known = suggest(name, RECONSTRUCTION)
                raise TableError(f"generator.{name}: unknown term; {known}")
            require(weight >= 0, f"generator.{name}", weight, "0 or more")
        require(self.weight >= 0, "weight", self.weight, "0 or more")

    @property
    def form(self) -> Form:
        """The form of the adversarial loss."""
        if self.relativistic == "average":
            return "average"
        return "relativistic" if self.relativistic else "plain"

    def generator_terms(self, adversarial: bool) -> list[Term]:
        """Terms of the generator; the adversarial one only in phases that have it."""
        terms = [
            Term(name, weight, on_pictures(RECONSTRUCTION[name]))
            for name, weight in self.generator.items()
            if weight
        ]
        if adversarial and self.weight:
            terms.append(
                Term(
                    "adversarial",
                    self.weight,
                    lambda context: generator_loss(self.adversarial, self.form, *context.logits()),
                )
            )
        return terms

    def discriminator_terms(self) -> list[Term]:
        """Terms of the discriminator."""
        return [
            Term(
                "adversarial",
                1.0,
                lambda context: discriminator_loss(self.adversarial, self.form, *context.logits()),
            )
        ]


def on_pictures(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[StepContext], Tensor]:
    """A reconstruction term as a function of the context, in float32."""
    return lambda context: function(context.fake.float(), context.truth.float())


def total(
    terms: Sequence[Term], context: StepContext, step: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of the terms due at ``step``, and each one's unweighted value.

    The values are detached tensors: reading them as numbers would make a GPU wait, so only the
    logger does it.
    """
    values: dict[str, Tensor] = {}
    loss = torch.zeros((), device=context.fake.device)
    for term in terms:
        if step % term.every:
            continue
        value = term.function(context)
        # A lazy term stands for the steps it skips (Karras et al. 2020, arXiv 1912.04958, B).
        loss = loss + value * (term.weight * term.every)
        values[term.name] = value.detach()
    return loss, values
