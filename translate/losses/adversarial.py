"""Adversarial losses: a pair of logits (real, fake) -> the two losses.

A loss is one function ``cost(logit, label)``, what is paid for a logit that should say ``label``,
and the labels of both sides. The discriminator pays for the real and the fake logits with their
own labels; the generator pays for its fakes with the label of the real ones, which is training with
flipped labels (and, in the relativistic average, for the real ones with the label of the fakes).
The three forms (Jolicoeur-Martineau 2018, arXiv 1807.00734) only change which logit is handed in:

- plain: C(x);
- relativistic (section 4.1): C(x_real) - C(x_fake) of a pair;
- average (section 4.2): C(x) - mean of C over the other side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

Form = Literal["plain", "relativistic", "average"]
Label = float | Tensor
Cost = Callable[[Tensor, Label], Tensor]
Mean = Callable[[Tensor], Tensor]
"""Logits of any shape -> their mean, over all devices where there are several."""


class Labels(NamedTuple):
    """What logits should say: numbers, or tensors that broadcast to the logits."""

    real: Label
    """Of real pictures, to the discriminator."""
    fake: Label
    """Of fakes, to the discriminator."""
    generator: Label
    """Of fakes, to the generator."""


def cross_entropy(logit: Tensor, label: Label) -> Tensor:
    """-label log sigmoid(logit) - (1 - label) log(1 - sigmoid(logit)), element by element.

    Labels outside [0, 1], as noisy labels may be, go on the same line.
    """
    return label * functional.softplus(-logit) + (1 - label) * functional.softplus(logit)


def saturating(logit: Tensor, label: Label) -> Tensor:
    """What the generator of the minimax game pays: minus the discriminator's cost."""
    return -cross_entropy(logit, 1 - label)


def squared(logit: Tensor, label: Label) -> Tensor:
    """Half the squared distance to the label."""
    return (logit - label).square() / 2


def margin(logit: Tensor, label: Label) -> Tensor:
    """max(0, 1 - label logit): nothing where the logit is beyond the label's 1 or -1."""
    return functional.relu(1 - label * logit)


def linear(logit: Tensor, label: Label) -> Tensor:
    """-label logit."""
    return -label * logit


@dataclass(frozen=True)
class Adversarial:
    """Costs and labels of a loss; the relativistic forms may have their own."""

    cost: Cost
    labels: Labels
    paper: str
    generator_cost: Cost | None = None
    """Where the generator pays otherwise than the discriminator."""
    relativistic_labels: Labels | None = None
    relativistic_generator_cost: Cost | None = None
    smooth: bool = False
    """Whether other labels mean something: targets of a probability or of a distance."""
    of_chances: bool = False
    """Whether labels are probabilities: those beyond 0 and 1 may not prevail."""
    relates: bool = True
    """Whether the relativistic forms are other losses than the plain one."""

    def labels_of(self, form: Form) -> Labels:
        """The labels where the caller brings none."""
        return self.labels if form == "plain" else self.relativistic_labels or self.labels

    def generator_cost_of(self, form: Form) -> Cost:
        """What the generator pays."""
        own = self.generator_cost if form == "plain" else self.relativistic_generator_cost
        return own or self.cost


ADVERSARIAL: dict[str, Adversarial] = {
    "minimax": Adversarial(
        cross_entropy,
        Labels(1, 0, 1),
        "Goodfellow et al. 2014, arXiv 1406.2661, equation 1",
        generator_cost=saturating,
        relativistic_generator_cost=saturating,
        smooth=True,
        of_chances=True,
    ),
    "non-saturating": Adversarial(
        cross_entropy,
        Labels(1, 0, 1),
        "Goodfellow et al. 2014, arXiv 1406.2661, section 3",
        smooth=True,
        of_chances=True,
    ),
    "lsgan": Adversarial(
        squared,
        Labels(1, 0, 1),
        "Mao et al. 2017, arXiv 1611.04076, equation 9 (a = 0, b = c = 1)",
        # Appendix D of the relativistic paper (RaLSGAN).
        relativistic_labels=Labels(1, -1, 1),
        smooth=True,
    ),
    "wasserstein": Adversarial(
        linear,
        Labels(1, -1, 1),
        "Arjovsky et al. 2017, arXiv 1701.07875, equation 2 and algorithm 1",
        relates=False,
    ),
    "hinge": Adversarial(
        margin,
        Labels(1, -1, 1),
        "Lim and Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957, eq. 16",
        generator_cost=linear,
        # Appendix D of the relativistic paper bounds the generator too (RaHingeGAN).
        relativistic_generator_cost=margin,
    ),
}


def compare(
    real: Tensor, fake: Tensor, form: Form, mean: Mean = torch.mean
) -> tuple[Tensor, Tensor]:
    """The logits of a form: the real side's and the fake side's, same shapes as given.

    ``average`` takes the mean over batch and positions: to a patch discriminator every patch is a
    sample.
    """
    if form == "relativistic":
        return real - fake, fake - real
    if form == "average":
        return real - mean(fake), fake - mean(real)
    return real, fake


def discriminator_loss(
    kind: str,
    form: Form,
    real: Tensor,
    fake: Tensor,
    labels: Labels | None = None,
    mean: Mean = torch.mean,
) -> Tensor:
    """Scalar loss of the discriminator.

    Args:
        kind: of `ADVERSARIAL`.
        form: which logits are compared.
        real, fake: logits ``(N, ...)`` of real pictures and of fakes.
        labels: in place of the kind's own: smoothed, noisy, or LSGAN's a (fake), b (real) and c
            (generator).
        mean: of all logits of a side, which the relativistic average compares with.
    """
    loss = ADVERSARIAL[kind]
    labels = labels or loss.labels_of(form)
    real, fake = compare(real, fake, form, mean)
    if form == "relativistic":
        # Both sides of a pair say the same thing; the paper (equation 9) counts it once.
        return loss.cost(real, labels.real).mean()
    return loss.cost(real, labels.real).mean() + loss.cost(fake, labels.fake).mean()


def generator_loss(
    kind: str,
    form: Form,
    real: Tensor,
    fake: Tensor,
    labels: Labels | None = None,
    mean: Mean = torch.mean,
) -> Tensor:
    """Scalar loss of the generator; arguments as of `discriminator_loss`.

    The plain form ignores ``real``.
    """
    loss = ADVERSARIAL[kind]
    labels, cost = labels or loss.labels_of(form), loss.generator_cost_of(form)
    real, fake = compare(real, fake, form, mean)
    if form == "average":
        return cost(fake, labels.generator).mean() + cost(real, labels.fake).mean()
    return cost(fake, labels.generator).mean()
