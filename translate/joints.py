"""Joints of a body: what a recipe says of them, and how a network is shown where they are.

Keypoints are ``(N, K, 3)``: x and y in pixels of the source, at whose pixel centers coordinates are
whole, and visible, 0 or 1. A joint that is not visible is not drawn, wherever it is said to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from translate.constants import constant
from translate.sides import opposite
from translate.tables import TableError, require

HALF = 0.5
"""A joint is visible above this."""
_LEAST_SPREAD = 0.5
"""Grid points: narrower than this, a Gaussian can fall between two of them and be lost."""
_SHORTEST = 1e-6
"""Square of a limb's length, in grid points, whose two joints are taken for one."""


@dataclass(frozen=True)
class Drawing:
    """How keypoints become planes: Gaussians around joints (as the heatmaps of Tompson et al. 2014,
    arXiv 1406.2984, section 3.1), segments between them, or both.

    Args:
        points: whether each joint has a plane.
        limbs: pairs of joints, by number; each has a plane.
        spread: standard deviation of a Gaussian, across a limb too, in pixels of the source.
    """

    points: bool = True
    limbs: tuple[tuple[int, int], ...] = ()
    spread: float = 2.0

    def channels(self, count: int) -> int:
        """Planes of so many joints."""
        return (count if self.points else 0) + len(self.limbs)


@dataclass(frozen=True)
class JointsSpec:
    """The joints that all views of kind ``keypoints:K`` have, in the order of K."""

    names: tuple[str, ...]
    """In the order of K; those called left and right change places in a flip: ``left_elbow`` and
    ``right_elbow``."""
    file: str = ""
    """Of layout ``table``: the file, beneath the data root, of the joints of the pictures that its
    columns name; CSV with the columns picture, joint, x, y and visible, or JSON."""
    mirror: tuple[tuple[str, ...], ...] = ()
    """Pairs that change places when a picture is flipped, beside those called left and right."""
    limbs: tuple[tuple[str, ...], ...] = ()
    """Pairs between which a limb is drawn."""
    draw: Literal["points", "limbs", "both"] = "points"
    """What networks are shown, a plane each: a Gaussian around a joint, or along a limb."""
    spread: float = 2.0
    """Standard deviation of the Gaussians, in pixels of the source."""

    def __post_init__(self) -> None:
        require(bool(self.names), "names", list(self.names), "the joints, in their order")
        twice = len(set(self.names)) < len(self.names) or not all(self.names)
        require(not twice, "names", list(self.names), "names that differ")
        require(self.spread > 0, "spread", self.spread, "above 0")
        for key in ("mirror", "limbs"):
            for index, pair in enumerate(getattr(self, key)):
                if len(set(pair)) != 2 or len(pair) != 2:
                    raise TableError(f"{key}[{index}]: got {list(pair)!r}; allowed: two joints")
                for name in pair:
                    if name not in self.names:
                        raise TableError(
                            f"{key}[{index}]: unknown joint {name!r}; known: "
                            f"{', '.join(self.names)}"
                        )
        if self.draw != "points" and not self.limbs:
            raise TableError(f"limbs: missing; draw = {self.draw!r} draws them")
        mirrored = [name for pair in self.mirror for name in pair]
        for name in mirrored:
            require(mirrored.count(name) == 1, "mirror", name, "each joint in one pair")
        for name in self.names:
            partner = opposite(name)
            if name != partner and name not in mirrored and partner not in self.names:
                raise TableError(
                    f"names: {name!r} has no partner {partner!r} to change places with in a flip; "
                    "add it, or name its pair in mirror"
                )

        whole = sorted(self.swapped) == list(range(len(self.names)))
        known = "pairs that leave no joint called left or right without its partner"
        require(whole, "mirror", [list(pair) for pair in self.mirror], known)

    @property
    def swapped(self) -> tuple[int, ...]:
        """Of each joint, the number of the one that stands for it in a mirrored picture."""
        partner = {one: two for pair in self.mirror for one, two in (pair, pair[::-1])}
        return tuple(self.names.index(partner.get(name, opposite(name))) for name in self.names)

    @property
    def drawing(self) -> Drawing:
        """How networks are shown them."""
        return Drawing(
            self.draw != "limbs", self.numbered_limbs if self.draw != "points" else (), self.spread
        )

    @property
    def numbered_limbs(self) -> tuple[tuple[int, int], ...]:
        """The limbs, by the numbers of their joints."""
        return tuple((self.names.index(one), self.names.index(two)) for one, two in self.limbs)


def draw(keypoints: Tensor, drawing: Drawing, size: tuple[int, int], scale: float = 1.0) -> Tensor:
    """Keypoints as planes in [0, 1].

    Args:
        keypoints: ``(N, K, 3)``.
        drawing: what is drawn of them.
        size: height and width of the planes.
        scale: grid points of the planes on one pixel of the source, along one side.

    Returns:
        ``(N, C, height, width)``: a plane for each joint, then for each limb.
    """
    height, width = size
    # Coordinates count from the center of the first pixel, which a smaller grid has elsewhere.
    places = (keypoints[..., :2] + HALF) * scale - HALF
    visible = keypoints[..., 2] > HALF
    spread = max(drawing.spread * scale, _LEAST_SPREAD)
    columns = torch.arange(width, device=keypoints.device).to(keypoints.dtype)
    rows = torch.arange(height, device=keypoints.device).to(keypoints.dtype)[:, None]
    parts: list[Tensor] = []
    if drawing.points:
        x, y = along_planes(places)
        # A Gaussian of two dimensions is the product of two of one.
        drawn = gaussian((columns - x) ** 2, spread) * gaussian((rows - y) ** 2, spread)
        parts.append(shown(drawn, visible))
    if drawing.limbs:
        firsts, seconds = constant(drawing.limbs, torch.int64, keypoints.device).unbind(1)
        start, end = places.index_select(1, firsts), places.index_select(1, seconds)
        both = visible.index_select(1, firsts) & visible.index_select(1, seconds)
        drawn = gaussian(distances(columns, rows, start, end), spread)
        parts.append(shown(drawn, both))
    return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]


def along_planes(places: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates x and y ``(N, K, 1, 1)`` of places ``(N, K, 2)``."""
    x, y = places[..., None, None].unbind(2)
    return x, y


def gaussian(squares: Tensor, spread: float) -> Tensor:
    """1 at no distance, of squared distances."""
    return torch.exp(squares * (-0.5 / spread**2))


def distances(columns: Tensor, rows: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Squared distances ``(N, L, H, W)`` of every grid point from segments.

    Args:
        columns, rows: ``(W,)`` and ``(H, 1)``.
        start, end: ends of the segments ``(N, L, 2)``.
    """
    x, y = along_planes(start)
    across, down = along_planes(end - start)
    right, below = columns - x, rows - y
    length = (across**2 + down**2).clamp(min=_SHORTEST)
    # How far along the segment its nearest point lies.
    share = ((right * across + below * down) / length).clamp(0, 1)
    return (right - share * across) ** 2 + (below - share * down) ** 2


def shown(planes: Tensor, visible: Tensor) -> Tensor:
    """Planes ``(N, C, H, W)``, empty where nothing ``(N, C)`` is visible; coordinates of what is
    not may be anything, no numbers too.
    """
    return torch.where(visible[..., None, None], planes, torch.zeros_like(planes))
