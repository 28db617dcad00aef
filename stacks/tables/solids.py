"""Solids that stand on a turntable, drawn in gray: jars, boxes, little cars and toys.

Twenty objects in photographs are too few to learn from what a turn is; any number can be drawn. A
solid is a union of parts whose distance from a point is known in closed form (Hart 1996, "Sphere
tracing"; the formulas follow from the geometry), seen from a little above without perspective, by
one lamp beside the camera, and scaled so that it fills the picture, as COIL-20 scales its objects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]
Random = np.random.Generator

STEPS = 28
"""Of a ray towards the surface."""
NEAR = 4e-3
"""A ray this close has arrived."""
FAR = 2.4
"""Rays start this far from the axis, and go twice as far."""
FINE = 96
"""Rays along a side of the picture."""
SLIGHT = 1e-3
"""Between points of which differences give the normal."""
MARGIN = 0.04
"""Share of a side that stays free around a solid, on both sides together."""


@dataclass(frozen=True)
class Part:
    """One body of a solid.

    distance: from points ``(N, 3)`` in its own axes; below 0 within.
    center: where it stands; x to the right, y up, z towards the camera at an angle of 0.
    yaw: radians about the vertical. lying: whether its own y axis lies along the solid's x.
    shade: of its surface, 0 to 1. hollow: taken away from the parts before it.
    """

    distance: Callable[[Floats], Floats]
    center: Floats
    yaw: float = 0.0
    lying: bool = False
    shade: float = 0.6
    hollow: bool = False

    def __call__(self, points: Floats) -> Floats:
        """Distances of points in the solid's axes."""
        own = turned(points - self.center, -self.yaw)
        return self.distance(own[:, [1, 0, 2]] if self.lying else own)


@dataclass(frozen=True)
class Solid:
    """Parts, and waves of light and dark over their surface."""

    parts: list[Part]
    waves: list[tuple[Floats, float, float]] = field(default_factory=list)
    """Direction and frequency ``(3,)``, phase, and how much of the shade they take."""

    def distance(self, points: Floats) -> Floats:
        """From the surface, ``(N, 3)`` -> ``(N,)``; below 0 within."""
        return self.nearest(points)[0]

    def nearest(self, points: Floats) -> tuple[Floats, Floats]:
        """Distance of each point from the surface, and the shade of the part that is nearest."""
        least = np.full(len(points), np.inf)
        shades = np.zeros(len(points))
        for part in self.parts:
            own = part(points)
            if part.hollow:
                least = np.maximum(least, -own)
                continue
            shades = np.where(own < least, part.shade, shades)
            least = np.minimum(least, own)
        return least, shades

    def shade(self, points: Floats) -> Floats:
        """How light the surface is, 0 to 1: ``(N, 3)`` -> ``(N,)``."""
        shades = self.nearest(points)[1]
        for direction, phase, share in self.waves:
            # Edges as of print, not of fog.
            wave = np.tanh(4 * np.sin(points @ direction + phase))
            shades = shades * (1 - share * (0.5 + 0.5 * wave))
        return shades


def turned(points: Floats, angle: float) -> Floats:
    """Points ``(N, 3)`` turned about the vertical, from z to x."""
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y, z = points.T
    return np.stack([cosine * x + sine * z, y, cosine * z - sine * x], axis=1)


def ellipsoid(radii: Floats) -> Callable[[Floats], Floats]:
    """A ball stretched to radii ``(3,)``; its distance is a lower bound."""
    return lambda points: (np.linalg.norm(points / radii, axis=1) - 1) * radii.min()


def box(halves: Floats, rounding: float) -> Callable[[Floats], Floats]:
    """A box of half sides ``(3,)`` with round edges."""

    def distance(points: Floats) -> Floats:
        beyond = np.abs(points) - (halves - rounding)
        outside = np.linalg.norm(np.maximum(beyond, 0), axis=1)
        return outside + np.minimum(beyond.max(axis=1), 0) - rounding

    return distance


