"""The place of a result: before and after under one line, or side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

# An API client gets what the components hold: a pair of files, or two files, of which the first
# is missing where something was drawn from noise.
Pair = tuple[str | None, str]


@dataclass(frozen=True)
class View:
    """Components that show what went in and what came out.

    components: they are outputs of a run, in this order.
    busy: the one that tells how far a run is.
    values: of the components, from the files before and after; None empties them.
    """

    components: tuple[Component, ...]
    busy: Component
    values: Callable[[Pair | None], tuple[Pair | None, ...] | tuple[str | None, ...]]


def slider(tab: str) -> View:
    """A line to drag over two pictures of the same thing, in the current context."""
    compare = gr.ImageSlider(
        label="Before and after",
        show_label=False,
        elem_id=f"{tab}-compare",
        elem_classes=["compare", "result"],
        interactive=False,
        type="filepath",
        buttons=["fullscreen"],
        height="var(--result-height)",
    )
    gr.Markdown("Drag the line to compare.", elem_classes="drag-hint")
    return View((compare,), compare, lambda pair: (pair,))


def side_by_side(tab: str) -> View:
    """Two pictures of different things, beside each other or, on a phone, stacked."""
    with gr.Row(elem_id=f"{tab}-compare", elem_classes="pair"):
        before, after = (
            gr.Image(
                label=label,
                elem_id=f"{tab}-{place}",
                elem_classes=classes,
                interactive=False,
                type="filepath",
                buttons=["fullscreen"],
                height="var(--pair-height)",
                min_width=240,
            )
            for place, label, classes in (("before", "Source", None), ("after", "Result", "result"))
        )
    return View((before, after), after, lambda pair: pair or (None, None))
