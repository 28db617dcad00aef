"""Techniques that do not go together, and those that are known to be fragile together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from translate.losses.adversarial import ADVERSARIAL
from translate.objective import ObjectiveSpec
from translate.optim import OptimizerSpec


@dataclass(frozen=True)
class Conflict:
    """Two settings of a recipe that stand against each other."""

    key: str
    """Path of the setting that would have to change."""
    given: object
    reason: str
    """Why, with the paper, and what to choose instead."""
    impossible: bool
    """Cannot work; otherwise it may."""

    def __str__(self) -> str:
        return f"{self.key}: got {self.given!r}; {self.reason}"


def conflicts(
    objective: ObjectiveSpec, discriminator: Any, optimizer: OptimizerSpec, path: str
) -> list[Conflict]:
    """What stands against each other in an adversarial stage.

    Args:
        objective: of the stage.
        discriminator: its spec; ``norm`` and ``diversity`` are looked at where it has them.
        optimizer: of the recipe.
        path: of the stage in the recipe, for the keys.
    """
    return [
        *of_wasserstein(objective, discriminator, optimizer, path),
        *of_penalties(objective, discriminator, path),
        *of_unrolling(objective, optimizer, path),
    ]


def penalties(objective: ObjectiveSpec) -> list[str]:
    """Terms that hold the gradient at each picture."""
    specs = objective.specs("discriminator")
    return [name for name, term in specs.items() if term.per_picture]


def of_wasserstein(
    objective: ObjectiveSpec, discriminator: Any, optimizer: OptimizerSpec, path: str
) -> Iterator[Conflict]:
    """A critic needs a bound on its slope, and its loss knows differences only."""
    if objective.relativistic and not ADVERSARIAL[objective.adversarial].relates:
        yield Conflict(
            f"{path}.objective.relativistic",
            objective.relativistic,
            f"the {objective.adversarial} critic's loss is a difference of means already, so a "
            "relativistic one is the same loss (Jolicoeur-Martineau 2018, arXiv 1807.00734, "
            "section 4); use relativistic = false or another loss",
            impossible=True,
        )
    norm = getattr(discriminator, "norm", "none")
    bounded = penalties(objective) or optimizer.weight_clip or norm == "spectral"
    if objective.adversarial == "wasserstein" and not bounded:
        yield Conflict(
            f"{path}.objective.adversarial",
            objective.adversarial,
            "a critic whose slope nothing bounds has no optimum (Arjovsky et al. 2017, arXiv "
            "1701.07875, section 3); add discriminator.wgan_gp, norm = 'spectral' or "
            "optimizer.weight_clip",
            impossible=True,
        )
    if optimizer.weight_clip and norm == "spectral":
        yield Conflict(
            "optimizer.weight_clip",
            optimizer.weight_clip,
            "spectral normalisation divides the weights by their norm, so that a bound on them "
            "changes little (Miyato et al. 2018, arXiv 1802.05957, section 2); use one of the two",
            impossible=False,
        )


def of_penalties(objective: ObjectiveSpec, discriminator: Any, path: str) -> Iterator[Conflict]:
    """A penalty on each picture's gradient needs verdicts that depend on that picture alone."""
    names = penalties(objective)
    if not names:
        return
    norm, diversity = (getattr(discriminator, key, "none") for key in ("norm", "diversity"))
    if norm == "batch":
        yield Conflict(
            f"{path}.discriminator.norm",
            norm,
            f"{names[0]} holds the gradient at each picture, and batch normalisation mixes the "
            "pictures of a batch (Gulrajani et al. 2017, arXiv 1704.00028, section 4); use layer, "
            "instance or spectral",
            impossible=True,
        )
    if diversity == "discrimination":
        yield Conflict(
            f"{path}.discriminator.diversity",
            diversity,
            f"{names[0]} holds the gradient at each picture, and minibatch discrimination compares "
            "the pictures of a batch (Gulrajani et al. 2017, arXiv 1704.00028, section 4); use "
            "stddev, or presentation.pack",
            impossible=True,
        )
    if objective.relativistic == "average":
        yield Conflict(
            f"{path}.objective.relativistic",
            objective.relativistic,
            f"together with {names[0]} it was the best in one table of its paper and diverged in "
            "another (Jolicoeur-Martineau 2018, arXiv 1807.00734, section 5); watch the run",
            impossible=False,
        )


def of_unrolling(
    objective: ObjectiveSpec, optimizer: OptimizerSpec, path: str
) -> Iterator[Conflict]:
    """Gradients through updates that hold gradients themselves."""
    names = penalties(objective)
    if optimizer.unroll and names:
        yield Conflict(
            "optimizer.unroll",
            optimizer.unroll,
            f"{path}.objective.discriminator.{names[0]} holds a gradient in every update that is "
            "looked through, which takes third derivatives: slow, and not in its paper (Metz et "
            "al. 2017, arXiv 1611.02163)",
            impossible=False,
        )