def cone(height: float, below: float, above: float) -> Callable[[Floats], Floats]:
    """A round body of half a ``height``, of one radius at its foot and another at its top."""
    slope = (above - below) / (2 * height)
    flat = 1 / np.hypot(1, slope)

    def distance(points: Floats) -> Floats:
        across = np.hypot(points[:, 0], points[:, 2])
        middle = (below + above) / 2 + slope * points[:, 1]
        side, end = (across - middle) * flat, np.abs(points[:, 1]) - height
        outside = np.hypot(np.maximum(side, 0), np.maximum(end, 0))
        return outside + np.minimum(np.maximum(side, end), 0)

    return distance


def ring(radius: float, thickness: float) -> Callable[[Floats], Floats]:
    """A ring that stands upright, across x and y."""

    def distance(points: Floats) -> Floats:
        around = np.hypot(points[:, 0], points[:, 1]) - radius
        return np.hypot(around, points[:, 2]) - thickness

    return distance


def jar(random: Random) -> list[Part]:
    """A body of revolution, often hollow, sometimes with a handle or a lid."""
    height = random.uniform(0.3, 0.9)
    below, above = random.uniform(0.3, 0.8, 2)
    shade = random.uniform(0.3, 0.95)
    parts = [Part(cone(height, below, above), np.zeros(3), shade=shade)]
    if random.random() < 0.4:
        lid = random.uniform(0.03, 0.15)
        rim = above * random.uniform(0.9, 1.15)
        place = np.array([0, height + lid / 2, 0])
        parts.append(Part(cone(lid, rim, rim), place, shade=random.uniform(0.2, 0.95)))
    else:
        wall = random.uniform(0.04, 0.1)
        inner = (max(below - wall, 0.1), max(above - wall, 0.1))
        place = np.array([0, random.uniform(0.1, 0.3), 0])
        parts.append(Part(cone(height, *inner), place, hollow=True))
    if random.random() < 0.45:
        radius, yaw = random.uniform(0.4, 0.8) * height, random.uniform(0, 2 * np.pi)
        out = (below + above) / 2 + radius * random.uniform(0.3, 0.8)
        place = turned(np.array([[out, 0.0, 0.0]]), yaw)[0]
        handle = ring(radius, random.uniform(0.05, 0.1))
        inside = Part(cone(2.0, *[min(below, above) * 0.85] * 2), np.zeros(3), hollow=True)
        # What of the ring lies within the jar is cut off before the jar is there.
        parts = [Part(handle, place, yaw, shade=shade), inside, *parts]
    return parts


def package(random: Random) -> list[Part]:
    """A box, or two on one another."""
    halves = random.uniform(0.25, 0.8, 3)
    yaw = random.uniform(0, np.pi)
    parts = [
        Part(box(halves, random.uniform(0.01, 0.1)), np.zeros(3), yaw, shade=one(random)),
    ]
    if random.random() < 0.5:
        upper = halves * random.uniform(0.3, 0.9, 3)
        across = turned((halves - upper)[None] * random.uniform(-1, 1, 3), yaw)[0]
        place = np.array([across[0], halves[1] + upper[1], across[2]])
        parts.append(Part(box(upper, 0.03), place, yaw, shade=one(random)))
    return parts


def car(random: Random) -> list[Part]:
    """A long body, a cabin and four wheels."""
    long, high, wide = (
        random.uniform(0.7, 1.0),
        random.uniform(0.12, 0.22),
        random.uniform(0.3, 0.5),
    )
    yaw, shade = random.uniform(0, 2 * np.pi), one(random)
    cabin = np.array(
        [long * random.uniform(0.35, 0.6), high * random.uniform(0.7, 1.2), wide * 0.85]
    )
    parts = [Part(box(np.array([long, high, wide]), high * 0.6), np.zeros(3), yaw, shade=shade)]

    def add(
        body: Callable[[Floats], Floats], where: list[float], shade: float, turn: float
    ) -> None:
        place = turned(np.array([where]), yaw)[0]
        parts.append(Part(body, place, yaw + turn, lying=turn > 0, shade=shade))

    back = -long * random.uniform(0, 0.3)
    add(box(cabin, cabin.min() * 0.7), [back, high + cabin[1] * 0.7, 0], one(random), 0)
    wheel = high * random.uniform(0.7, 1.1)
    for end in (-0.6, 0.6):
        for side in (-1, 1):
            add(cone(0.06, wheel, wheel), [end * long, -high, side * wide], 0.15, np.pi / 2)
    return parts


