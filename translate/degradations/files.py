"""What saving does: lossy compression, and rounding to the 256 steps of a file."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from translate.degradations.step import Picture, Range, Size, from_pillow, pillow_image
from translate.pixels import to_bytes, to_floats


@dataclass(frozen=True)
class Jpeg:
    """Lossy compression with chroma at half resolution."""

    quality: Range

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        quality = self.level(random)
        buffer = io.BytesIO()
        pillow_image(picture).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
        return from_pillow(Image.open(buffer)), 0.0

    def level(self, random: np.random.Generator) -> int:
        """The quality that is drawn: 1 to 100."""
        return round(self.quality.draw(random))


@dataclass(frozen=True)
class Rounding:
    """To the nearest of 256 steps, clipped."""

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return to_floats(to_bytes(picture)), 0.0
