"""A stage: read views -> resize -> concatenate -> generate -> join -> write views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional

from stacks.derive import GRAY
from stacks.inside import InsideSpec, area, repeat, where
from stacks.light import light, toned
from stacks.move import AXES, moved
from stacks.stage_spec import StageSpec
from translate.joints import draw
from translate.kinds import Kind, planes, seen
from translate.layers.resampling import upsample
from translate.losses.precision import full
from translate.pixels import SIGMA_UNIT, from_network
from translate.tables import TableError

Views = dict[str, Tensor]
LOGITS = 8.0
"""Generators that end in tanh write [-1, 1]; stretched by this, a label can be all but certain."""


@dataclass(frozen=True)
class ViewSpec:
    """What a stage knows of a view before it has one."""

    kind: Kind
    scale: Fraction = Fraction(1)
    """Pixels of this view on one pixel of the source, along one side."""
    noise_level: bool = False
    """Whether it is a map of the strength of noise, of which 0 is none."""

    @property
    def channels(self) -> int:
        """Planes that a network sees of it."""
        return self.kind.channels


HIDDEN = "hidden"
"""The plane that tells a generator where what it reads was hidden from it."""
POINT = ViewSpec(Kind("noise"))
"""The grid of a stage that reads no map: one pixel."""


class Stage(nn.Module):
    """One generator between views.

    Args:
        spec: what it reads and writes; of a stage that is like another, with that one's generator.
        views: the views there are before it.
        kind: of the view it writes.
    """

    def __init__(self, spec: StageSpec, views: dict[str, ViewSpec], kind: Kind) -> None:
        super().__init__()
        self.spec = spec
        views = self.with_derived(views)
        for name in [*spec.needs, *([spec.features] if spec.features else [])]:
            if name not in views:
                known = ", ".join(views)
                raise TableError(
                    f"stage {spec.name!r} reads {name!r}, which no earlier stage writes; "
                    f"known: {known}"
                )
        self.kinds = {name: views[name].kind for name in spec.reads}
        if spec.inside is not None and spec.inside.hide:
            views = {**views, HIDDEN: ViewSpec(Kind("gray"), views[self.outside].scale)}
            self.kinds[HIDDEN] = Kind("gray")
        maps = [name for name in self.kinds if self.kinds[name].is_map]
        reduced = {name: views[name].scale / spec.reduce for name in maps}
        self.base = ViewSpec(self.kinds[maps[0]], reduced[maps[0]]) if maps else POINT
        if maps and self.kinds[maps[0]].is_noise and not all(self.kinds[m].is_noise for m in maps):
            raise TableError(f"stage {spec.name!r}: the first map it reads must not be noise")
        if any(scale > self.base.scale for scale in reduced.values()):
            raise TableError(f"stage {spec.name!r}: the first map it reads must be the largest")
        for name, scale in reduced.items():
            if self.base.scale % scale:
                raise TableError(
                    f"stage {spec.name!r}: {name!r} of scale {scale} does not enlarge to scale "
                    f"{self.base.scale} by a whole factor"
                )
        self.resize = {name: int(self.base.scale / scale) for name, scale in reduced.items()}
        drawn = [name for name in spec.reads if self.kinds[name].family == "keypoints"]
        if drawn and not maps:
            raise TableError(
                f"stage {spec.name!r}: {drawn[0]!r} are keypoints, which are drawn on the grid of "
                "a picture; let it read a picture as well"
            )
        self.check_features(views)
        features = views[spec.features].channels if spec.features else 0
        reads = sum(kind.channels for kind in self.kinds.values())
        writes = AXES if spec.join == "move" else kind.channels
        self.channels = (reads, writes, features)
        """That the generator reads, writes and reads of features."""
        self.generator: nn.Module | None = None
        if not spec.like:
            self.generator = spec.generator.build(*self.channels)
        scale = self.base.scale * spec.generator.scale
        self.writes = ViewSpec(kind, scale, noise_level=spec.truth == "noise_map")
        self.from_zero: set[str] = set()
        """Maps of noise that lie in [0, 2] for the generator, as without biases it must see a
        nothing where there is none; pictures lie about gray."""
        if getattr(spec.generator, "homogeneous", False):
            self.from_zero = {name for name in spec.reads if views[name].noise_level}
        if spec.join in ("add", "light", "tone", "move"):
            self.check_base(kind)
        self.inside: dict[str, Kind] = {}
        if spec.inside is not None:
            self.enlarge_area = self.check_inside(spec.inside, views)
            self.inside = {name: views[name].kind for name in spec.inside.views}
            self.inside |= dict.fromkeys(spec.inside.training, self.inside[spec.inside.views[0]])
        if spec.join == "told" and kind.channels != 1:
            raise TableError(f"stage {spec.name!r}: a told strength stands for one channel")
        handed = spec.generator.features
        # Features live on a grid of their own, which may be coarser than what is read.
        grid = self.base.scale / (spec.generator.hands_features_at if handed else 1)
        self.hands_up = ViewSpec(Kind("features", handed), grid)

    def check_base(self, kind: Kind) -> None:
        """What is written is made of the first view read, a picture, and what is generated."""
        name = self.spec.reads[0]
        base = self.kinds[name]
        if base.family not in ("rgb", "gray") or kind.family not in ("rgb", "gray"):
            raise TableError(
                f"stage {self.spec.name!r}: join = {self.spec.join!r} is of pictures; {name!r} is "
                f"{base}, and {kind} is written"
            )
        if base != kind:
            raise TableError(
                f"stage {self.spec.name!r}: join = {self.spec.join!r} makes of {name!r}, which is "
                f"{base}, the same kind; {kind} is written"
            )
        if self.spec.join == "tone" and kind.family != "rgb":
            raise TableError(
                f"stage {self.spec.name!r}: join = 'tone' is of colors; {name!r} is {base}, and "
                f"{kind} is written; expected rgb"
            )

    def check_inside(self, inside: InsideSpec, views: dict[str, ViewSpec]) -> dict[str, int]:
        """The area fits the picture that it is of; returns by how much each view is enlarged."""
        base, written = self.outside, self.writes
        if views[base].kind != written.kind:
            raise TableError(
                f"stage {self.spec.name!r}: join = 'inside' leaves parts of {base!r}, which is "
                f"{views[base].kind}, in what is written, {written.kind}; expected the same kind"
            )
        inside.check({name: views[name].kind for name in inside.needs})
        if views[base].scale * self.spec.generator.scale != written.scale:
            raise TableError(
                f"stage {self.spec.name!r}: inside.of: {base!r} is of scale {views[base].scale}; "
                f"expected that of the first map read, {self.base.scale}"
            )
        if inside.hide and (base not in self.kinds or self.spec.generator.scale != 1):
            raise TableError(
                f"stage {self.spec.name!r}: inside.hide: is of {base!r}, which the generator must "
                "read, and not enlarge"
            )
        masks = (*inside.views, *([inside.but] if inside.but else []))
        for name in masks:
            if written.scale % views[name].scale:
                raise TableError(
                    f"stage {self.spec.name!r}: inside: {name!r} of scale "
                    f"{views[name].scale} does not enlarge to scale {written.scale}"
                )
        sizes = {name: written.scale // views[name].scale for name in masks}
        return sizes | dict.fromkeys(inside.training, sizes[inside.views[0]])

    @property
    def outside(self) -> str:
        """The view that stays outside of the area of ``join = "inside"``."""
        inside = self.spec.inside
        return inside.of if inside is not None and inside.of else self.spec.reads[0]

    def with_derived(self, views: dict[str, ViewSpec]) -> dict[str, ViewSpec]:
        """What is known of the views, those that this stage derives among them."""
        known = dict(views)
        self.derive_from: dict[str, dict[str, Kind]] = {}
        for name, derived in self.spec.derive.items():
            if missing := [view for view in derived.needs if view not in views]:
                raise TableError(
                    f"stage {self.spec.name!r}: derive.{name} is made of {missing[0]!r}, which no "
                    f"earlier stage writes; known: {', '.join(views)}"
                )
            if name in views:
                raise TableError(f"stage {self.spec.name!r}: derive.{name}: there is such a view")
            kinds = {view: views[view].kind for view in derived.needs}
            try:
                kind = derived.kind_of(kinds)
            except TableError as error:
                raise TableError(f"stage {self.spec.name!r}: derive.{name}.{error}") from None
            scales = {views[view].scale for view in derived.needs if views[view].kind.is_map}
            if len(scales) > 1:
                raise TableError(
                    f"stage {self.spec.name!r}: derive.{name}: its views are of different sizes"
                )
            self.derive_from[name] = kinds
            known[name] = ViewSpec(kind, views[derived.needs[0]].scale)
        return known

    def check_features(self, views: dict[str, ViewSpec]) -> None:
        """Features come from a generator that makes them, to one that reads them where they lie."""
        spec = self.spec
        for key, verb in (("features", "reads no features"), ("hands_up", "makes no features")):
            if getattr(spec, key) and not spec.generator.features:
                raise TableError(
                    f"stage {spec.name!r}: {key} = {getattr(spec, key)!r}, but a generator of kind "
                    f"{spec.generator.kind!r} {verb}"
                )
        if not spec.features:
            return
        grid = self.base.scale / spec.generator.reads_features_at
        if views[spec.features].scale != grid:
            raise TableError(
                f"stage {spec.name!r}: the features {spec.features!r} lie on a grid of scale "
                f"{views[spec.features].scale}, the generator's own grid is of scale {grid}"
            )

    def forward(self, views: Views, generator: nn.Module | None = None) -> Views:
        """The views written, of the views there are: name -> ``(N, C, H, W)``.

        Pictures are in [0, 1], labels as ids ``(N, 1, H, W)`` or planes ``(N, K, H, W)``; classes
        and ``strength`` are ``(N,)``, the latter below 0 where it is automatic; keypoints are
        ``(N, K, 3)``, noise is ``(N, C)`` or ``(N, C, H, W)``. A stage that is like another is
        given that one's ``generator``.
        """
        generator = self.generator if generator is None else generator
        assert generator is not None, f"stage {self.spec.name!r} has no generator of its own"
        views = self.derived(views)
        changed = self.changed(views)
        shown = self.hidden(views, changed)
        read = [self.seen(shown, name) for name in self.kinds]
        if self.spec.join in ("light", "tone"):
            read[0] = read[0] - light(read[0])
        joined = self.together(read, list(self.kinds))
        written: Views = {}
        if self.spec.generator.features:
            features = views[self.spec.features] if self.spec.features else None
            made, handed = generator(joined, features)
            if self.spec.hands_up:
                written[self.spec.hands_up] = handed
        else:
            made = generator(joined)
        written[self.spec.writes] = self.join(made, views, changed)
        return written

    def seen(self, views: Views, name: str) -> Tensor:
        """A view as the generator reads it."""
        planes = seen(self.drawn(views, name), self.kinds[name])
        return planes + 1 if name in self.from_zero else planes

    def drawn(self, views: Views, name: str) -> Tensor:
        """A view that is read; keypoints are drawn, on the grid that the stage works on."""
        kind = self.kinds[name]
        if kind.family != "keypoints":
            return views[name]
        height, width = views[next(iter(self.resize))].shape[-2:]
        size = (height // self.spec.reduce, width // self.spec.reduce)
        return draw(views[name], kind.drawing, size, float(self.base.scale))

    def derived(self, views: Views) -> Views:
        """The views, with those that this stage makes of them."""
        made = {
            name: derived.make(views, self.derive_from[name])
            for name, derived in self.spec.derive.items()
        }
        return {**views, **made} if made else views

    def changed(self, views: Views) -> Tensor | None:
        """Where the stage may change a picture: ``(N, 1, H, W)``, true or false."""
        inside = self.spec.inside
        if inside is None:
            return None
        # Those of training alone are not there in use.
        kinds = {name: kind for name, kind in self.inside.items() if name in views}
        changed = area(views, kinds, inside.labels, self.enlarge_area)
        if inside.unless:
            changed = changed & (views[inside.unless] != 0).reshape(-1, 1, 1, 1)
        if inside.but:
            but = where(views[inside.but], Kind("gray"), ())
            changed = changed | repeat(but, self.enlarge_area[inside.but])
        return changed

    def hidden(self, views: Views, changed: Tensor | None) -> Views:
        """The views as the generator is shown them: what it may change is gray."""
        if changed is None or HIDDEN not in self.kinds:
            return views
        whole = planes(views[self.outside], self.kinds[self.outside])
        gray = torch.where(changed, GRAY, whole)
        return {**views, self.outside: gray, HIDDEN: changed.to(whole.dtype)}

    def together(self, read: Sequence[Tensor], names: Sequence[str]) -> Tensor:
        """Planes of several views as channels of one map, at the size of the largest one."""
        sized = [
            enlarge(self.reduced(planes, name), self.resize.get(name, 1), self.kinds[name])
            for planes, name in zip(read, names, strict=True)
        ]
        maps = [planes for planes, name in zip(sized, names, strict=True) if name in self.resize]
        if maps:
            # What has no size of its own is the same everywhere.
            height, width = maps[0].shape[-2:]
            sized = [
                planes if name in self.resize else planes.expand(-1, -1, height, width)
                for planes, name in zip(sized, names, strict=True)
            ]
        return torch.cat(sized, dim=1) if len(sized) > 1 else sized[0]

    def reduced(self, planes: Tensor, name: str) -> Tensor:
        """Planes of a map, averaged where the stage works on a smaller grid."""
        reduce = self.spec.reduce if name in self.resize else 1
        return functional.avg_pool2d(planes, reduce) if reduce > 1 else planes

    @property
    def conditions(self) -> list[str]:
        """Views read that a discriminator may know: noise and strengths are the generator's own."""
        own = ("noise", "noise-map", "strength")
        return [name for name, kind in self.kinds.items() if kind.family not in own]

    @property
    def classes(self) -> list[str]:
        """Classes read."""
        return [name for name, kind in self.kinds.items() if kind.family == "class"]

    def condition(self, views: Views) -> Tensor:
        """The views read, as channels of one map of the size that is written, in [0, 1]."""
        names = self.conditions
        views = self.derived(views)
        views = self.hidden(views, self.changed(views))
        shown = self.together(
            [planes(self.drawn(views, name), self.kinds[name]) for name in names], names
        )
        # Where classes alone are known, they are still of one pixel.
        sized = any(name in self.resize for name in names)
        return upsample(shown, self.spec.generator.scale if sized else int(self.writes.scale))

    def join(self, made: Tensor, views: Views, changed: Tensor | None) -> Tensor:
        """What the generator made, as the view that is written, in [0, 1]."""
        # Sums and comparisons at full precision: a residual in bf16 would round the picture itself.
        made = full(made)
        if self.spec.join in ("add", "move"):
            base = self.reduced(views[self.spec.reads[0]], self.spec.reads[0])
            enlarged = upsample(base, self.spec.generator.scale)
            # A residual in [-1, 1] units of the network is half as large in [0, 1].
            return moved(enlarged, made) if self.spec.join == "move" else enlarged + made / 2
        if self.spec.join in ("light", "tone"):
            source = views[self.spec.reads[0]]
            # Not halved: from any light to black, or to white, is up to all of [-1, 1].
            lit = light(source) + made
            return toned(lit, source) if self.spec.join == "tone" else lit
        labels = self.writes.kind.family == "labels"
        made = torch.softmax(made * LOGITS, dim=1) if labels else from_network(made)
        if changed is not None:
            base = planes(views[self.outside], self.writes.kind)
            base = enlarge(base, self.spec.generator.scale, self.writes.kind)
            # Chosen, not blended: what is outside comes back as it was, to the bit.
            return torch.where(changed, made, base)
        if self.spec.join == "told":
            strength = views["strength"].reshape(-1, 1, 1, 1)
            return torch.where(strength >= 0, strength / SIGMA_UNIT, made)
        return made


def enlarge(planes: Tensor, factor: int, kind: Kind) -> Tensor:
    """Planes enlarged by a whole factor: labels by repetition, as there is nothing between them."""
    if factor > 1 and kind.family == "labels":
        return functional.interpolate(planes, scale_factor=float(factor), mode="nearest")
    return upsample(planes, factor)
