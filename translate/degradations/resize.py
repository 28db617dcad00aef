"""Changes of size: by a whole factor, by a drawn one, and to the size that a scale fixes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from translate.degradations.step import (
    DegradationError,
    Picture,
    Range,
    Size,
    from_pillow,
    pillow_image,
    with_channels,
)

KERNELS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
"""The nearest neighbor is left out, as it shifts the picture (Real-ESRGAN, section 3.1)."""


@dataclass(frozen=True)
class Bicubic:
    """Reduction by a whole factor."""

    scale: int

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return reduce(picture, self.scale), 0.0


@dataclass(frozen=True)
class Resize:
    """To a drawn multiple of an ``of``-th of the target's size, by a drawn kernel.

    ``grow`` and ``shrink`` are the chances of the parts of the range above and below 1; otherwise
    the multiple is 1. Where the range lies on one side of 1 they do not count.
    """

    factor: Range
    of: int = 1
    grow: float = 0.2
    shrink: float = 0.7

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return resample(picture, self.size(random, full), random), 0.0

    def size(self, random: np.random.Generator, full: Size) -> Size:
        """The size that is drawn."""
        factor = self.draw(random) / self.of
        return max(1, round(full[0] * factor)), max(1, round(full[1] * factor))

    def draw(self, random: np.random.Generator) -> float:
        """The multiple."""
        low, high = self.factor.low, self.factor.high
        if not low < 1 < high:
            return self.factor.draw(random)
        chance = random.random()
        if chance < self.grow:
            return random.uniform(1.0, high)
        return random.uniform(low, 1.0) if chance < self.grow + self.shrink else 1.0


@dataclass(frozen=True)
class Fit:
    """To the target's size divided by a whole scale, whatever the size is now."""

    scale: int

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return resample(picture, reduced_size(full, self.scale), random), 0.0


def resample(picture: Picture, size: Size, random: np.random.Generator) -> Picture:
    """``(H, W, C)`` at another size, by a kernel that is drawn."""
    kernel = draw_kernel(random)
    if picture.shape[:2] == size:
        return picture
    resized = cv2.resize(picture, (size[1], size[0]), interpolation=kernel)
    return with_channels(np.asarray(resized, np.float32))


def draw_kernel(random: np.random.Generator) -> int:
    """One of `KERNELS`."""
    return KERNELS[int(random.integers(len(KERNELS)))]


def reduce(picture: Picture, scale: int) -> Picture:
    """Reduce ``(H, W, C)`` by ``scale`` with Pillow's BICUBIC, through 8 bits as files are."""
    height, width = reduced_size((picture.shape[0], picture.shape[1]), scale)
    return from_pillow(pillow_image(picture).resize((width, height), Image.Resampling.BICUBIC))


def reduced_size(size: Size, scale: int) -> Size:
    """A size over a whole scale, of which both sides must be multiples.

    Raises:
        DegradationError: they are not, or there is no picture at all.
    """
    height, width = size
    if not height or not width:
        raise DegradationError(f"a picture of {width}x{height} is too small to reduce by {scale}")
    if height % scale or width % scale:
        raise DegradationError(
            f"a picture of {width}x{height} does not reduce by {scale}; cut it to a multiple first"
        )
    return height // scale, width // scale
