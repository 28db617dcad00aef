"""What the discriminators of a stack are shown: how it is presented, and of how many channels."""

from __future__ import annotations

from dataclasses import replace

from stacks.stack import Stack
from stacks.stage import Stage
from stacks.stage_spec import StageSpec
from translate.kinds import Kind
from translate.presentation import PresentationSpec
from translate.tables import TableError


def presentation_of(stage: StageSpec) -> PresentationSpec:
    """How a stage's pictures are presented.

    A discriminator that looks at how much a batch varies is shown real and fake apart, or each
    would tell on the other (Salimans et al. 2016, section 3.2).
    """
    diverse = getattr(stage.discriminator, "diversity", "none") != "none"
    return replace(stage.presentation, apart=stage.presentation.apart or diverse)


def discriminator_channels(stack: Stack, name: str) -> int:
    """Channels that the discriminator of a stage is shown: the picture and its condition.

    Raises:
        TableError: the band is of a picture that has other channels than what it is added to,
            there is no condition, or a discriminator that looks for a class does not find it last.
    """
    stage = stack.stages[name]
    check_class(stage)
    together = stage.spec.presentation.pack
    channels = stage.writes.channels
    if stage.spec.sees == "picture":
        return channels * together
    if stage.spec.sees == "pair":
        read = sum(stage.kinds[view].channels for view in stage.conditions)
        if not read:
            raise TableError(
                f"stage {name!r}: sees = 'pair', but it reads noise alone, which is no condition"
            )
        return (channels + read) * together
    base = stack.views[band_base(stack, name)]
    if base.kind.family not in ("rgb", "gray"):
        raise TableError(
            f"stage {name!r}: sees = 'band' is what was added to a picture, but "
            f"{band_base(stack, name)!r} is {base.kind}; use sees = 'pair'"
        )
    if channels != base.channels:
        raise TableError(
            f"stage {name!r}: sees = 'band' is what was added to the picture before, but a picture "
            f"of {channels} channels is written and that has {base.channels}"
        )
    if stage.writes.scale % base.scale:
        raise TableError(
            f"stage {name!r}: sees = 'band' is what was added to {band_base(stack, name)!r}, which "
            "is larger than what is written; use sees = 'pair'"
        )
    classes = sum(stage.kinds[view].channels for view in stage.classes)
    return (channels + base.channels + classes) * together


def check_class(stage: Stage) -> None:
    """See that a discriminator that takes its last channels for a class is shown one there."""
    spec = stage.spec
    count = getattr(spec.discriminator, "classes", 0)
    if not count:
        return
    where = f"stage {spec.name!r}: a {spec.discriminator.kind!r} discriminator"
    shown = {"picture": [], "pair": stage.conditions, "band": stage.classes}[spec.sees]
    last = stage.kinds[shown[-1]] if shown else None
    if last != Kind("class", count):
        found = f"{shown[-1]!r}, {last}" if shown else "nothing but the picture"
        raise TableError(
            f"{where} of {count} classes is shown {found} last; expected a view of kind "
            f"class:{count}, read last, and sees = 'pair'"
        )
    if spec.presentation.pack > 1:
        raise TableError(f"{where} looks at one picture and its class; leave presentation.pack out")


def band_base(stack: Stack, name: str) -> str:
    """The view that a band was added to: the source, or in a stack from noise what is read."""
    return "source" if "source" in stack.inputs else stack.stages[name].spec.reads[0]
