"""Named horizontal bars: one number for each of many names."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from benchmarks.toys.drawing import PAPER, color_of

SIZE, ROW, NAMES, LENGTH = 12, 18, 200, 360
INK = (40, 40, 40)


def bars(title: str, heights: Sequence[tuple[str, float]]) -> Image.Image:
    """A panel of bars from 0, with their numbers behind them."""
    image = Image.new("RGB", (NAMES + LENGTH + 60, ROW * (len(heights) + 2)), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(SIZE)
    draw.text((NAMES, ROW // 2), title, INK, font, anchor="lm")
    longest = max(height for _, height in heights)
    for index, (name, height) in enumerate(heights):
        top = ROW * (index + 1) + 4
        end = NAMES + round(LENGTH * height / longest)
        draw.text((NAMES - 8, top + ROW // 2 - 2), name, INK, font, anchor="rm")
        draw.rectangle((NAMES, top, end, top + ROW - 6), fill=color_of(0))
        draw.text((end + 6, top + ROW // 2 - 2), f"{height:.2f}", INK, font, anchor="lm")
    return image