def toy(random: Random) -> list[Part]:
    """A few balls stuck to one another, each smaller than the one before."""
    parts: list[Part] = []
    place, size = np.zeros(3), 0.6
    for _ in range(int(random.integers(3, 7))):
        radii = size * random.uniform(0.5, 1.1, 3)
        parts.append(Part(ellipsoid(radii), place, random.uniform(0, np.pi), shade=one(random)))
        away = random.normal(size=3) * [1, 0.8, 1]
        base = parts[int(random.integers(len(parts)))]
        place = base.center + away / np.linalg.norm(away) * size * 0.8
        size *= random.uniform(0.6, 0.9)
    return parts


def one(random: Random) -> float:
    """A shade."""
    return float(random.uniform(0.2, 1.0))


def drawn_from(random: Random) -> Solid:
    """A solid of any sort, with up to three patterns."""
    makers = (jar, package, car, toy)
    parts = makers[int(random.choice(4, p=(0.35, 0.2, 0.2, 0.25)))](random)
    waves: list[tuple[Floats, float, float]] = []
    for _ in range(int(random.integers(0, 4))):
        direction = random.normal(size=3)
        direction *= random.uniform(2, 14) / np.linalg.norm(direction)
        waves.append((direction, random.uniform(0, 6.3), random.uniform(0.1, 0.7)))
    return Solid(parts, waves)


@dataclass(frozen=True)
class Sight:
    """How a solid is looked at.

    above: radians of the camera above the ground. lamp: the direction of the light, ``(3,)``.
    dark: share of the light that comes from everywhere.
    """

    above: float
    lamp: Floats
    dark: float

    @staticmethod
    def drawn_from(random: Random) -> Sight:
        """A camera and a lamp."""
        lamp = np.array([random.uniform(-0.6, 0.6), random.uniform(0.2, 1.0), 1.0])
        return Sight(
            np.radians(random.uniform(8, 35)), lamp / np.linalg.norm(lamp), random.uniform(0.1, 0.4)
        )


def picture(solid: Solid, sight: Sight, angle: float, size: int) -> NDArray[np.uint8]:
    """A solid after a turn by ``angle`` radians: ``(size, size)``, on black, filling the picture.

    What was in front goes to the left, as on the turntable of COIL-20.
    """
    along = (2 * np.arange(FINE) + 1) / FINE - 1
    across, down = np.meshgrid(along * FAR / 1.2, -along * FAR / 1.2)
    cosine, sine = np.cos(sight.above), np.sin(sight.above)
    # Of the camera: to the right, up, and towards it.
    right = np.array([1.0, 0, 0])
    up, towards = np.array([0, cosine, -sine]), np.array([0, sine, cosine])
    points = across.reshape(-1, 1) * right + down.reshape(-1, 1) * up + FAR * towards
    lit = np.zeros(len(points))
    alive = np.arange(len(points))
    for _ in range(STEPS):
        gone = solid.distance(turned(points[alive], angle))
        points[alive] -= gone[:, None] * towards
        alive = alive[(gone > NEAR) & (points[alive] @ towards > -FAR)]
    hit = np.abs(solid.distance(turned(points, angle))) < 8 * NEAR
    own = turned(points[hit], angle)
    normals = np.stack(
        [solid.distance(own + step) - solid.distance(own - step) for step in np.eye(3) * SLIGHT],
        axis=1,
    )
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    light = np.maximum(turned(normals, -angle) @ sight.lamp, 0)
    lit[hit] = solid.shade(own) * (sight.dark + (1 - sight.dark) * light)
    return filling(lit.reshape(FINE, FINE), size)


def filling(lit: Floats, size: int) -> NDArray[np.uint8]:
    """What is not black, scaled until its longer side fills a picture of ``size`` pixels."""
    rows, columns = (np.flatnonzero(lit.any(axis=axis)) for axis in (1, 0))
    result = Image.new("L", (size, size))
    if len(rows):
        cut = lit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        gray = Image.fromarray(np.round(255 * cut / cut.max()).astype(np.uint8))
        factor = size * (1 - MARGIN) / max(gray.size)
        width, height = (max(1, round(side * factor)) for side in gray.size)
        small = gray.resize((width, height), Image.Resampling.BICUBIC)
        result.paste(small, ((size - width) // 2, (size - height) // 2))
    return np.asarray(result)
