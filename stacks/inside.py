"""Partial translation: only inside an area is a picture changed; elsewhere it stays, to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional

from translate.kinds import Kind, most_probable
from translate.tables import TableError, require

HALF = 0.5
"""A mask is white where it is brighter than this."""


@dataclass(frozen=True)
class InsideSpec:
    """The area that a stage may change: the union over some views.

    Of views of kind ``labels:K`` it is where one of ``labels`` stands; of ``gray`` ones, masks,
    where they are white. With the layout of a photo and the layout that is asked for, and the
    labels of garments, it is where the old garment was or the new one will be (FashionGAN, Zhu et
    al. 2017, arXiv 1710.07346, keeps head and background likewise).
    """

    views: tuple[str, ...]
    """Whose union it is; labels or masks."""
    labels: tuple[int, ...] = ()
    """Those of its labels that may change."""
    training: tuple[str, ...] = ()
    """Views of the same kind as the first of ``views`` that only training has. What is learned from
    single photos is never to fill more than it is told of: areas of others make it so."""
    of: str = ""
    """The view that stays outside; empty takes the first one read."""
    hide: bool = False
    """Whether the generator reads that view without the inside: gray there, and one more plane
    tells where. What was there cannot leak into what comes."""
    unless: str = ""
    """A view of classes, whose class 0 asks for no change..."""
    but: str = ""
    """... except where this mask is white."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Views that are needed in use, too."""
        return tuple(name for name in (*self.views, self.of, self.unless, self.but) if name)

    def __post_init__(self) -> None:
        require(bool(self.views), "views", self.views, "one view or more")
        require(all(label >= 0 for label in self.labels), "labels", self.labels, "0 or more")

    def check(self, kinds: Mapping[str, Kind]) -> None:
        """Refuse views of which there is no area.

        Args:
            kinds: of the views named.

        Raises:
            TableError: a view is no mask and holds no labels, or not the ones named.
        """
        for view in self.views:
            kind = kinds[view]
            if kind.family not in ("labels", "gray"):
                raise TableError(
                    f"inside.views: {view!r} is {kind}; expected labels:K, or gray for a mask"
                )
            if kind.family == "labels" and not self.labels:
                raise TableError(f"inside.labels: missing; {view!r} holds labels")
            if kind.family == "labels" and max(self.labels) >= kind.count:
                raise TableError(
                    f"inside.labels: got {max(self.labels)}; {view!r} has 0..{kind.count - 1}"
                )
        if self.labels and not any(kinds[view].family == "labels" for view in self.views):
            raise TableError(f"inside.labels: none of {', '.join(self.views)} holds labels")
        if self.but and kinds[self.but].family != "gray":
            raise TableError(f"inside.but: {self.but!r} is {kinds[self.but]}; expected gray")
        if bool(self.but) > bool(self.unless):
            raise TableError("inside.but: is of inside.unless; give that, too")
        if self.unless and kinds[self.unless].family != "class":
            raise TableError(
                f"inside.unless: {self.unless!r} is {kinds[self.unless]}; expected class:K"
            )


def area(
    views: Mapping[str, Tensor],
    kinds: Mapping[str, Kind],
    labels: tuple[int, ...],
    scales: Mapping[str, int],
) -> Tensor:
    """Where a picture may change: ``(N, 1, H, W)``, true or false.

    Args:
        views: masks ``(N, 1, h, w)`` in [0, 1], ids ``(N, 1, h, w)`` int64, or planes of labels
            ``(N, K, h, w)``, of which the most probable one counts; more than ``kinds`` names.
        kinds: of the views that make up the area, by name.
        labels: that belong to it.
        scales: by how much each view is enlarged to H and W, by repetition.
    """
    parts = [repeat(where(views[name], kind, labels), scales[name]) for name, kind in kinds.items()]
    return reduce(torch.logical_or, parts)


def where(view: Tensor, kind: Kind, labels: tuple[int, ...]) -> Tensor:
    """The area of one view, at its own size."""
    if kind.family == "gray":
        return view > HALF
    ids = most_probable(view) if view.is_floating_point() else view
    return reduce(torch.logical_or, [ids == label for label in labels])


def repeat(mask: Tensor, factor: int) -> Tensor:
    """A mask enlarged by a whole factor."""
    if factor == 1:
        return mask
    # Interpolation is of numbers.
    numbers = mask.to(torch.float32)
    return functional.interpolate(numbers, scale_factor=float(factor), mode="nearest") > HALF
