"""A drawing board for models that read labels or edges."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import gradio as gr
import numpy as np

from export.manifest import Input
from export.runtime import images
from export.runtime.palettes import nearest_colors

FOLDER = Path(__file__).parent
SIDE = 256  # pixels, of a board for a model that takes any size
PAPER, INK = "#ffffff", "#000000"
BRUSHES = {"labels": 24, "gray": 3}  # pixels
NEAR = 64  # of 255: how far a color of an example may be from one of the palette


def canvas(
    port: Input, size: tuple[int, int] | None, examples: Sequence[Path], elem_id: str
) -> gr.HTML:
    """The board; its value is the drawing as a data URL, empty until something was drawn.

    It is not gradio's own editor: that one draws with soft edges, whose colors mean no label, and
    its palette has no names.

    Args:
        port: what is drawn: `labels:K` with a palette, or lines, here always black on white.
        size: (height, width) of the drawing in pixels; None for a square that is large enough.
        examples: PNG files to start from.
        elem_id: of the component.
    """
    height, width = size or (SIDE, SIDE)
    colors = [["Paper", PAPER], ["Line", INK]]
    if port.family == "labels":
        names = port.names or [str(label) for label in range(port.count)]
        colors = [
            [name, "#{:02x}{:02x}{:02x}".format(*color)]
            for name, color in zip(names, port.palette, strict=True)
        ]
    return gr.HTML(
        "",
        label="Drawing",
        elem_id=elem_id,
        elem_classes="board-box",
        html_template='<div class="drawing"></div>',
        css_template=(FOLDER / "canvas.css").read_text(encoding="utf-8"),
        js_on_load=(FOLDER / "canvas.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        colors=colors,
        width=width,
        height=height,
        size=BRUSHES[port.family],
        examples=[data_url(path) for path in examples if _suits(path, port)],
    )


def can_be_drawn(port: Input) -> bool:
    """Whether a board for it makes sense."""
    return bool(port.paper) or (port.family == "labels" and bool(port.palette))


def _suits(example: Path, port: Input) -> bool:
    """Whether every color of the example has one of the palette near it."""
    if port.family != "labels":
        return True
    pixels = images.read(example).pixels
    distances = np.abs(pixels.astype(int) - nearest_colors(pixels, port.palette))
    return int(distances.max()) <= NEAR


def data_url(path: Path) -> str:
    """A PNG file as text that a page can hold."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
