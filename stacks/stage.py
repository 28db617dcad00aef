"""A stage: read views -> resize -> concatenate -> generate -> join -> write views."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stacks.spec import StageSpec
from translate.layers.resampling import upsample
from translate.pixels import SIGMA_UNIT, from_network, to_network
from translate.tables import TableError

Views = dict[str, Tensor]


@dataclass(frozen=True)
class ViewSpec:
    """What a stage knows of a view before it has one."""

    channels: int
    scale: int = 1
    """Pixels of this view on one pixel of the source, along one side."""


class Stage(nn.Module):
    """One generator between views.

    Args:
        spec: what it reads and writes.
        views: the views there are before it.
        channels: of the view it writes.
    """

    def __init__(self, spec: StageSpec, views: dict[str, ViewSpec], channels: int) -> None:
        super().__init__()
        self.spec = spec
        for name in [*spec.reads, *([spec.features] if spec.features else [])]:
            if name not in views:
                known = ", ".join(views)
                raise TableError(
                    f"stage {spec.name!r} reads {name!r}, which no earlier stage writes; "
                    f"known: {known}"
                )
        self.base = views[spec.reads[0]]
        self.resize = {name: self.base.scale // views[name].scale for name in spec.reads}
        if any(factor < 1 for factor in self.resize.values()):
            raise TableError(f"stage {spec.name!r}: the first view it reads must be the largest")
        for name in spec.reads:
            if self.base.scale % views[name].scale:
                raise TableError(
                    f"stage {spec.name!r}: {name!r} of scale {views[name].scale} does not enlarge "
                    f"to scale {self.base.scale} by a whole factor"
                )
        self.check_features(views)
        features = views[spec.features].channels if spec.features else 0
        reads = sum(views[name].channels for name in spec.reads)
        self.generator = spec.generator.build(reads, channels, features)
        self.writes = ViewSpec(channels, self.base.scale * spec.generator.scale)
        if spec.join == "add" and channels > self.base.channels:
            raise TableError(f"stage {spec.name!r}: cannot add {channels} channels to fewer")
        if spec.join == "told" and channels != 1:
            raise TableError(f"stage {spec.name!r}: a told strength stands for one channel")
        # Features live on the generator's own grid, which may be coarser than what it reads.
        self.hands_up = ViewSpec(spec.generator.features, self.grid)

    @property
    def grid(self) -> int:
        """Points of the generator's own grid on one pixel of the source, along one side."""
        return self.base.scale // self.spec.generator.multiple or 1

    def check_features(self, views: dict[str, ViewSpec]) -> None:
        """Features come from a generator that makes them, to one that reads them where they lie."""
        spec = self.spec
        for key, verb in (("features", "reads no features"), ("hands_up", "makes no features")):
            if getattr(spec, key) and not spec.generator.features:
                raise TableError(
                    f"stage {spec.name!r}: {key} = {getattr(spec, key)!r}, but a generator of kind "
                    f"{spec.generator.kind!r} {verb}"
                )
        if spec.features and views[spec.features].scale != self.grid:
            raise TableError(
                f"stage {spec.name!r}: the features {spec.features!r} lie on a grid of scale "
                f"{views[spec.features].scale}, the generator's own grid is of scale {self.grid}"
            )

    def forward(self, views: Views) -> Views:
        """The views written, of the views there are: name -> ``(N, C, H, W)``.

        Pictures are in [0, 1]; ``strength`` is ``(N,)``, below 0 where it is automatic.
        """
        pictures = self.pictures(views)
        read = to_network(torch.cat(pictures, dim=1) if len(pictures) > 1 else pictures[0])
        written: Views = {}
        if self.spec.generator.features:
            features = views[self.spec.features] if self.spec.features else None
            made, handed = self.generator(read, features)
            if self.spec.hands_up:
                written[self.spec.hands_up] = handed
        else:
            made = self.generator(read)
        written[self.spec.writes] = self.join(made, pictures[0], views)
        return written

    def pictures(self, views: Views) -> list[Tensor]:
        """The views read, enlarged to the first one's size."""
        return [upsample(views[name], self.resize[name]) for name in self.spec.reads]

    def condition(self, views: Views) -> Tensor:
        """The views read, as channels of one picture of the size that is written, in [0, 1]."""
        return upsample(torch.cat(self.pictures(views), dim=1), self.spec.generator.scale)

    def join(self, made: Tensor, base: Tensor, views: Views) -> Tensor:
        """What the generator made, as the view that is written, in [0, 1]."""
        # Sums and comparisons at full precision: a residual in bf16 would round the picture itself.
        made = made.float()
        if self.spec.join == "add":
            enlarged = upsample(base, self.spec.generator.scale)
            # A residual in [-1, 1] units of the network is half as large in [0, 1].
            return enlarged[:, : made.shape[1]] + made / 2
        made = from_network(made)
        if self.spec.join == "told":
            strength = views["strength"].reshape(-1, 1, 1, 1)
            return torch.where(strength >= 0, strength / SIGMA_UNIT, made)
        return made
