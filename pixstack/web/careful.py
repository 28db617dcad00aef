"""The choice to have a picture repaired several times over, and the mean of that."""

from __future__ import annotations

from typing import Any

import gradio as gr

from export.runtime.ensemble import Ensemble
from export.runtime.errors import InputError
from pixstack.web.studio import Studio


def careful_box(tab: str, shown: bool) -> gr.Checkbox:
    """The choice itself, to be rendered among the settings of a tab."""
    return gr.Checkbox(
        False,
        label="Careful",
        info="Turns and mirrors the picture and takes the mean: up to 8 times slower, truer, and "
        "a little softer.",
        visible=shown,
        elem_id=f"{tab}-careful",
        render=False,
    )


def takes_care(studio: Studio, model: str) -> bool:
    """Whether a model has several positions to take the mean over."""
    manifest = studio.manifests.get(model)
    if manifest is None:
        return False
    try:
        Ensemble.of(manifest)
    except InputError:
        return False
    return True


def offer(studio: Studio, model: str) -> dict[str, Any]:
    """What becomes of the choice when a model is chosen: of one that has none it is taken back."""
    shown = takes_care(studio, model)
    return gr.update(visible=shown) if shown else gr.update(visible=False, value=False)
