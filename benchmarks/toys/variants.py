"""What is tried on the mixtures: plain training, and one technique at a time beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.toys.networks import Minibatch
from translate.losses.adversarial import ADVERSARIAL, Form

Range = tuple[float, float]

HISTORY = 0.01
"""Weight of historical averaging, for which its paper has no number."""
NOISE = 0.5
"""Sigma of the instance noise at the start."""


@dataclass(frozen=True)
class Variant:
    """Plain training but for the fields that are named."""

    name: str
    loss: str = "non-saturating"
    form: Form = "plain"
    pack: int = 1
    """Samples that the discriminator judges together."""
    minibatch: Minibatch = "none"
    norm: bool = False
    """Batch normalization in the discriminator."""
    apart: bool = True
    """Real and fake as two batches, not as one."""
    unroll: int = 0
    discriminator_steps: int = 1
    discriminator_rate: float = 1.0
    """The discriminator's rate over the generator's."""
    real_labels: Range | None = None
    fake_labels: Range | None = None
    noise: float = 0.0
    """Sigma of the instance noise at the start; it falls to 0 on a line."""
    history: float = 0.0
    """Weight of historical averaging, on both sides."""
    constraint: Literal["none", "penalty", "clip"] = "none"
    """What keeps a Wasserstein critic's slope in bounds."""


UNROLLED = tuple(Variant(f"unrolled, k = {steps}", unroll=steps) for steps in (1, 5, 10))
PACKED = tuple(Variant(f"packing, m = {together}", pack=together) for together in (2, 3, 4))
SHOWN = (
    Variant("minibatch discrimination", minibatch="discrimination"),
    Variant("minibatch stddev", minibatch="stddev"),
)
STEADIED = (
    Variant("two time scales, 4 : 1", discriminator_rate=4.0),
    Variant("five discriminator steps", discriminator_steps=5),
    Variant("one-sided labels, 0.9", real_labels=(0.9, 0.9)),
    Variant("noisy labels, 0..0.3 and 0.7..1.2", real_labels=(0.7, 1.2), fake_labels=(0.0, 0.3)),
    Variant("instance noise, to 0", noise=NOISE),
    Variant("historical averaging", history=HISTORY),
    Variant("batch norm in D, mixed batches", norm=True, apart=False),
    Variant("batch norm in D, separate batches", norm=True),
)


def losses() -> tuple[Variant, ...]:
    """Every loss in every form in which it is another loss; Wasserstein's with its constraints."""
    made: list[Variant] = []
    for kind, loss in ADVERSARIAL.items():
        forms: tuple[Form, ...] = ("plain", "relativistic", "average") if loss.relates else ()
        for form in forms:
            if (kind, form) != ("non-saturating", "plain"):
                made.append(Variant(kind if form == "plain" else f"{kind}, {form}", kind, form))
    made.append(Variant("wasserstein, gradient penalty", "wasserstein", constraint="penalty"))
    made.append(Variant("wasserstein, clipping", "wasserstein", constraint="clip"))
    return tuple(made)


PLAIN = Variant("plain (non-saturating)")


def everything() -> tuple[Variant, ...]:
    """All that the page shows, plain first."""
    return (PLAIN, *UNROLLED, *PACKED, *SHOWN, *losses(), *STEADIED)


def some() -> tuple[Variant, ...]:
    """All but the longest unrolling and most relativistic forms, for the larger problem."""
    left_out = {"unrolled, k = 1", "unrolled, k = 10", "wasserstein, clipping"}
    return tuple(
        variant
        for variant in everything()
        if variant.name not in left_out
        and (variant.form == "plain" or variant.loss == "non-saturating")
    )
