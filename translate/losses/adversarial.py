"""Adversarial losses: a pair of logits (real, fake) -> the two losses.

A loss is two functions of one logit each, ``real(logit)`` and ``fake(logit)``: what the
discriminator pays for a logit that should say real, and for one that should say fake. The
generator pays ``generator_fake`` for its fakes, and, in the relativistic forms, ``generator_real``
for the real ones. The three forms (Jolicoeur-Martineau 2018, arXiv 1807.00734) only change which
logit is handed in:

- plain: C(x);
- relativistic (section 4.1): C(x_real) - C(x_fake) of a pair;
- average (section 4.2): C(x) - mean of C over the other side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn import functional

Form = Literal["plain", "relativistic", "average"]
Logits = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Adversarial:
    """Costs of a logit, element by element, before the mean."""

    real: Logits
    fake: Logits
    generator_fake: Logits
    generator_real: Logits
    paper: str


def squared_distance(label: float) -> Logits:
    """Half the squared distance to a label."""
    return lambda logit: (logit - label).square() / 2


ADVERSARIAL: dict[str, Adversarial] = {
    "non-saturating": Adversarial(
        real=lambda logit: functional.softplus(-logit),
        fake=functional.softplus,
        generator_fake=lambda logit: functional.softplus(-logit),
        generator_real=functional.softplus,
        paper="Goodfellow et al. 2014, arXiv 1406.2661, section 3",
    ),
    "lsgan": Adversarial(
        real=squared_distance(1),
        fake=squared_distance(0),
        generator_fake=squared_distance(1),
        generator_real=squared_distance(0),
        paper="Mao et al. 2017, arXiv 1611.04076, equation 9 (a = 0, b = c = 1)",
    ),
    "hinge": Adversarial(
        real=lambda logit: functional.relu(1 - logit),
        fake=lambda logit: functional.relu(1 + logit),
        generator_fake=lambda logit: -logit,
        generator_real=lambda logit: logit,
        paper="Lim and Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957, eq. 16",
    ),
}

# In the relativistic forms LSGAN's labels are 1 and -1 (arXiv 1807.00734, appendix D: RaLSGAN), and
# hinge bounds the generator too (appendix D: RaHingeGAN).
RELATIVISTIC: dict[str, Adversarial] = {
    **ADVERSARIAL,
    "lsgan": Adversarial(
        real=squared_distance(1),
        fake=squared_distance(-1),
        generator_fake=squared_distance(1),
        generator_real=squared_distance(-1),
        paper="Jolicoeur-Martineau 2018, arXiv 1807.00734, appendix D",
    ),
    "hinge": Adversarial(
        real=lambda logit: functional.relu(1 - logit),
        fake=lambda logit: functional.relu(1 + logit),
        generator_fake=lambda logit: functional.relu(1 - logit),
        generator_real=lambda logit: functional.relu(1 + logit),
        paper="Jolicoeur-Martineau 2018, arXiv 1807.00734, appendix D",
    ),
}


def compare(real: Tensor, fake: Tensor, form: Form) -> tuple[Tensor, Tensor]:
    """The logits of a form: the real side's and the fake side's, same shapes as given.

    ``average`` takes the mean over batch and positions: to a patch discriminator every patch is a
    sample.
    """
    if form == "relativistic":
        return real - fake, fake - real
    if form == "average":
        return real - fake.mean(), fake - real.mean()
    return real, fake


def discriminator_loss(kind: str, form: Form, real: Tensor, fake: Tensor) -> Tensor:
    """Scalar loss of the discriminator from logits ``(N, ...)`` of real and fake."""
    loss = (ADVERSARIAL if form == "plain" else RELATIVISTIC)[kind]
    real, fake = compare(real, fake, form)
    if form == "relativistic":
        # Both sides of a pair say the same thing; the paper (equation 9) counts it once.
        return loss.real(real).mean()
    return loss.real(real).mean() + loss.fake(fake).mean()


def generator_loss(kind: str, form: Form, real: Tensor, fake: Tensor) -> Tensor:
    """Scalar loss of the generator from logits ``(N, ...)``; plain forms ignore ``real``."""
    loss = (ADVERSARIAL if form == "plain" else RELATIVISTIC)[kind]
    if form == "plain":
        return loss.generator_fake(fake).mean()
    real, fake = compare(real, fake, form)
    if form == "relativistic":
        return loss.generator_fake(fake).mean()
    return loss.generator_fake(fake).mean() + loss.generator_real(real).mean()
