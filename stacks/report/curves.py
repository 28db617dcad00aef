"""Line charts as SVG: nothing but paths and words, colored by the page's own style."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 520, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 26
MOST = 400
"""Points of a line; more would not be seen."""
TICKS = 5


def chart(lines: Mapping[str, Points], marks: Sequence[float] = (), legend: bool = True) -> str:
    """A chart of several lines over the same axis.

    Args:
        lines: points (x, y) by name; values that are not finite leave a gap.
        marks: places on the x axis where something happened.
        legend: whether the names stand beneath.
    """
    thin = {name: thinned(points) for name, points in lines.items()}
    finite = [(x, y) for points in thin.values() for x, y in points if math.isfinite(y)]
    if not finite:
        return ""
    across = ticks(min(x for x, _ in finite), max(x for x, _ in finite))
    up = ticks(min(y for _, y in finite), max(y for _, y in finite))
    low_x, high_x = min(x for x, _ in finite), max(x for x, _ in finite)
    low_y, high_y = up[0], up[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        right = (x - low_x) / ((high_x - low_x) or 1)
        above = (y - low_y) / ((high_y - low_y) or 1)
        return (
            LEFT + right * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - above * (HEIGHT - TOP - BOTTOM),
        )

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    for value in up:
        _, y = place(low_x, value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 3.5:.1f}" class="up">{number(value)}</text>')
    for value in across:
        if low_x <= value <= high_x:
            x, _ = place(value, low_y)
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" class="along">{number(value)}</text>')
    for mark in marks:
        if low_x <= mark <= high_x:
            x, _ = place(mark, low_y)
            parts.append(f'<path class="mark" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
    for index, (name, points) in enumerate(thin.items()):
        parts.append(
            f'<path class="line c{index % 8}" d="{path([place(*point) for point in points])}">'
            f"<title>{escape(name)}</title></path>"
        )
        if alone := lone(points):
            drawn = dots([place(*point) for point in alone])
            parts.append(f'<path class="line dot c{index % 8}" d="{drawn}"/>')
    parts.append("</svg>")
    if legend:
        names = "".join(
            f'<span><i class="c{index % 8}"></i>{escape(name)}</span>'
            for index, name in enumerate(thin)
        )
        parts.append(f'<p class="legend">{names}</p>')
    return "".join(parts)


def path(points: Points) -> str:
    """Points as an SVG path, broken where a value is not finite."""
    letters: list[str] = []
    pen = "M"
    for x, y in points:
        if not math.isfinite(y):
            pen = "M"
            continue
        letters.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(letters)


def dots(points: Points) -> str:
    """Points as an SVG path of strokes too short to see but for their round, wide ends."""
    return "".join(f"M{x:.1f} {y:.1f}h.1" for x, y in points)


def lone(points: Points) -> list[tuple[float, float]]:
    """Points without a finite neighbor: no line shows them."""
    gap = (math.nan, math.nan)
    padded = [gap, *points, gap]
    return [
        here
        for before, here, after in zip(padded, padded[1:], padded[2:], strict=False)
        if math.isfinite(here[1]) and not (math.isfinite(before[1]) or math.isfinite(after[1]))
    ]


def thinned(points: Points) -> list[tuple[float, float]]:
    """At most `MOST` points: means of neighbors, which keep the course of a noisy line."""
    size = math.ceil(len(points) / MOST)
    if size <= 1:
        return list(points)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from one at or below ``low`` to one at or above ``high``."""
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    rough = (high - low) / TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [index * step for index in range(first, last + 1)]


def number(value: float) -> str:
    """A number as short as it goes: 12k for twelve thousand steps."""
    if abs(value) >= 10000:
        return f"{value / 1000:g}k"
    return f"{value:.4g}"
