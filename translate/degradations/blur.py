"""Blur: Gaussian kernels of many shapes, and the sinc that leaves rings beside edges.

Shapes, shares and sizes are those of Real-ESRGAN (Wang et al. 2021, arXiv 2107.10833, section 3 and
appendix A). Kernels sum to 1, and pictures are mirrored at their edges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from translate.degradations.step import Picture, Range, Size, with_channels

Kernel = NDArray[np.float64]
Profile = Literal["gaussian", "plateau"]

LARGEST_RADIUS = 10
SMALLEST_RADIUS = 3


@dataclass(frozen=True)
class Shape:
    """A family of blur kernels and how often it is drawn."""

    share: float
    isotropic: bool
    profile: Profile = "gaussian"
    exponents: tuple[float, float] = (1.0, 1.0)
    """Of the squared distance; below 1 the kernel is more pointed than a Gaussian, above it flatter
    at the top."""


SHAPES: Sequence[Shape] = (
    Shape(0.45, isotropic=True),
    Shape(0.25, isotropic=False),
    Shape(0.12, isotropic=True, exponents=(0.5, 4.0)),
    Shape(0.03, isotropic=False, exponents=(0.5, 4.0)),
    Shape(0.12, isotropic=True, profile="plateau", exponents=(1.0, 2.0)),
    Shape(0.03, isotropic=False, profile="plateau", exponents=(1.0, 2.0)),
)


@dataclass(frozen=True)
class Gaussian:
    """An isotropic Gaussian of that deviation in pixels, which reaches four of them."""

    sigma: Range

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return convolve(picture, self.kernel(random)), 0.0

    def kernel(self, random: np.random.Generator) -> Kernel:
        """What is drawn."""
        sigma = self.sigma.draw(random)
        return bell(math.ceil(4 * sigma), (sigma, sigma))

    @property
    def reach(self) -> int:
        """Radius of the largest kernel."""
        return math.ceil(4 * self.sigma.high)


@dataclass(frozen=True)
class Blur:
    """A kernel of a drawn shape, size and deviation; with the chance ``sinc`` a sinc instead."""

    sigma: Range
    sinc: float = 0.0

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return convolve(picture, self.kernel(random)), 0.0

    def kernel(self, random: np.random.Generator) -> Kernel:
        """What is drawn."""
        radius = draw_radius(random)
        if self.sinc and random.random() < self.sinc:
            # Short kernels cannot carry the long waves of a low cutoff.
            lowest = 1 / 3 if radius < 6 else 1 / 5
            return sinc(radius, random.uniform(lowest, 1.0))
        shares = [shape.share for shape in SHAPES]
        shape = SHAPES[int(random.choice(len(SHAPES), p=shares))]
        across = self.sigma.draw(random)
        along = across if shape.isotropic else self.sigma.draw(random)
        angle = 0.0 if shape.isotropic else random.uniform(-math.pi, math.pi)
        exponent = draw_exponent(shape.exponents, random)
        return bell(radius, (across, along), angle, exponent, shape.profile)

    @property
    def reach(self) -> int:
        """Radius of the largest kernel."""
        return LARGEST_RADIUS


@dataclass(frozen=True)
class Sinc:
    """The ideal low pass cut off to a square: it rings, as sharpened and compressed pictures do.

    The cutoff is a share of the highest frequency that the pixels can carry.
    """

    cutoff: Range

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return convolve(picture, self.kernel(random)), 0.0

    def kernel(self, random: np.random.Generator) -> Kernel:
        """What is drawn."""
        radius = draw_radius(random)
        return sinc(radius, self.cutoff.draw(random))

    @property
    def reach(self) -> int:
        """Radius of the largest kernel."""
        return LARGEST_RADIUS


def draw_radius(random: np.random.Generator) -> int:
    """Kernels are 7x7 to 21x21."""
    return int(random.integers(SMALLEST_RADIUS, LARGEST_RADIUS + 1))


def draw_exponent(exponents: tuple[float, float], random: np.random.Generator) -> float:
    """As often below 1 as above it, where the range holds both."""
    low, high = exponents
    if low < 1 < high:
        return random.uniform(low, 1.0) if random.random() < 0.5 else random.uniform(1.0, high)
    return Range(low, high).draw(random)


def bell(
    radius: int,
    sigma: tuple[float, float],
    angle: float = 0.0,
    exponent: float = 1.0,
    profile: Profile = "gaussian",
) -> Kernel:
    """A kernel of elliptic level lines: ``exp(-d^b / 2)``, or the flat-topped ``1 / (1 + d^b)``.

    ``d`` is the squared distance in units of sigma, ``b`` the exponent (Liu et al. 2020, arXiv
    2012.10102). A sigma near 0 leaves the picture alone.

    Args:
        radius: the kernel is ``(2 radius + 1)`` pixels wide and high.
        sigma: along the two axes of the ellipse, in pixels.
        angle: of the first axis, in radians from the horizontal.
        exponent: ``b``.
        profile: which of the two.
    """
    places = np.arange(-radius, radius + 1, dtype=np.float64)
    across, down = np.meshgrid(places, places)
    first = across * math.cos(angle) + down * math.sin(angle)
    second = down * math.cos(angle) - across * math.sin(angle)
    widths = np.maximum(sigma, 1e-3)
    distance = ((first / widths[0]) ** 2 + (second / widths[1]) ** 2) ** exponent
    kernel = np.exp(-distance / 2) if profile == "gaussian" else 1 / (1 + distance)
    return kernel / kernel.sum()


def sinc(radius: int, cutoff: float) -> Kernel:
    """The circular low pass ``w J1(w r) / (2 pi r)``, ``w = pi cutoff`` (the paper's eq. 6)."""
    places = np.arange(-radius, radius + 1, dtype=np.float64)
    distance = np.hypot(*np.meshgrid(places, places))
    distance[radius, radius] = 1.0  # its own value follows
    frequency = math.pi * cutoff
    waves = torch.special.bessel_j1(torch.from_numpy(frequency * distance)).numpy()
    kernel = frequency * waves / (2 * math.pi * distance)
    kernel[radius, radius] = frequency**2 / (4 * math.pi)
    return kernel / kernel.sum()


def convolve(picture: Picture, kernel: Kernel) -> Picture:
    """Each channel of ``(H, W, C)`` with a kernel, mirrored at the edges."""
    blurred = cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return with_channels(np.asarray(blurred, np.float32))
