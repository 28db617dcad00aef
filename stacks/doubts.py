"""What a recipe may say and rarely means: warned of, not refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.wiring import elsewhere, paired_terms
from translate.compatibility import Conflict

if TYPE_CHECKING:
    from stacks.spec import Recipe

OWN = ("noise", "strength")
"""Kinds of views that are no condition: nothing of a picture is in them."""


def doubts(recipe: Recipe) -> Iterator[Conflict]:
    """Each with the reason, and what to choose instead."""
    for found in (misjudged, unseen, answered, untrained, unheard, unplayed):
        for key, given, reason in found(recipe):
            yield Conflict(key, given, reason, impossible=False)


Found = Iterator[tuple[str, object, str]]
"""Path of the setting, what is given, and the reason."""


def misjudged(recipe: Recipe) -> Found:
    """A metric that prefers the weights from before an adversarial phase to those from it."""
    adversarial = [recipe.plays(phase) for phase in recipe.phase if phase.steps]
    faithful = recipe.validation.metric != "band_error" and recipe.validation.folder
    if faithful and adversarial and adversarial[-1] and not adversarial[0]:
        yield (
            "validation.metric",
            recipe.validation.metric,
            "it falls in adversarial phases, and the best weights may be from before them; "
            "'band_error' tells of detail",
        )


def unseen(recipe: Recipe) -> Found:
    """Terms that hold what is drawn from noise against a picture that it knows nothing of."""
    if not recipe.points:
        return
    for index in elsewhere(recipe.stage, recipe.phase, recipe.data.kinds, unpaired=False):
        stage = recipe.stage[index]
        for name in paired_terms(stage):
            yield (
                f"stage[{index}].objective.generator",
                name,
                f"what is drawn from noise shows no picture that {stage.truth!r} could be, and is "
                "drawn towards the mean of all; objective.generator = {} leaves the adversarial "
                "loss alone",
            )


def answered(recipe: Recipe) -> Found:
    """Stages that are fed, as the truth of one before, the very picture that they are to write."""
    truths = {stage.writes: stage.truth for stage in recipe.stage}
    for index, phase in enumerate(recipe.phase):
        for stage in recipe.stage:
            if not (phase.feed == "truth" and phase.steps and stage.name in phase.train):
                continue
            # Of another size it is a part of the answer, as in a pyramid.
            alike = stage.reduce == 1 and getattr(stage.generator, "scale", 1) == 1
            for view in stage.reads if alike else ():
                if truths.get(view) == stage.truth:
                    yield (
                        f"phase[{index}].feed",
                        phase.feed,
                        f"the truth of {view!r}, that stage {stage.name!r} reads, is the very "
                        f"{stage.truth!r} that it is to write: it may learn to hand it on; feed = "
                        "'predicted' shows it what the stage before writes",
                    )


def untrained(recipe: Recipe) -> Found:
    """What ships as it began: stages that no phase trains, levels that no phase grows to."""
    for index, stage in enumerate(recipe.stage):
        users = {stage.name} | {other.name for other in recipe.stage if other.like == stage.name}
        phases = [
            phase for phase in recipe.phase if phase.steps and not users.isdisjoint(phase.train)
        ]
        if not stage.shipped:
            continue
        if not phases:
            yield (
                f"stage[{index}].name",
                stage.name,
                "no phase trains it, and it ships as it began; --start gives it weights",
            )
        depths = getattr(stage.generator, "depths", 0)
        if phases and depths and all(0 < phase.depth < depths for phase in phases):
            deepest = max(phase.depth for phase in phases)
            yield (
                "phase.depth",
                deepest,
                f"stage {stage.name!r} grows to {depths} levels and ships with all of them, those "
                "that no phase trains as they began; add a phase at full depth",
            )


def unheard(recipe: Recipe) -> Found:
    """A condition that nothing asks for: neither its discriminator sees it nor a term knows it."""
    read_later = {view for stage in recipe.stage for view in stage.needs}
    kinds = recipe.data.kinds
    for index, stage in enumerate(recipe.stage):
        conditions = [
            view for view in stage.reads if view not in kinds or kinds[view].family not in OWN
        ]
        paired = any(term.paired for term in stage.objective.specs("generator").values())
        judged = stage.discriminator is not None and stage.sees == "picture"
        if conditions and judged and not paired and stage.writes not in read_later:
            yield (
                f"stage[{index}].sees",
                stage.sees,
                f"nothing holds what is written against {conditions[0]!r}, which may then be "
                "ignored; sees = 'pair' shows it to the discriminator",
            )


def unplayed(recipe: Recipe) -> Found:
    """Settings of a game that no discriminator plays."""
    for index, stage in enumerate(recipe.stage):
        if stage.discriminator is None and stage.sees != "picture":
            yield (
                f"stage[{index}].sees",
                stage.sees,
                "is of what a discriminator sees; the stage has none",
            )
