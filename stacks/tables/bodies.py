"""People of sticks: how they look, how they stand, and a picture of it.

A body is seen from the front, so its left is on the right of the picture. Its clothes are of two
halves, as a harlequin's: left and right limbs can be told apart by their color.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Color = tuple[int, int, int]
Places = dict[str, NDArray[np.float64]]
"""Joint -> (x, y), in sides of the picture until they are drawn."""

SIDES = {"left": 1, "right": -1}
PARTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
JOINTS = ("head", "neck", *(f"{side}_{part}" for part in PARTS for side in SIDES))
LIMBS = (
    ("head", "neck"),
    *(
        (f"{side}_{start}", f"{side}_{end}")
        for side in SIDES
        for start, end in (
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("shoulder", "hip"),
            ("hip", "knee"),
            ("knee", "ankle"),
        )
    ),
)

FINE = 4
"""A picture is drawn that many times as large, then reduced: its edges are smooth."""
MARGIN = 0.1
"""Of the picture, that joints keep from its edges: half a limb or head is around them."""
CONTRAST = 70.0
"""Least distance of a color of clothes from the background and from that of the other half, in RGB
of 0..255."""


@dataclass(frozen=True)
class Figure:
    """One person: lengths and widths in sides of the picture, colors, and what is behind."""

    torso: float
    shoulders: float
    hips: float
    arm: float
    leg: float
    head: float
    arm_width: float
    leg_width: float
    skin: Color
    hair: Color
    shirt: tuple[Color, Color]
    trousers: tuple[Color, Color]
    """Left and right half, of the shirt too."""
    background: tuple[Color, Color]
    """Where the gradient starts and ends; twice the same where it is plain."""
    slope: float
    """Direction of the gradient, in radians."""

    @classmethod
    def drawn_from(cls, random: np.random.Generator) -> Figure:
        """A person at random."""
        first = color(random, (0.1, 0.5), (0.55, 1.0))
        plain = random.random() < 0.5
        second = first if plain else color(random, (0.1, 0.5), (0.55, 1.0))
        behind = (first, second)
        height = random.uniform(0.88, 1.04)
        shirt, trousers = apart(random, behind), apart(random, behind)
        return cls(
            torso=0.24 * height * random.uniform(0.9, 1.1),
            shoulders=0.085 * random.uniform(0.85, 1.2),
            hips=0.05 * random.uniform(0.85, 1.2),
            arm=0.125 * height,
            leg=0.165 * height * random.uniform(0.92, 1.08),
            head=0.062 * random.uniform(0.9, 1.15),
            arm_width=random.uniform(0.042, 0.06),
            leg_width=random.uniform(0.055, 0.08),
            skin=skin_color(random),
            hair=color(random, (0.2, 0.7), (0.1, 0.5)),
            shirt=(shirt, apart(random, (*behind, shirt))),
            trousers=(trousers, apart(random, (*behind, trousers))),
            background=behind,
            slope=float(random.uniform(0, 2 * math.pi)),
        )


@dataclass(frozen=True)
class Pose:
    """Angles in degrees: of the body from upright, of limbs from hanging, outwards, and of elbows
    and knees from straight; of limbs left, then right.
    """

    lean: float
    nod: float
    arms: tuple[float, float]
    elbows: tuple[float, float]
    legs: tuple[float, float]
    knees: tuple[float, float]

    @classmethod
    def drawn_from(cls, random: np.random.Generator) -> Pose:
        """A pose at random, which most people can take."""

        def two(low: float, high: float) -> tuple[float, float]:
            return float(random.uniform(low, high)), float(random.uniform(low, high))

        return cls(
            float(random.uniform(-14, 14)),
            float(random.uniform(-18, 18)),
            two(5, 165),
            two(-20, 110),
            two(0, 48),
            two(-60, 5),
        )

    def varied(self, random: np.random.Generator, degrees: float) -> Pose:
        """The pose as somebody takes it who is asked to: each angle a little off."""

        def near(angle: float) -> float:
            return float(angle + random.normal() * degrees)

        def both(angles: tuple[float, float]) -> tuple[float, float]:
            return near(angles[0]), near(angles[1])

        return Pose(
            near(self.lean / 2),
            near(self.nod),
            both(self.arms),
            both(self.elbows),
            both(self.legs),
            both(self.knees),
        )


def place(figure: Figure, pose: Pose) -> Places:
    """Where the joints of a figure are in a pose, as a whole in the middle of the picture."""
    up = toward(180 + pose.lean, 1)
    across = np.array([-up[1], up[0]])
    places: Places = {"neck": up * figure.torso}
    places["head"] = places["neck"] + toward(180 + pose.lean + pose.nod, figure.head * 1.5)
    for index, (side, sign) in enumerate(SIDES.items()):
        shoulder = places["neck"] + across * sign * figure.shoulders
        hip = across * sign * figure.hips
        arm, leg = sign * pose.arms[index], sign * pose.legs[index]
        elbow = shoulder + toward(arm, figure.arm)
        knee = hip + toward(leg, figure.leg)
        places[f"{side}_shoulder"], places[f"{side}_hip"] = shoulder, hip
        places[f"{side}_elbow"], places[f"{side}_knee"] = elbow, knee
        bent, kneeling = arm + sign * pose.elbows[index], leg + sign * pose.knees[index]
        places[f"{side}_wrist"] = elbow + toward(bent, figure.arm)
        places[f"{side}_ankle"] = knee + toward(kneeling, figure.leg)
    return centered(places)


def toward(degrees: float, length: float) -> NDArray[np.float64]:
    """A step of ``length``; 0 degrees is down, 90 to the right."""
    turn = math.radians(degrees)
    return np.array([math.sin(turn), math.cos(turn)]) * length


def centered(places: Places) -> Places:
    """Joints moved to the middle of the picture, and made smaller where they do not fit."""
    points = np.stack(list(places.values()))
    low, high = points.min(axis=0), points.max(axis=0)
    factor = min(1.0, (1 - 2 * MARGIN) / float((high - low).max()))
    return {name: (point - (low + high) / 2) * factor + 0.5 for name, point in places.items()}


def picture(figure: Figure, places: Places, size: int) -> Image.Image:
    """A figure on its background, ``size`` pixels a side."""
    board = background(figure, size * FINE)
    pen = Pen(ImageDraw.Draw(board), size * FINE)
    for index, side in enumerate(SIDES):
        at = {part: places[f"{side}_{part}"] for part in PARTS}
        pen.limb([at["hip"], at["knee"], at["ankle"]], figure.leg_width, figure.trousers[index])
        pen.dot(at["ankle"], figure.leg_width * 1.15, darker(figure.trousers[index]))
    middle = (places["left_hip"] + places["right_hip"]) / 2
    for index, side in enumerate(SIDES):
        corners = [places["neck"], places[f"{side}_shoulder"], places[f"{side}_hip"], middle]
        pen.patch(corners, figure.arm_width, figure.shirt[index])
    pen.limb([places["neck"], places["head"]], figure.arm_width, figure.skin)
    pen.dot(places["head"] - np.array([0, 0.018]), figure.head * 2.1, figure.hair)
    pen.dot(places["head"] + np.array([0, 0.012]), figure.head * 1.8, figure.skin)
    for index, side in enumerate(SIDES):
        at = {part: places[f"{side}_{part}"] for part in PARTS}
        sleeve = darker(figure.shirt[index], 0.85)
        pen.limb([at["shoulder"], at["elbow"], at["wrist"]], figure.arm_width, sleeve)
        pen.dot(at["wrist"], figure.arm_width * 1.15, figure.skin)
    return board.resize((size, size), Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class Pen:
    """Draws round shapes; places and widths are in sides of the picture."""

    draw: ImageDraw.ImageDraw
    side: int

    def limb(self, points: list[NDArray[np.float64]], width: float, color: Color) -> None:
        """A bent sausage."""
        line = [self.at(point) for point in points]
        self.draw.line(line, fill=color, width=round(width * self.side))
        for point in points:
            self.dot(point, width, color)

    def patch(self, corners: list[NDArray[np.float64]], width: float, color: Color) -> None:
        """A filled shape with round corners."""
        self.draw.polygon([self.at(corner) for corner in corners], fill=color)
        self.limb([*corners, corners[0]], width / 2, color)

    def dot(self, point: NDArray[np.float64], width: float, color: Color) -> None:
        """A disk."""
        x, y = self.at(point)
        radius = width * self.side / 2
        self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)

    def at(self, point: NDArray[np.float64]) -> tuple[float, float]:
        """A place in pixels."""
        return float(point[0]) * self.side, float(point[1]) * self.side


def background(figure: Figure, side: int) -> Image.Image:
    """A gradient from one color to another, or one color."""
    first, second = (np.array(one, float) for one in figure.background)
    steps = np.linspace(-0.5, 0.5, side)
    share = steps * math.cos(figure.slope) + steps[:, None] * math.sin(figure.slope)
    share = np.clip(share + 0.5, 0, 1)[..., None]
    return Image.fromarray((first + (second - first) * share).round().astype(np.uint8))


def color(
    random: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]
) -> Color:
    """A color of any hue."""
    return rgb(random.random(), random.uniform(*saturation), random.uniform(*value))


def skin_color(random: np.random.Generator) -> Color:
    """From pale to dark."""
    value = random.uniform(0.35, 0.97)
    return rgb(random.uniform(0.04, 0.09), 0.75 - 0.45 * value, value)


def apart(random: np.random.Generator, others: Sequence[Color]) -> Color:
    """A color of clothes that stands out from others."""
    while True:
        found = color(random, (0.5, 1.0), (0.25, 0.95))
        if min(math.dist(found, other) for other in others) >= CONTRAST:
            return found


def darker(color: Color, factor: float = 0.6) -> Color:
    """A color in the shade."""
    red, green, blue = (round(part * factor) for part in color)
    return red, green, blue


def rgb(hue: float, saturation: float, value: float) -> Color:
    """Hue, saturation and value in [0, 1] as red, green and blue, 0..255."""
    red, green, blue = (round(part * 255) for part in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue
