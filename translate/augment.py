"""Augmentation on the host: symmetries drawn once and applied to every view of an item."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from translate.keypoints import STILL, Motion
from translate.tables import require

# The library asks the package index for a newer version of itself when it is imported.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations

Bytes = NDArray[np.uint8]
CORNER = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
"""Points (x, y) that move along: where these three go tells where all of a picture goes."""


@dataclass(frozen=True)
class AugmentSpec:
    """Which symmetries a data set has, and what of its colors may change.

    With ``flip`` and ``turn`` they are the eight of the square. An exported model can take the mean
    over those that it learned from (``pixstack run --self-ensemble``).
    """

    flip: bool = True
    """Mirrors left and right, which text does not bear."""
    turn: bool = False
    """Turns by quarters, which textures and small patches bear."""
    channels: bool = False
    """Puts red, green and blue in one of their six orders: for restoration, where what is a picture
    and what is not has nothing to do with its hues."""
    colors: float = 0.0
    """From 0 to 1, changes the colors of all views of an item alike: brightness and saturation by a
    factor within 1 - colors and 1 + colors, hue by up to a tenth of colors of the circle. For
    translation from one photograph to another: colors that the networks never saw have to be read
    from the source."""
    gray: float = 0.0
    """Share of the items that are shown in black and white."""
    zoom: tuple[float, ...] = ()
    """Smallest and largest factor, drawn evenly on a logarithmic scale, by which pictures are
    resized before a crop is cut of them: ``[1.1172, 1.1172]`` is pix2pix's way (pictures of 256
    pixels to 286, crops of 256 of them). Below 1 more of a large picture is seen; none is made
    smaller than the crop. Restoration learns from what is enlarged that pictures are soft."""

    def __post_init__(self) -> None:
        require(0 <= self.colors <= 1, "colors", self.colors, "0 (they stay) to 1")
        require(0 <= self.gray <= 1, "gray", self.gray, "0 (colors stay) to 1")
        fits = len(self.zoom) in (0, 2) and all(0.25 <= factor <= 4 for factor in self.zoom)
        require(
            fits and list(self.zoom) == sorted(self.zoom),
            "zoom",
            list(self.zoom),
            "the smallest and the largest factor, of 0.25 to 4; or none",
        )


class Augment:
    """Apply one random symmetry to aligned views; safe to call from several threads."""

    def __init__(self, spec: AugmentSpec) -> None:
        self.spec = spec
        self._threads = threading.local()

    def __call__(self, views: Mapping[str, Bytes], random: np.random.Generator) -> dict[str, Bytes]:
        """Aligned views ``(H, W, C)`` to the same ones moved.

        They are square where turns are allowed, and RGB where channels or colors change or go.
        """
        return self.move(views, random)[0]

    def move(
        self, views: Mapping[str, Bytes], random: np.random.Generator
    ) -> tuple[dict[str, Bytes], Motion]:
        """The views moved, and where that takes points of them."""
        spec = self.spec
        if not (self._moves or spec.channels or spec.colors or spec.gray):
            return dict(views), STILL
        pipeline = self._pipeline(len(views))
        pipeline.set_random_seed(int(random.integers(2**31)))
        keys = target_keys(len(views))
        pictures: dict[str, Any] = dict(zip(keys, views.values(), strict=True))
        corner: dict[str, Any] = {"keypoints": CORNER} if self._moves else {}
        moved = pipeline(**pictures, **corner)
        motion = STILL
        if self._moves:
            origin, right, down = np.asarray(moved["keypoints"], float)
            motion = Motion(np.stack([right - origin, down - origin], axis=1), origin)
        return {name: moved[key] for name, key in zip(views, keys, strict=True)}, motion

    @property
    def _moves(self) -> bool:
        """Whether points move at all."""
        return self.spec.flip or self.spec.turn

    def _pipeline(self, views: int) -> albumentations.Compose:
        """One pipeline a thread and number of views: seeding a shared one would race."""
        pipelines = self._threads.__dict__.setdefault("pipelines", {})
        if views not in pipelines:
            steps: list[Any] = []
            if self.spec.flip and self.spec.turn:
                steps.append(albumentations.D4(p=1))
            elif self.spec.turn:
                steps.append(albumentations.RandomRotate90(p=1))
            elif self.spec.flip:
                steps.append(albumentations.HorizontalFlip(p=0.5))
            if self.spec.channels:
                steps.append(albumentations.ChannelShuffle(p=1))
            if self.spec.colors:
                steps.append(color_change(self.spec.colors))
            if self.spec.gray:
                steps.append(albumentations.ToGray(p=self.spec.gray))
            points = albumentations.KeypointParams("xy", remove_invisible=False)
            pipelines[views] = albumentations.Compose(
                steps,
                # Targets may be larger than their sources.
                is_check_shapes=False,
                additional_targets=dict.fromkeys(target_keys(views)[1:], "image"),
                keypoint_params=points if self._moves else None,
            )
        return pipelines[views]


def color_change(strength: float) -> albumentations.ColorJitter:
    """A function of a pixel's color alone, so that it is the same for every view of an item.

    Contrast stays: it is meant about the mean of a picture, which differs between the views.
    """
    factor = (1 - strength, 1 + strength)
    return albumentations.ColorJitter(
        brightness=factor, contrast=(1, 1), saturation=factor, hue=strength / 10, p=1
    )


def target_keys(views: int) -> list[str]:
    """The library's names of the views; a recipe's own could be ones it gives a meaning."""
    return ["image", *(f"view{index}" for index in range(1, views))]
