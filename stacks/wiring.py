"""How the stages of a recipe may hang together: generators used again, what ships, what is paired,
which symmetries the views bear.

Stages that are for training alone close cycles (Zhu et al. 2017, arXiv 1703.10593): they use the
generator of another stage again, or read the target, which nobody has when the stack is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from translate.tables import TableError

if TYPE_CHECKING:
    from stacks.spec import PhaseSpec, StageSpec
    from translate.augment import AugmentSpec
    from translate.kinds import Kind


def check_likes(stages: Sequence[StageSpec]) -> None:
    """Every stage has a generator of its own or that of an earlier stage.

    Raises:
        TableError: it has none, both, or the other stage comes later or has none of its own.
    """
    owners: list[str] = []
    for index, stage in enumerate(stages):
        path = f"stage[{index}]"
        if not stage.like:
            if stage.generator is None:
                raise TableError(f"{path}.generator: missing; a table, or like = STAGE, is needed")
            owners.append(stage.name)
            continue
        if stage.generator is not None:
            raise TableError(
                f"{path}.generator: the stage is like {stage.like!r} and uses its generator; "
                "leave one of the two out"
            )
        if stage.like not in owners:
            known = ", ".join(owners) or "none"
            raise TableError(
                f"{path}.like: got {stage.like!r}; expected an earlier stage with a generator of "
                f"its own; known: {known}"
            )


def check_ships(stages: Sequence[StageSpec], made: bool) -> None:
    """The file has stages, and what they read can be had without training data.

    Args:
        stages: in their order.
        made: whether sources are made from targets, which are larger where sources are reduced.

    Raises:
        TableError: it has not, or cannot.
    """
    if not any(stage.shipped for stage in stages):
        raise TableError("stage: none is left for the file; ships = true puts one into it")
    writers = {stage.writes: stage for stage in stages}
    for index, stage in enumerate(stages):
        path = f"stage[{index}].reads"
        for view in stage.needs:
            writer = writers.get(view)
            if stage.shipped and writer is not None and not writer.shipped:
                raise TableError(
                    f"{path}: {view!r} is written by stage {writer.name!r}, which is for training "
                    "alone; set ships = false here too, or true there"
                )
            if view == "target" and writer is None:
                if made:
                    raise TableError(f"{path}: 'target' is read where sources are made from it")
                if stage.shipped and stage.truth == "target":
                    raise TableError(
                        f"{path}: 'target' is what the stage learns to write; ships = false lets "
                        "it read it in training"
                    )


def check_symmetries(kinds: Mapping[str, Kind], augment: AugmentSpec) -> None:
    """A mirrored angle is the opposite one; what a quarter turn does to it, nobody knows.

    Raises:
        TableError: pictures with an angle would be turned by quarters, or the colors of what is not
            RGB would change.
    """
    for view, kind in kinds.items():
        if kind.family == "angle" and augment.turn:
            raise TableError(
                f"augment.turn: got true, but {view!r} is an angle, which does not turn along; "
                "allowed: false"
            )
        colored = kind.is_picture or kind.family == "colors"
        if augment.channels and colored and kind.family != "rgb":
            raise TableError(
                f"augment.channels: got true, but {view!r} is {kind}; only the channels of rgb "
                "pictures may change their order; allowed: false"
            )
        for key, share in (("colors", augment.colors), ("gray", augment.gray)):
            if share and colored and kind.family != "rgb":
                raise TableError(
                    f"augment.{key}: got {share}, but {view!r} is {kind}; only the colors of rgb "
                    "pictures may change; allowed: 0"
                )


def check_areas(stages: Sequence[StageSpec], kinds: Mapping[str, Kind]) -> None:
    """Areas that only training has are among the data.

    Raises:
        TableError: one is not.
    """
    for index, stage in enumerate(stages):
        for view in stage.inside.training if stage.inside else ():
            if view not in kinds or not kinds[view].is_picture:
                known = ", ".join(name for name, kind in kinds.items() if kind.is_picture)
                raise TableError(
                    f"stage[{index}].inside.training: {view!r} is no picture of the data; "
                    f"known: {known}"
                )


def check_colors(stages: Sequence[StageSpec], kinds: Mapping[str, Kind]) -> None:
    """Colors are changed before a discriminator where there are three, of the picture alone.

    Raises:
        TableError: what a stage is held against has none, or labels in their place.
    """
    for index, stage in enumerate(stages):
        kind = "gray" if stage.truth == "noise_map" else str(kinds.get(stage.truth, "rgb"))
        if "color" in stage.presentation.augment and kind != "rgb":
            raise TableError(
                f"stage[{index}].presentation.augment: 'color' is of pictures of kind rgb; the "
                f"stage's truth, {stage.truth!r}, is {kind}; leave it out"
            )


def check_moves(stages: Sequence[StageSpec], fit: str, phases: Sequence[PhaseSpec]) -> None:
    """Displacements count sides of the picture, so that all pictures are whole and of one size.

    Raises:
        TableError: a stage that moves pixels is shown crops.
    """
    for index, stage in enumerate(stages):
        if stage.join != "move":
            continue
        if fit != "resize":
            raise TableError(
                f"stage[{index}].join: 'move' tells where pixels come from in parts of a side, "
                "which are others in a crop than in a picture; set data.fit = 'resize'"
            )
        for number, phase in enumerate(phases):
            if phase.size:
                raise TableError(
                    f"phase[{number}].size: got {phase.size}; stage {stage.name!r} moves pixels in "
                    "parts of a side, which are others in a crop; leave it out"
                )


def check_told(stages: Sequence[StageSpec], kinds: Mapping[str, Kind]) -> None:
    """What nobody tells in training is not read as a plain input.

    Raises:
        TableError: a strength or a color is, which would be -1 in every batch.
    """
    for index, stage in enumerate(stages):
        for view in stage.reads:
            family = kinds[view].family if view in kinds else ""
            if family == "strength" and not getattr(stage.generator, "latent", 0):
                raise TableError(
                    f"stage[{index}].reads: {view!r} is a strength, which is -1 in every batch; a "
                    "generator of kind style reads one, with latent above 0, and noise is told by "
                    "join = 'told'"
                )
            if family == "colors":
                raise TableError(
                    f"stage[{index}].reads: {view!r} are colors, which are -1 in every batch; read "
                    "what stage.derive makes of them: kinds paint, asked"
                )


def check_unpaired(
    stages: Sequence[StageSpec], phases: Sequence[PhaseSpec], kinds: Mapping[str, Kind]
) -> None:
    """Where pictures have no partners, nothing is held against a picture of another scene.

    Raises:
        TableError: a term, a condition or a phase needs partners.
    """
    for index in elsewhere(stages, phases, kinds, unpaired=True):
        stage = stages[index]
        why = (
            f"pictures of layout 'unpaired' have no partners, and {stage.truth!r} is another scene"
        )
        for name in paired_terms(stage):
            raise TableError(
                f"stage[{index}].objective.generator.{name}: {why}; objective.generator = {{}} "
                "leaves the adversarial loss alone"
            )
        if stage.discriminator is not None and stage.sees != "picture":
            raise TableError(f"stage[{index}].sees: got {stage.sees!r}; {why}: allowed: picture")
    for index, phase in enumerate(phases):
        if phase.feed == "truth" and any(
            stage.writes in other.needs for stage in stages for other in stages
        ):
            raise TableError(
                f"phase[{index}].feed: got 'truth'; pictures of layout 'unpaired' have none for "
                "what a stage before wrote; allowed: predicted"
            )


def paired_terms(stage: StageSpec) -> list[str]:
    """The terms of its generator that hold a picture against its own truth."""
    return [name for name, term in stage.objective.specs("generator").items() if term.paired]


def elsewhere(
    stages: Sequence[StageSpec],
    phases: Sequence[PhaseSpec],
    kinds: Mapping[str, Kind],
    unpaired: bool,
) -> Iterator[int]:
    """Stages, by their index, whose truth is not of the scene that they show.

    What a stage makes shows the scenes of the views that it goes back to; a truth among these is of
    the same scene, as in a cycle, and others are for a discriminator to compare in general. What is
    drawn from noise shows no scene at all; a level of a pyramid that learns from the truth of the
    one before shows that.
    """
    scenes: dict[str, frozenset[str]] = {}
    truths = {stage.writes: stage.truth for stage in stages}
    for index, stage in enumerate(stages):
        shown = frozenset[str]().union(
            *(scenes.get(view, scene_of(view, kinds, unpaired)) for view in stage.sources)
        )
        scenes[stage.writes] = shown
        feeds = {phase.feed for phase in phases if phase.steps and stage.name in phase.train}
        if feeds == {"truth"}:
            shown |= {truths[view] for view in stage.sources if view in truths}
        if stage.truth not in shown:
            yield index


def scene_of(view: str, kinds: Mapping[str, Kind], unpaired: bool) -> frozenset[str]:
    """What a view that nobody writes shows: itself, or nothing where it is no picture."""
    pictured = unpaired or (view in kinds and kinds[view].is_picture)
    return frozenset({view}) if pictured else frozenset()
