"""What a view is: a picture, a label map, a class, noise; and how a network is shown it.

Kinds are written as in the shipped file: ``rgb``, ``gray``, ``labels:K``, ``class:K``, ``noise:C``,
``strength`` (a number that the caller may tell, -1 where the network is to choose), ``colors:G``
(red, green and blue of G things, likewise), ``angle`` (in degrees, of which 360 are a whole turn; a
mirror image has the opposite angle);
``keypoints:K`` is where K joints are, in pixels, which is drawn for the network;
``noise-map:C`` is noise of every pixel, and ``noise-map:C@S`` has S of its pixels on one of the
source, along one side.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Literal, cast

import torch
from torch import Tensor

from translate.joints import Drawing
from translate.pixels import from_network, to_network
from translate.tables import TableError

Family = Literal[
    "rgb",
    "gray",
    "labels",
    "class",
    "colors",
    "noise",
    "noise-map",
    "strength",
    "angle",
    "keypoints",
    "features",
]
_PATTERN = re.compile(
    r"(rgb|gray|strength|angle)"
    r"|(labels|class|colors|noise|noise-map|keypoints):([1-9][0-9]{0,4})(?:@([1-9][0-9]{0,3}))?"
)
_MOST_LABELS = 256
"""Label pictures are of 8 bits."""


@dataclass(frozen=True)
class Kind:
    """A family, and how many labels, classes, colors, channels or joints it has."""

    family: Family
    count: int = 0
    scale: int = 1
    """Of a noise map: its pixels on one of the source, along one side."""
    drawing: Drawing = field(default_factory=Drawing)
    """Of keypoints: what networks are shown of them."""

    def __str__(self) -> str:
        text = f"{self.family}:{self.count}" if self.count else self.family
        return text if self.scale == 1 else f"{text}@{self.scale}"

    @property
    def channels(self) -> int:
        """Planes that a network sees of it."""
        if self.family == "keypoints":
            return self.drawing.channels(self.count)
        fixed = {"rgb": 3, "gray": 1, "strength": 1, "angle": 2, "colors": 3 * self.count}
        return fixed.get(self.family, self.count)

    @property
    def is_picture(self) -> bool:
        """Whether it is read from a picture file."""
        return self.family in ("rgb", "gray", "labels")

    @property
    def is_map(self) -> bool:
        """Whether it has a height and a width."""
        return self.is_picture or self.family in ("noise-map", "features")

    @property
    def is_value(self) -> bool:
        """Whether the data tell it of an item without a picture: a class, an angle, joints."""
        return self.family in ("class", "angle", "keypoints")

    @property
    def is_noise(self) -> bool:
        """Whether it is drawn, not given."""
        return self.family in ("noise", "noise-map")


def parse_kind(text: str) -> Kind:
    """A kind as it is written.

    Raises:
        TableError: there is no such kind.
    """
    found = _PATTERN.fullmatch(text)
    if not found:
        raise TableError(
            f"unknown kind {text!r}; known: rgb, gray, labels:K, class:K, colors:G, noise:C, "
            "noise-map:C, strength, angle, keypoints:K"
        )
    family = cast(Family, found[1] or found[2])
    kind = Kind(family, int(found[3] or 0), int(found[4] or 1))
    if family == "labels" and kind.count > _MOST_LABELS:
        raise TableError(f"{text!r}: label pictures have 8 bits; expected labels:{_MOST_LABELS}")
    if kind.scale > 1 and family != "noise-map":
        raise TableError(f"{text!r}: a scale is of noise maps alone, as in noise-map:1@8")
    return kind


def planes(view: Tensor, kind: Kind) -> Tensor:
    """A view as planes ``(N, C, H, W)`` or, without a height and a width, ``(N, C, 1, 1)``.

    Label ids ``(N, 1, H, W)`` and classes ``(N,)`` become one-hot planes, angles ``(N,)`` their
    cosine and sine, from [-1, 1] brought to [0, 1]; planes of labels, which stages write as
    probabilities, pass through, as pictures and noise do, and keypoints that a stage has drawn on
    its grid (`translate.joints.draw`).
    """
    if kind.family == "labels" and not view.is_floating_point():
        return one_hot(view, kind.count)
    if kind.family == "class":
        return one_hot(view.reshape(-1, 1, 1, 1), kind.count)
    if kind.family == "angle":
        return circle(view.reshape(-1, 1, 1, 1))
    return view if view.dim() == 4 else view.reshape(-1, kind.channels, 1, 1)


def one_hot(ids: Tensor, count: int) -> Tensor:
    """Ids ``(N, 1, H, W)`` -> ``(N, count, H, W)`` float32 of 0 and 1."""
    # A comparison, which every runtime has, in place of a scatter.
    return (ids == torch.arange(count, device=ids.device).reshape(1, -1, 1, 1)).float()


def most_probable(planes: Tensor) -> Tensor:
    """Ids ``(N, 1, H, W)`` int64 of the label that each pixel most probably has; of several as
    probable the first.

    Args:
        planes: probabilities or logits ``(N, K, H, W)``.
    """
    # The same as argmax, which on the CPU takes three times as long across channels.
    return planes.max(dim=1, keepdim=True).indices


def circle(degrees: Tensor) -> Tensor:
    """Angles ``(N, 1, 1, 1)`` -> cosine and sine ``(N, 2, 1, 1)``, 0 standing for -1.

    A point on the circle has no seam: 359 degrees lie beside 0, as they look.
    """
    radians = degrees * (math.pi / 180)
    return from_network(torch.cat([radians.cos(), radians.sin()], dim=1))


def seen(view: Tensor, kind: Kind) -> Tensor:
    """Planes as a network reads them: noise as it is, all others in [-1, 1]."""
    shown = planes(view, kind)
    return shown if kind.is_noise else to_network(shown)
