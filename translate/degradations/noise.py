"""Noise: of one strength everywhere, of counted photons, of a camera's sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from translate.degradations.step import Picture, Range, Size
from translate.pixels import LUMA, SIGMA_UNIT


@dataclass(frozen=True)
class Noise:
    """Additive white Gaussian noise; with the chance ``gray`` the same in all channels."""

    sigma: Range
    gray: float = 0.0

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        sigma, alike = self.strength(random)
        height, width, channels = picture.shape
        drawn = random.standard_normal((height, width, 1 if alike else channels))
        return picture + (drawn * (sigma / SIGMA_UNIT)).astype(np.float32), sigma

    def strength(self, random: np.random.Generator) -> tuple[float, bool]:
        """Sigma on 0..255 and whether all channels move alike, as drawn."""
        return self.sigma.draw(random), drawn_gray(self.gray, random)


@dataclass(frozen=True)
class Poisson:
    """Noise that grows with the root of brightness: ``strength`` times that of 255 counts.

    At white its sigma is 16 on 0..255 times the strength; with the chance ``gray`` the brightness
    alone is counted, and all channels move together.
    """

    strength: Range
    gray: float = 0.0

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        strength, gray = self.counting(random)
        light = np.clip(picture, 0, 1)
        if gray and picture.shape[2] == 3:
            light = (light @ np.array(LUMA, np.float32))[..., None]
        counts = random.poisson(light * SIGMA_UNIT) / SIGMA_UNIT
        sigma = strength * float(np.sqrt(light.mean() * SIGMA_UNIT))
        return picture + ((counts - light) * strength).astype(np.float32), sigma

    def counting(self, random: np.random.Generator) -> tuple[float, bool]:
        """Strength and whether the brightness alone is counted, as drawn."""
        return self.strength.draw(random), drawn_gray(self.gray, random)


@dataclass(frozen=True)
class Camera:
    """Shot and read noise of a sensor, added in linear light, which then saturates.

    The variance at the linear value x is ``shot x + read``. The shot noise is drawn evenly in its
    logarithm, and the read noise follows from it by the line fitted to real cameras: log read =
    2.18 log shot + 1.20, with a deviation of 0.26 (Brooks et al. 2019, "Unprocessing Images for
    Learned Raw Denoising", arXiv 1811.11127, section 3.1; there 0.0001 to 0.012).
    """

    shot: Range

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        shot, read = self.sensor(random)
        light = to_linear(np.clip(picture, 0, 1))
        deviation = np.sqrt(shot * light + read)
        noisy = light + random.standard_normal(light.shape) * deviation
        seen = from_linear(np.clip(noisy, 0, 1)).astype(np.float32)
        # The curve bends it and saturation cuts it: what it came to is measured.
        sigma = float(np.sqrt(np.mean((seen - picture) ** 2))) * SIGMA_UNIT
        return seen, sigma

    def sensor(self, random: np.random.Generator) -> tuple[float, float]:
        """Shot and read noise, as drawn."""
        shot = self.shot.draw_logarithmic(random)
        return shot, np.exp(2.18 * np.log(shot) + 1.20 + 0.26 * random.standard_normal())


def drawn_gray(chance: float, random: np.random.Generator) -> bool:
    """Whether noise is gray; without a chance ``random`` is left untouched."""
    return chance > 0 and random.random() < chance


def to_linear(picture: np.ndarray) -> np.ndarray:
    """SRGB values in [0, 1] -> linear light (IEC 61966-2-1)."""
    bent = ((picture + 0.055) / 1.055) ** 2.4
    return np.where(picture <= 0.04045, picture / 12.92, bent)


def from_linear(light: np.ndarray) -> np.ndarray:
    """Linear light in [0, 1] -> sRGB values."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
