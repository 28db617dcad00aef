"""What a step is judged by: terms over a context, summed in one short loop.

Every trick of the literature that judges a picture is a `Term`: a name, a weight, how often it
counts, and a pure function of the `StepContext`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor

from translate.context import StepContext
from translate.losses.adversarial import (
    ADVERSARIAL,
    Form,
    Label,
    Labels,
    discriminator_loss,
    generator_loss,
)
from translate.registry import Registry
from translate.tables import TableError, require, suggest
from translate.terms import DISCRIMINATOR_TERMS, GENERATOR_TERMS, TermSpec, read_terms

SIDES: Mapping[str, Registry] = {
    "generator": GENERATOR_TERMS,
    "discriminator": DISCRIMINATOR_TERMS,
}
"""Where the terms of each side are known."""


@dataclass(frozen=True)
class Term:
    """One summand of a loss: it counts every ``every`` steps, ``every`` times its weight.

    What has weight 0 is logged and costs nothing.
    """

    name: str
    weight: float
    function: Callable[[StepContext], Tensor]
    every: int = 1
    alike: bool = False
    """Whether the discriminator must be shown a fake and its truth in the same way."""


@dataclass(frozen=True)
class LabelSpec:
    """What logits should say, in place of the loss's own labels.

    A number smooths (0.9 for real ones: one-sided smoothing, Salimans et al. 2016, arXiv
    1606.03498, section 3.4); two are a range that each picture's label is drawn from. For LSGAN
    ``fake``, ``real`` and ``generator`` are a, b and c of Mao et al. 2017, equation 2.
    """

    real: float | tuple[float, ...] | None = None
    """To the discriminator, of real pictures."""
    fake: float | tuple[float, ...] | None = None
    """To the discriminator, of fakes."""
    generator: float | None = None
    """To the generator, of its own pictures."""

    def __post_init__(self) -> None:
        for key, value in (("real", self.real), ("fake", self.fake)):
            if isinstance(value, tuple):
                fits = len(value) == 2 and value[0] <= value[1]
                require(fits, key, value, "a number, or two of which the first is not the larger")

    @property
    def given(self) -> bool:
        """Whether any label is in place of the loss's own."""
        return any(label is not None for label in (self.real, self.fake, self.generator))

    def draw(self, logits: Tensor, own: Labels) -> Labels:
        """Labels for logits ``(N, ...)``, one for each of the N where they are drawn."""
        return Labels(
            draw_label(self.real, logits, own.real),
            draw_label(self.fake, logits, own.fake),
            own.generator if self.generator is None else self.generator,
        )

    def typical(self, own: Labels) -> Labels:
        """Labels that cost on average what drawn ones do, ``(1 or 2,)`` each where they are drawn.

        Costs are of the first or the second degree in the label: for all that a range may yield,
        two labels of its mean and variance do.
        """
        return Labels(
            typical_label(self.real, own.real),
            typical_label(self.fake, own.fake),
            own.generator if self.generator is None else self.generator,
        )


def typical_label(given: float | tuple[float, ...] | None, own: Label) -> Label:
    """One side's label."""
    if not isinstance(given, tuple):
        return own if given is None else given
    mean, deviation = sum(given) / 2, (given[1] - given[0]) / math.sqrt(12)
    return torch.tensor([mean - deviation, mean + deviation])


def draw_label(given: float | tuple[float, ...] | None, logits: Tensor, own: Label) -> Label:
    """One side's label."""
    if given is None:
        return own
    if not isinstance(given, tuple):
        return given
    low, high = given
    drawn = torch.rand(len(logits), *[1] * (logits.dim() - 1), device=logits.device)
    return low + (high - low) * drawn


