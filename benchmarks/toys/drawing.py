"""Small plots with Pillow: points, curves and bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]

INK, FAINT, PAPER = (40, 40, 40), (205, 205, 205), (255, 255, 255)
COLORS = (
    (31, 119, 180),
    (214, 39, 40),
    (44, 160, 44),
    (148, 103, 189),
    (255, 127, 14),
    (23, 170, 190),
    (127, 127, 127),
    (188, 120, 34),
)
SIZE = 13
"""Height of letters, in pixels."""


class Panel:
    """A plot with its axes, ``width`` by ``height`` pixels.

    Args:
        title: above the plot.
        width, height: of the panel, in pixels.
        x, y: ranges.
        logarithmic: whether y is on a logarithmic scale.
        labels: of the axes.
    """

    def __init__(
        self,
        title: str,
        width: int,
        height: int,
        x: Point,
        y: Point,
        logarithmic: bool = False,
        labels: tuple[str, str] = ("", ""),
    ) -> None:
        self.image = Image.new("RGB", (width, height), PAPER)
        self.draw = ImageDraw.Draw(self.image)
        self.font = ImageFont.load_default(SIZE)
        self.logarithmic = logarithmic
        self.x, self.y = x, (self.scaled(y[0]), self.scaled(y[1]))
        named = any(labels)
        self.left, self.top = (58 if named else 8), 24
        self.right, self.bottom = width - 12, height - (44 if named else 8)
        self.draw.text((self.left, 4), title, INK, self.font)
        if named:
            self.ticks()
            self.draw.text((self.left, height - 18), labels[0], INK, self.font)
            self.draw.text((self.right, 4), labels[1], INK, self.font, anchor="ra")
        self.draw.rectangle((self.left, self.top, self.right, self.bottom), outline=FAINT)

    def scaled(self, value: float) -> float:
        """A y as the axis takes it."""
        return math.log10(max(value, 1e-30)) if self.logarithmic else value

    def place(self, point: Point) -> Point:
        """Pixels of a point; what lies outside is drawn at the border."""
        across = (point[0] - self.x[0]) / (self.x[1] - self.x[0])
        up = (self.scaled(point[1]) - self.y[0]) / (self.y[1] - self.y[0])
        across, up = (min(max(share, 0.0), 1.0) for share in (across, up))
        return (
            self.left + across * (self.right - self.left),
            self.bottom - up * (self.bottom - self.top),
        )

    def ticks(self) -> None:
        """Numbers along both axes."""
        for share, anchor in ((0.0, "la"), (0.5, "ma"), (1.0, "ra")):
            value = self.x[0] + share * (self.x[1] - self.x[0])
            x = self.left + share * (self.right - self.left)
            self.draw.text((x, self.bottom + 4), f"{value:.4g}", INK, self.font, anchor=anchor)
            level = self.y[0] + share * (self.y[1] - self.y[0])
            y = self.bottom - share * (self.bottom - self.top)
            text = f"1e{level:g}" if self.logarithmic else f"{level:.3g}"
            self.draw.text((self.left - 5, y), text, INK, self.font, anchor="rm")

    def points(self, points: Sequence[Point], color: tuple[int, int, int], radius: int = 1) -> None:
        """Dots; those outside the plot are left out."""
        for point in points:
            inside = self.x[0] <= point[0] <= self.x[1] and self.y[0] <= point[1] <= self.y[1]
            if inside:
                x, y = self.place(point)
                self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)

    def curve(
        self, points: Sequence[Point], color: tuple[int, int, int], thickness: int = 2
    ) -> None:
        """A line through points; it breaks where one is not finite."""
        for start, end in pairwise(points):
            if math.isfinite(start[1]) and math.isfinite(end[1]):
                self.draw.line((*self.place(start), *self.place(end)), fill=color, width=thickness)

    def bars(self, heights: Sequence[float], color: tuple[int, int, int]) -> None:
        """Bars side by side over the whole width."""
        step = (self.x[1] - self.x[0]) / len(heights)
        for index, height in enumerate(heights):
            left, top = self.place((self.x[0] + index * step, height))
            right, bottom = self.place((self.x[0] + (index + 1) * step, self.y[0]))
            self.draw.rectangle((left, top, max(left, right - 1), bottom), fill=color)

    def legend(self, names: Sequence[str]) -> None:
        """Names in their colors, inside the upper right corner."""
        for index, name in enumerate(names):
            place = (self.right - 6, self.top + 4 + index * (SIZE + 3))
            self.draw.text(place, name, color_of(index), self.font, anchor="ra")


def color_of(index: int) -> tuple[int, int, int]:
    """Colors in turn."""
    return COLORS[index % len(COLORS)]


def curves(
    title: str,
    series: Mapping[str, Sequence[Point]],
    labels: tuple[str, str],
    logarithmic: bool = False,
    y: Point | None = None,
) -> Image.Image:
    """A panel of named curves; ``y`` is the range of the axis, by default that of the values."""
    points = [point for line in series.values() for point in line if math.isfinite(point[1])]
    ends = (min(point[0] for point in points), max(point[0] for point in points))
    heights = [point[1] for point in points if not logarithmic or point[1] > 0]
    low, high = y or (min(heights), max(heights))
    if logarithmic:
        low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
    panel = Panel(
        title, 480, 320, ends, (low, high if high > low else low + 1), logarithmic, labels
    )
    for index, line in enumerate(series.values()):
        # Where lines lie on each other, the earlier ones show at the sides.
        panel.curve(line, color_of(index), thickness=1 + len(series) - index)
    panel.legend(list(series))
    return panel.image


def scatter(title: str, layers: Sequence[Sequence[Point]], reach: float) -> Image.Image:
    """A square panel of points from ``-reach`` to ``reach``; each layer has its color."""
    panel = Panel(title, 240, 256, (-reach, reach), (-reach, reach))
    for index, layer in enumerate(layers):
        panel.points(layer, FAINT if index == 0 else color_of(index - 1))
    return panel.image


def histogram(title: str, heights: Sequence[float], ends: Point, label: str) -> Image.Image:
    """A panel of bars between two ends."""
    top = max(max(heights), 1e-9)
    panel = Panel(title, 480, 320, ends, (0, top), labels=(label, "share"))
    panel.bars(heights, color_of(0))
    return panel.image


def tile(images: Sequence[Image.Image], columns: int) -> Image.Image:
    """Pictures of one size in rows."""
    width = max(image.width for image in images)
    height = max(image.height for image in images)
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (width * min(columns, len(images)), height * rows), PAPER)
    for index, image in enumerate(images):
        sheet.paste(image, (index % columns * width, index // columns * height))
    return sheet
