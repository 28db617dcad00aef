"""A stack: a fold of stages over named views."""

from __future__ import annotations

import keyword
import math
from collections.abc import Collection, ItemsView, Mapping, Sequence, ValuesView
from dataclasses import replace
from fractions import Fraction
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from stacks.spec import Recipe, StageSpec
from stacks.stage import Stage, Views, ViewSpec
from translate.batches import Batch
from translate.kinds import Kind, planes
from translate.layers.resampling import pad_to_multiple
from translate.recomputation import Segmented, recompute
from translate.tables import TableError


class Stages(nn.ModuleDict):
    """Stages by name, in order; a `ModuleDict` that knows the type of its members."""

    def __getitem__(self, key: str) -> Stage:
        return cast(Stage, super().__getitem__(key))

    def items(self) -> ItemsView[str, Stage]:
        return cast("ItemsView[str, Stage]", super().items())

    def values(self) -> ValuesView[Stage]:
        return cast("ValuesView[Stage]", super().values())


class Stack(nn.Module):
    """The generators of a recipe, in order.

    ``forward`` takes and returns tensors only, so exporting a stack is exporting one graph.

    Attributes:
        inputs: views that the caller brings, in the order of the file's inputs.
        views: every view but ``strength``, with those that only training brings.
        shipped: names of the stages that the file holds.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.shipped = [stage.name for stage in recipe.stage if stage.shipped]
        self.inputs = input_views(recipe, [stage for stage in recipe.stage if stage.shipped])
        brought = input_views(recipe, recipe.stage)
        self.views = {name: spec for name, spec in brought.items() if name != "strength"}
        self.stages = Stages()
        for index, spec in enumerate(recipe.stage):
            try:
                if spec.like:
                    spec = replace(spec, generator=self.stages[spec.like].spec.generator)
                stage = Stage(spec, self.views, truth_kind(recipe, spec.truth))
                if spec.like:
                    self.check_like(stage, self.stages[spec.like])
                self.check_training_areas(stage)
            except TableError as error:
                raise TableError(f"stage[{index}]: {error}") from None
            taken = hasattr(self.stages, spec.name) or keyword.iskeyword(spec.name)
            if "." in spec.name or taken:
                # Names become attributes of a module, which has its own: "double", "train" ...,
                # and are written into code at the export.
                raise TableError(f"stage[{index}].name: {spec.name!r} cannot name a stage")
            self.stages[spec.name] = stage
            self.views[spec.writes] = stage.writes
            if spec.hands_up:
                self.views[spec.hands_up] = stage.hands_up

    def check_like(self, stage: Stage, other: Stage) -> None:
        """A generator that is used again reads the same planes; what it makes is joined alike."""
        ours, theirs = ([str(kind) for kind in one.kinds.values()] for one in (stage, other))
        if sorted(ours) == sorted(theirs) and ours != theirs:
            raise TableError(
                f"stage {stage.spec.name!r} reads {', '.join(ours)}; {other.spec.name!r}, whose "
                f"generator it uses, {', '.join(theirs)}: expected the same order"
            )
        for key in ("join", "reduce"):
            given, expected = (getattr(one.spec, key) for one in (stage, other))
            if given != expected:
                raise TableError(
                    f"stage {stage.spec.name!r}: {key} = {given!r}; {other.spec.name!r}, whose "
                    f"generator it uses, has {expected!r}; expected the same"
                )
        if stage.channels != other.channels:
            given, expected = (
                "reads {}, writes {} and is handed {}".format(*one.channels)
                for one in (stage, other)
            )
            raise TableError(
                f"stage {stage.spec.name!r} {given} channels; {other.spec.name!r}, whose generator "
                f"it uses, {expected}"
            )

    def check_training_areas(self, stage: Stage) -> None:
        """Areas that only training has are read as those that the stage is told."""
        inside = stage.spec.inside
        if inside is None:
            return
        for name in inside.training:
            expected = stage.inside[name]
            if (given := self.recipe.data.kinds[name]) != expected:
                raise TableError(
                    f"inside.training: {name!r} is {given}; expected {expected}, as "
                    f"{inside.views[0]!r} is"
                )

    def owner(self, name: str) -> str:
        """The stage whose generator does the work of a stage: mostly its own."""
        return self.stages[name].spec.like or name

    def generator(self, name: str) -> nn.Module:
        """The generator that does the work of a stage."""
        generator = self.stages[self.owner(name)].generator
        assert generator is not None
        return generator

    def compute_again(self) -> None:
        """Let the generators keep few activations, and compute the others again, in place.

        Raises:
            TableError: a generator, of a plugin's kind, does not say which.
        """
        for name, stage in self.stages.items():
            if isinstance(stage.generator, Segmented):
                recompute(stage.generator)
            elif stage.generator is not None:
                raise TableError(
                    f"checkpointing: the generator of stage {name!r} is of kind "
                    f"{stage.spec.generator.kind!r}, which names no segments; give its module a "
                    "method segments(), or leave checkpointing out"
                )

    def forward(
        self,
        views: Mapping[str, Tensor],
        stages: Collection[str] | None = None,
        truths: Mapping[str, Tensor] | None = None,
    ) -> Views:
        """The views that the stages wrote, in their order.

        Args:
            views: the inputs, as `Stage.forward` takes them.
            stages: only these run, in the order of the stack; those that ship where None.
            truths: what the stages after read instead of what a stage wrote (feed = "truth").
        """
        # A stage that is not run, for what it would write is replaced, leaves that behind.
        known = dict(views) | dict(truths or {})
        written: Views = {}
        for name, stage in self.stages.items():
            if name not in (self.shipped if stages is None else stages):
                continue
            made = stage(known, self.generator(name))
            written |= made
            known |= made
            if truths and stage.spec.writes in truths:
                known[stage.spec.writes] = truths[stage.spec.writes]
        return written

    def truth(self, stage: str, batch: Batch) -> Tensor | None:
        """What a stage should have written, or None where the batch is too small to tell.

        A batch whose source was reduced by two has no truth for a stage that enlarges by four: the
        stage sits that step out.
        """
        spec, writes = self.stages[stage].spec, self.stages[stage].writes
        if spec.truth != "target" or writes.scale < 1:
            truth = planes(batch.views[spec.truth], writes.kind)
            # Scales are of the source's grid, on which a target may be the larger one.
            own = writes.scale / batch.scale if spec.truth == "target" else writes.scale
            return averaged(truth, own) if own < 1 else truth
        if batch.scale % writes.scale:
            return None
        reduced = int(batch.scale / writes.scale)
        truth = batch.views["target" if reduced == 1 else f"down{reduced}:target"]
        return planes(truth, writes.kind)

    def truths(self, batch: Batch) -> dict[str, Tensor]:
        """What each stage should have written; stages without one are left out."""
        truths = {name: self.truth(name, batch) for name in self.stages}
        return {name: truth for name, truth in truths.items() if truth is not None}

    def padded(self, views: Mapping[str, Tensor]) -> Views:
        """Inputs with their last rows and columns mirrored, up to sizes that the stack takes."""
        return {
            name: pad_to_multiple(view, int(self.multiple * self.inputs[name].scale))
            if view.dim() == 4
            else view
            for name, view in views.items()
        }

    @property
    def multiple(self) -> int:
        """What both sides of the source must divide by: each stage's need on the source's grid."""
        multiple = 1
        for stage in self.stages.values():
            # The least number of source pixels that are whole multiples on the stage's grid.
            needed = Fraction(stage.spec.generator.multiple) / stage.base.scale
            multiple = math.lcm(multiple, needed.numerator)
            for derived in stage.spec.derive.values():
                multiple = math.lcm(multiple, derived.multiple)
        return multiple


def averaged(truth: Tensor, scale: Fraction) -> Tensor:
    """A truth at the size of a stage that works on a smaller grid than the source's."""
    return functional.avg_pool2d(truth, scale.denominator)


def truth_kind(recipe: Recipe, truth: str) -> Kind:
    """The kind of what a stage is held against."""
    kinds = recipe.data.kinds
    if truth == "noise_map":
        return Kind("gray")
    if truth not in kinds or not kinds[truth].is_picture:
        known = ", ".join(name for name, kind in kinds.items() if kind.is_picture)
        raise TableError(f"stage truth {truth!r} is no picture of the data; known: {known}")
    return kinds[truth]


def input_views(recipe: Recipe, stages: Sequence[StageSpec]) -> dict[str, ViewSpec]:
    """The views that some stages need and none of them writes, in the order of the data's."""
    written = {stage.writes for stage in stages}
    read = {name for stage in stages for name in stage.needs}
    inputs = {
        name: ViewSpec(kind, Fraction(kind.scale))
        for name, kind in recipe.data.kinds.items()
        if name in read - written
    }
    if "source" not in inputs and recipe.degrade.choices:
        # Sources made by degrading targets are of the target's kind.
        inputs = {"source": ViewSpec(recipe.data.kinds["target"]), **inputs}
    if any(stage.join == "told" for stage in stages):
        inputs["strength"] = ViewSpec(Kind("strength"))
    return inputs
