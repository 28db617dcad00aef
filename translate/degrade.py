"""Degradations: a photograph -> its low-resolution or noisy partner.

A degradation is written the same way in a recipe and on the command line, as a comma-separated
list of steps applied in order:

- ``bicubic:4``: reduce by 4 with Pillow's antialiased bicubic kernel, rounded to 8 bits;
- ``noise:25`` or ``noise:0-55``: add Gaussian noise of that sigma on the scale 0..255 (a range is
  drawn uniformly per picture), not clipped, not rounded;
- ``jpeg:40`` or ``jpeg:30-90``: encode and decode as JPEG of that quality, 4:2:0.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from translate.pixels import SIGMA_UNIT, to_bytes, to_floats

Picture = NDArray[np.float32]


class DegradationError(ValueError):
    """A degradation is written wrongly, or a picture is too small for it."""


@dataclass(frozen=True)
class Range:
    """A number, or a range from which one number a picture is drawn."""

    low: float
    high: float

    def draw(self, random: np.random.Generator) -> float:
        """The number; drawing from a single number leaves ``random`` untouched."""
        return self.low if self.low == self.high else float(random.uniform(self.low, self.high))


@dataclass(frozen=True)
class Degraded:
    """What a degradation made: the picture ``(H, W, C)`` in [0, 1] and the noise it was given."""

    source: Picture
    sigma: float
    """Standard deviation of the noise that was added, on 0..255; 0 where none was."""


@dataclass(frozen=True)
class Bicubic:
    """Reduction by a whole factor."""

    scale: int

    def apply(self, picture: Picture, random: np.random.Generator) -> tuple[Picture, float]:
        return reduce(picture, self.scale), 0.0


@dataclass(frozen=True)
class Noise:
    """Additive white Gaussian noise."""

    sigma: Range

    def apply(self, picture: Picture, random: np.random.Generator) -> tuple[Picture, float]:
        sigma = self.sigma.draw(random)
        noise = random.standard_normal(picture.shape) * (sigma / SIGMA_UNIT)
        return picture + noise.astype(np.float32), sigma


@dataclass(frozen=True)
class Jpeg:
    """Lossy compression with chroma at half resolution."""

    quality: Range

    def apply(self, picture: Picture, random: np.random.Generator) -> tuple[Picture, float]:
        quality = round(self.quality.draw(random))
        buffer = io.BytesIO()
        pillow_image(picture).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
        return from_pillow(Image.open(buffer)), 0.0


@dataclass(frozen=True)
class Degradation:
    """Steps applied one after the other."""

    text: str
    steps: tuple[Bicubic | Noise | Jpeg, ...]

    @property
    def scale(self) -> int:
        """How many target pixels one source pixel stands for, along one side."""
        scale = 1
        for step in self.steps:
            scale *= step.scale if isinstance(step, Bicubic) else 1
        return scale

    @property
    def margin(self) -> int:
        """Target pixels around a crop that the crop's own degradation would get wrong.

        The antialiased bicubic kernel reaches 2 source pixels; one more makes the crop of a reduced
        picture equal to the reduction of the whole picture.
        """
        return 3 * self.scale if self.scale > 1 else 0

    def apply(self, target: Picture, random: np.random.Generator) -> Degraded:
        """Degrade ``target (H, W, C)`` in [0, 1]; both sides must be multiples of `scale`."""
        picture, sigma = target, 0.0
        for step in self.steps:
            picture, added = step.apply(picture, random)
            # Independent noises add in variance.
            sigma = float(np.hypot(sigma, added))
        return Degraded(picture, sigma)


def parse_degradation(text: str) -> Degradation:
    """Read ``bicubic:4,noise:0-55``.

    Raises:
        DegradationError: an unknown step, or a number out of range.
    """
    steps = tuple(parse_step(part.strip(), text) for part in text.split(",") if part.strip())
    if not steps:
        raise DegradationError(f"degradation {text!r} is empty; for example: bicubic:4 or noise:25")
    return Degradation(text, steps)


def parse_step(part: str, text: str) -> Bicubic | Noise | Jpeg:
    """One step of a degradation."""
    name, _, argument = part.partition(":")
    if name == "bicubic":
        if not argument.isdecimal() or not 2 <= int(argument) <= 16:
            raise DegradationError(
                f"degradation {text!r}: bicubic takes a whole factor of 2 to 16, got {argument!r}"
            )
        return Bicubic(int(argument))
    if name == "noise":
        return Noise(parse_range(argument, text, 0, 255))
    if name == "jpeg":
        return Jpeg(parse_range(argument, text, 1, 100))
    raise DegradationError(
        f"degradation {text!r}: unknown step {name!r}; known: bicubic:S, noise:SIGMA, jpeg:QUALITY"
    )


def parse_range(argument: str, text: str, least: float, most: float) -> Range:
    """``25`` or ``0-55``."""
    low, dash, high = argument.partition("-")
    try:
        numbers = Range(float(low), float(high if dash else low))
    except ValueError:
        numbers = None
    if numbers is None or not least <= numbers.low <= numbers.high <= most:
        raise DegradationError(
            f"degradation {text!r}: expected a number or a range LOW-HIGH within "
            f"{least:g} to {most:g}, got {argument!r}"
        )
    return numbers


def reduce(picture: Picture, scale: int) -> Picture:
    """Reduce ``(H, W, C)`` by ``scale`` with Pillow's BICUBIC, through 8 bits as files are."""
    height, width = picture.shape[:2]
    if not height or not width:
        raise DegradationError(f"a picture of {width}x{height} is too small to reduce by {scale}")
    if height % scale or width % scale:
        raise DegradationError(
            f"a picture of {width}x{height} does not reduce by {scale}; cut it to a multiple first"
        )
    size = (width // scale, height // scale)
    return from_pillow(pillow_image(picture).resize(size, Image.Resampling.BICUBIC))


def pillow_image(picture: Picture) -> Image.Image:
    """A Pillow picture of 8 bits."""
    pixels = to_bytes(picture)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def from_pillow(image: Image.Image) -> Picture:
    """``(H, W, C)`` floats of a Pillow picture."""
    pixels = to_floats(np.asarray(image))
    return pixels[..., None] if pixels.ndim == 2 else pixels
