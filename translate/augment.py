"""Augmentation on the host: geometry drawn once and applied to every view of an item."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from translate.keypoints import STILL, Motion

# The library asks the package index for a newer version of itself when it is imported.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations

Bytes = NDArray[np.uint8]
CORNER = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
"""Points (x, y) that move along: where these three go tells where all of a picture goes."""


@dataclass(frozen=True)
class AugmentSpec:
    """Which symmetries of the picture plane a data set has.

    ``flip`` mirrors left and right, which text does not bear; ``turn`` turns by quarters, which
    textures and small patches bear. Both together are the eight symmetries of the square.
    """

    flip: bool = True
    turn: bool = False


class Augment:
    """Apply one random symmetry to aligned views; safe to call from several threads."""

    def __init__(self, spec: AugmentSpec) -> None:
        self.spec = spec
        self._threads = threading.local()

    def __call__(self, views: Mapping[str, Bytes], random: np.random.Generator) -> dict[str, Bytes]:
        """Aligned views ``(H, W, C)``, square where turns are allowed, to the same ones moved."""
        return self.move(views, random)[0]

    def move(
        self, views: Mapping[str, Bytes], random: np.random.Generator
    ) -> tuple[dict[str, Bytes], Motion]:
        """The views moved, and where that takes points of them."""
        if not (self.spec.flip or self.spec.turn):
            return dict(views), STILL
        pipeline = self._pipeline(len(views))
        pipeline.set_random_seed(int(random.integers(2**31)))
        keys = target_keys(len(views))
        pictures: dict[str, Any] = dict(zip(keys, views.values(), strict=True))
        moved = pipeline(**pictures, keypoints=CORNER)
        origin, right, down = np.asarray(moved["keypoints"], float)
        motion = Motion(np.stack([right - origin, down - origin], axis=1), origin)
        return {name: moved[key] for name, key in zip(views, keys, strict=True)}, motion

    def _pipeline(self, views: int) -> albumentations.Compose:
        """One pipeline a thread and number of views: seeding a shared one would race."""
        pipelines = self._threads.__dict__.setdefault("pipelines", {})
        if views not in pipelines:
            step = albumentations.HorizontalFlip(p=0.5)
            if self.spec.turn:
                both = self.spec.flip
                step = albumentations.D4(p=1) if both else albumentations.RandomRotate90(p=1)
            pipelines[views] = albumentations.Compose(
                [step],
                additional_targets=dict.fromkeys(target_keys(views)[1:], "image"),
                keypoint_params=albumentations.KeypointParams("xy", remove_invisible=False),
            )
        return pipelines[views]


def target_keys(views: int) -> list[str]:
    """The library's names of the views; a recipe's own could be ones it gives a meaning."""
    return ["image", *(f"view{index}" for index in range(1, views))]
