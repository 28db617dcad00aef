"""Colors that a visitor asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from export.manifest import Input
from export.runtime.errors import InputError
from pixstack.web.events import SILENT

USUAL = "#b03060"  # of a picker before a color is picked


def build_colors(
    names: Sequence[str], label: str, elem_id: str
) -> tuple[gr.CheckboxGroup, list[gr.ColorPicker]]:
    """What asks for colors, in the current context: which of them, and a picker for each of these.

    Args:
        names: of the things that have a color.
        label: of the whole.
        elem_id: of the choice among them; those of the pickers begin with it.
    """
    asked = gr.CheckboxGroup(
        list(names),
        label=label,
        info="Those to change; the others stay as they are.",
        elem_id=elem_id,
    )
    with gr.Row():
        pickers = [
            gr.ColorPicker(
                USUAL, label=name.capitalize(), visible=False, elem_id=f"{elem_id}-{number}"
            )
            for number, name in enumerate(names)
        ]

    def show(chosen: list[str]) -> Any:
        shown = [gr.update(visible=name in chosen) for name in names]
        return shown if len(shown) > 1 else shown[0]

    asked.change(show, asked, pickers, **SILENT)
    return asked, pickers


def checked_colors(port: Input, value: Any) -> Mapping[str, Any]:
    """Colors by name, from the page or an API client; the runtime holds them against the model.

    Raises:
        InputError: it is no object.
    """
    if not isinstance(value, Mapping):
        raise InputError(
            f'input {port.name!r} must be an object such as {{"top": "#b03060"}}; got '
            f"{str(value)[:40]!r}"
        )
    return value
