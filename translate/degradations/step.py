"""What every step of a degradation shares: its form, the numbers it draws, 8-bit pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from translate.pixels import to_bytes, to_floats

Picture = NDArray[np.float32]
Size = tuple[int, int]
"""Height and width."""


class DegradationError(ValueError):
    """A degradation is written wrongly, or a picture is too small for it."""


class Step(Protocol):
    """One thing that happens to a picture on its way to the user."""

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        """The picture after the step, and the sigma of the noise it added on 0..255.

        Args:
            picture: ``(H, W, C)``, [0, 1] but for what noise and sharpening put outside.
            random: all that the step draws comes from it.
            full: size of the target that the degradation began with.
        """
        ...


@dataclass(frozen=True)
class Range:
    """A number, or a range from which one number a picture is drawn."""

    low: float
    high: float

    def draw(self, random: np.random.Generator) -> float:
        """The number; drawing from a single number leaves ``random`` untouched."""
        return self.low if self.low == self.high else float(random.uniform(self.low, self.high))

    def draw_logarithmic(self, random: np.random.Generator) -> float:
        """The number, drawn evenly in its logarithm; both ends must be above 0."""
        return float(np.exp(Range(np.log(self.low), np.log(self.high)).draw(random)))


def pillow_image(picture: Picture) -> Image.Image:
    """A Pillow picture of 8 bits."""
    pixels = to_bytes(picture)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def from_pillow(image: Image.Image) -> Picture:
    """``(H, W, C)`` floats of a Pillow picture."""
    return with_channels(to_floats(np.asarray(image)))


def with_channels(pixels: Picture) -> Picture:
    """``(H, W, C)`` of a picture whose single channel a library has dropped."""
    return pixels[..., None] if pixels.ndim == 2 else pixels