@dataclass(frozen=True)
class ObjectiveSpec:
    """The objective of a stage, as a recipe writes it."""

    adversarial: str = "non-saturating"
    """What is made of the discriminator's answers: minimax, non-saturating, lsgan, wasserstein or
    hinge; ``docs/techniques.md`` has the papers."""
    relativistic: bool | Literal["average"] = False
    """True judges each real picture against a fake one; ``average`` each real one against the mean
    of the fakes, and each fake against the mean of the real ones (Jolicoeur-Martineau 2018, arXiv
    1807.00734, section 4)."""
    weight: float = 1.0
    """Of the adversarial term of the generator."""
    generator: Mapping[str, Any] = field(default_factory=lambda: {"l1": 1.0})
    """Further terms of the generator: a weight, or a table of settings, by name. Where nothing is
    said it is L1 alone; ``{}`` is none, and what a table that is given does not name is none."""
    discriminator: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Further terms of the discriminator, likewise."""
    labels: LabelSpec = field(default_factory=LabelSpec)
    """What the discriminator is told to say of real and fake, in place of the loss's own labels."""

    def __post_init__(self) -> None:
        if self.adversarial not in ADVERSARIAL:
            known = suggest(self.adversarial, ADVERSARIAL)
            raise TableError(f"adversarial: unknown loss {self.adversarial!r}; {known}")
        require(self.weight >= 0, "weight", self.weight, "0 or more")
        self.check_labels()
        for side in SIDES:
            self.specs(side)

    def check_labels(self) -> None:
        """Labels are known to the loss, and none leaves it without a least value.

        Raises:
            TableError: they are not.
        """
        if self.labels.given and not ADVERSARIAL[self.adversarial].smooth:
            smooth = ", ".join(sorted(kind for kind, loss in ADVERSARIAL.items() if loss.smooth))
            raise TableError(
                f"labels: {self.adversarial!r} has sides and no labels to smooth; "
                f"losses with labels: {smooth}"
            )
        if self.relativistic is True and self.labels.fake is not None:
            raise TableError(
                "labels.fake: of a pair (relativistic = true) one side is judged, against "
                "labels.real; leave it out, or set relativistic to 'average'"
            )
        if ADVERSARIAL[self.adversarial].of_chances:
            given = {
                "real": self.labels.real,
                "fake": self.labels.fake,
                "generator": self.labels.generator,
            }
            for side, label in given.items():
                center = sum(label) / 2 if isinstance(label, tuple) else label
                if center is not None and not 0 <= center <= 1:
                    raise TableError(
                        f"labels.{side}: got {label}; of {self.adversarial!r}, whose labels are "
                        "chances, the mean must lie in 0 to 1: beyond, the loss falls for ever"
                    )

    def __getstate__(self) -> dict[str, Any]:
        """What was written and nothing read from it: a term may be of a class with no address."""
        return {key.name: getattr(self, key.name) for key in fields(self)}

    @property
    def form(self) -> Form:
        """The form of the adversarial loss."""
        if self.relativistic == "average":
            return "average"
        return "relativistic" if self.relativistic else "plain"

    @property
    def compares(self) -> bool:
        """Whether the generator pays by what the discriminator says of the truth, too."""
        judged = any(term.judged for term in self.specs("generator").values())
        return judged or self.form != "plain"

    def specs(self, side: str) -> Mapping[str, TermSpec]:
        """The further terms of a side, ``generator`` or ``discriminator``, by name."""
        return self._terms[side]

    @cached_property
    def _terms(self) -> Mapping[str, Mapping[str, TermSpec]]:
        """Both tables, read once: every step of a training asks for them."""
        terms: dict[str, Mapping[str, TermSpec]] = {}
        for side, registry in SIDES.items():
            try:
                terms[side] = MappingProxyType(read_terms(registry, getattr(self, side)))
            except TableError as error:
                raise type(error)(f"{side}.{error}") from None
        return terms

    @property
    def lazy(self) -> list[str]:
        """Further terms that are not due at every step, as ``side/name``."""
        return [
            f"{side}/{name}"
            for side in SIDES
            for name, spec in self.specs(side).items()
            if spec.every > 1
        ]

    def generator_terms(self, adversarial: bool) -> list[Term]:
        """Terms of the generator; those that need a discriminator only in phases that have one."""
        terms = [
            Term(name, spec.weight, spec.value, spec.every, spec.judged and spec.paired)
            for name, spec in self.specs("generator").items()
            if adversarial or not spec.judged
        ]
        if adversarial and self.weight:
            terms.append(Term("adversarial", self.weight, self.generator_loss))
        return terms

    def discriminator_terms(self) -> list[Term]:
        """Terms of the discriminator."""
        terms = [Term("adversarial", 1.0, self.discriminator_loss)]
        if self.adversarial == "wasserstein":
            # The critic's estimate of the distance falls as the generator improves (Arjovsky et
            # al. 2017, section 4): a curve to watch, which other losses do not give.
            terms.append(Term("distance", 0.0, distance))
        for name, spec in self.specs("discriminator").items():
            terms.append(Term(name, spec.weight, spec.value, spec.every))
        return terms

    def discriminator_loss(self, context: StepContext) -> Tensor:
        """Summed over the scales (Wang et al. 2018, arXiv 1711.11585, equation 3)."""
        return self.over_scales(discriminator_loss, context)

    def generator_loss(self, context: StepContext) -> Tensor:
        """Summed over the scales."""
        return self.over_scales(generator_loss, context)

    def over_scales(self, loss: Callable[..., Tensor], context: StepContext) -> Tensor:
        """One side's loss, with labels drawn for each scale."""
        own = ADVERSARIAL[self.adversarial].labels_of(self.form)
        losses = [
            loss(self.adversarial, self.form, real, fake, self.labels.draw(real, own), context.mean)
            for real, fake in context.logits()
        ]
        return torch.stack(losses).sum()


def distance(context: StepContext) -> Tensor:
    """What the critic says more of real ones than of fakes: the Wasserstein estimate."""
    return torch.stack([real.mean() - fake.mean() for real, fake in context.logits()]).sum()


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
        if term.weight:
            # A lazy term stands for the steps it skips (Karras et al. 2020, arXiv 1912.04958, B).
            loss = loss + value * (term.weight * term.every)
        values[term.name] = value.detach()
    return loss, values
