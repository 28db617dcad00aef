"""Views that a stage makes of others right before it reads them, inside the graph.

``merge`` gives labels fewer names and hides where exactly they lie; ``paint`` fills the areas of
labels with colors, and ``asked`` tells where a color is asked for. All decide for the most probable
label of each pixel, whether a stage wrote probabilities or a batch brought the truth, so that what
is read is alike in training and in use.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from translate.constants import constant
from translate.kinds import Kind, most_probable, one_hot, planes
from translate.registry import Registry
from translate.tables import TableError, require

DERIVED = Registry("derived view")
GRAY = 0.5
"""What is not painted: in the middle of the range, 0 to a network."""


class DeriveSpec(ABC):
    """How a view is made of others."""

    multiple = 1
    """What both sides of the views must divide by."""

    @property
    @abstractmethod
    def needs(self) -> tuple[str, ...]:
        """The views that it is made of; the first one gives its size."""

    @abstractmethod
    def kind_of(self, kinds: Mapping[str, Kind]) -> Kind:
        """The kind of what is made, of the kinds of the views needed.

        Raises:
            TableError: it cannot be made of these.
        """

    @abstractmethod
    def make(self, views: Mapping[str, Tensor], kinds: Mapping[str, Kind]) -> Tensor:
        """The view ``(N, C, H, W)``, of views as `Stage.forward` takes them."""


def parse_derived(tables: object, path: str) -> dict[str, DeriveSpec]:
    """Specs by the name of the view, from a table of tables."""
    if not isinstance(tables, Mapping):
        raise TableError(f"{path}: expected a table of tables, got {tables!r}")
    return {str(name): DERIVED.parse(table, f"{path}.{name}") for name, table in tables.items()}


@DERIVED.register("merge")
@dataclass(frozen=True)
class MergeSpec(DeriveSpec):
    """Labels of which several become one, and of which only blocks are known.

    FashionGAN reads the person's layout so (Zhu et al. 2017, arXiv 1710.07346, section 3.1):
    clothes and skin are one label, and reduced so far that the old garment cannot be told by its
    outline.
    """

    view: str
    """The view of labels that is merged."""
    into: tuple[int, ...] = ()
    """The new label of each; empty leaves them as they are."""
    blocks: int = 1
    """Pixels a side of the blocks, of which the share of each label is told."""

    def __post_init__(self) -> None:
        require(self.blocks >= 1, "blocks", self.blocks, "1 or more")
        given = set(self.into)
        whole = given == set(range(len(given)))
        require(whole, "into", self.into, "labels from 0 on, none of them left out")

    @property
    def multiple(self) -> int:
        return self.blocks

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.view,)

    def kind_of(self, kinds: Mapping[str, Kind]) -> Kind:
        kind = labels_of(self.view, kinds, "view")
        if self.into and len(self.into) != kind.count:
            raise TableError(
                f"into: got {len(self.into)} labels; {self.view!r} has {kind.count}, each of which "
                "becomes one"
            )
        return Kind("labels", max(self.into) + 1) if self.into else kind

    def make(self, views: Mapping[str, Tensor], kinds: Mapping[str, Kind]) -> Tensor:
        """Planes ``(N, K, H, W)`` of 0 and 1, or of shares."""
        made = decided(views[self.view], kinds[self.view])
        if self.into:
            members = [
                [label for label, new in enumerate(self.into) if new == one]
                for one in range(max(self.into) + 1)
            ]
            made = together(made, members)
        if self.blocks == 1:
            return made
        shares = functional.avg_pool2d(made, self.blocks)
        return functional.interpolate(shares, scale_factor=float(self.blocks), mode="nearest")


@DERIVED.register("paint")
@dataclass(frozen=True)
class PaintSpec(DeriveSpec):
    """Areas of labels in the colors that are asked for; gray elsewhere.

    A color below 0 is left to the stack: it is the mean color that the group of labels has in the
    ``picture``, where they lie in ``before``; of a group that is not there, that of all groups.
    """

    areas: str
    """The view of labels that is painted."""
    colors: str
    """The view of the colors asked for."""
    picture: str
    """Where own colors are taken from."""
    before: str
    """The view of the labels in that picture."""
    groups: tuple[tuple[int, ...], ...]
    """The labels that each color is for."""

    def __post_init__(self) -> None:
        require_labels(self.groups)

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.areas, self.colors, self.picture, self.before)

    def kind_of(self, kinds: Mapping[str, Kind]) -> Kind:
        for key in ("areas", "before"):
            check_groups(self.groups, self.colors, labels_of(getattr(self, key), kinds, key), kinds)
        if kinds[self.picture].family != "rgb":
            raise TableError(f"picture: {self.picture!r} is {kinds[self.picture]}; expected rgb")
        return Kind("rgb")

    def make(self, views: Mapping[str, Tensor], kinds: Mapping[str, Kind]) -> Tensor:
        """A picture ``(N, 3, H, W)`` in [0, 1]."""
        asked, picture = views[self.colors], views[self.picture]
        there = together(decided(views[self.before], kinds[self.before]), self.groups)
        colors = torch.where(asked < 0, own_colors(picture, there), asked)
        areas = together(decided(views[self.areas], kinds[self.areas]), self.groups)
        # Sums in place of matrix products, which would round colors where bf16 is automatic.
        painted = (areas[:, :, None] * colors[..., None, None]).sum(dim=1)
        return painted + GRAY * (1 - areas.sum(dim=1, keepdim=True))


@DERIVED.register("asked")
@dataclass(frozen=True)
class AskedSpec(DeriveSpec):
    """A mask of the areas of labels for which a color is asked, white; see the kind paint."""

    areas: str
    """The view of the labels."""
    colors: str
    """The view of the colors asked for."""
    groups: tuple[tuple[int, ...], ...]
    """The labels that each color is for."""

    def __post_init__(self) -> None:
        require_labels(self.groups)

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.areas, self.colors)

    def kind_of(self, kinds: Mapping[str, Kind]) -> Kind:
        check_groups(self.groups, self.colors, labels_of(self.areas, kinds, "areas"), kinds)
        return Kind("gray")

    def make(self, views: Mapping[str, Tensor], kinds: Mapping[str, Kind]) -> Tensor:
        """A mask ``(N, 1, H, W)`` of 0 and 1."""
        areas = together(decided(views[self.areas], kinds[self.areas]), self.groups)
        asked = (views[self.colors] >= 0).all(dim=2)[..., None, None]
        return (areas * asked).sum(dim=1, keepdim=True)


def require_labels(groups: Sequence[Sequence[int]]) -> None:
    """Refuse no groups of labels, and groups of none."""
    full = bool(groups) and all(groups)
    require(full, "groups", groups, "a list of lists of labels, none of them empty")


def check_groups(
    groups: Sequence[Sequence[int]], colors: str, areas: Kind, kinds: Mapping[str, Kind]
) -> None:
    """Refuse groups of labels that are not there, or of which there are not as many as colors."""
    if kinds[colors] != Kind("colors", len(groups)):
        raise TableError(
            f"groups: got {len(groups)} for {colors!r}, which is {kinds[colors]}; expected "
            f"colors:{len(groups)}"
        )
    highest = max(label for group in groups for label in group)
    require(highest < areas.count, "groups", highest, f"labels 0..{areas.count - 1}")


def own_colors(picture: Tensor, areas: Tensor) -> Tensor:
    """Mean colors ``(N, G, 3)`` of a picture ``(N, 3, H, W)`` over areas ``(N, G, H, W)``.

    An area that is empty has the mean color of all of them, or gray where all are.
    """
    sums = (areas[:, :, None] * picture[:, None]).sum(dim=(-2, -1))
    sizes = areas.sum(dim=(-2, -1))[..., None]
    all_sums, all_sizes = sums.sum(dim=1, keepdim=True), sizes.sum(dim=1, keepdim=True)
    instead = torch.where(all_sizes > 0, all_sums / all_sizes.clamp_min(1), GRAY)
    return torch.where(sizes > 0, sums / sizes.clamp_min(1), instead)


def decided(view: Tensor, kind: Kind) -> Tensor:
    """Planes ``(N, K, H, W)`` of 0 and 1, of the most probable label of each pixel.

    Gradients pass to the probabilities as if nothing had been decided (straight through: Bengio et
    al. 2013, arXiv 1308.3432).
    """
    shown = planes(view, kind)
    if not view.is_floating_point():
        return shown
    chosen = one_hot(most_probable(shown), kind.count).to(shown.dtype)
    return chosen + (shown - shown.detach())


def together(planes: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
    """Sums of the planes ``(N, K, H, W)`` of each group -> ``(N, G, H, W)``."""
    chosen = (constant(tuple(group), torch.int64, planes.device) for group in groups)
    sums = [planes.index_select(1, each).sum(dim=1, keepdim=True) for each in chosen]
    return torch.cat(sums, dim=1)


def labels_of(view: str, kinds: Mapping[str, Kind], key: str) -> Kind:
    """The kind of a view of labels; TableError where it holds none."""
    if kinds[view].family != "labels":
        raise TableError(f"{key}: {view!r} is {kinds[view]}; expected labels:K")
    return kinds[view]
