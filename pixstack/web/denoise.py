"""The tab that takes the noise out of a photograph."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from export.manifest import Input, Manifest
from export.runtime.errors import InputError
from export.runtime.feeds import as_float
from pixstack.shelf import example_files
from pixstack.web.careful import careful_box, offer, takes_care
from pixstack.web.events import SILENT
from pixstack.web.panel import SEND, Panel, Shown, build_panel, connect, present
from pixstack.web.studio import Order, Studio

TAB = "denoise"
MODEL = "photo-denoise"
FOR = {
    "photo-denoise-real": "Photographs of all sorts",
    MODEL: "White noise in color",
}
"""What the models that ship are for, the first of the choice first."""
AUTOMATIC = -1.0  # what the model reads as: estimate the strength yourself
WHOLE_RANGE = 0.0, 255.0  # of a model that does not say what strengths it takes
NOISE_MAP = "noise_map"  # the output with the sigma that was found in each place, divided by 255


def denoise_tab(studio: Studio) -> Panel | None:
    """Build the tab from the models for it that are at hand."""
    with gr.Tab("Denoise", id=TAB):
        models = studio.models_for("denoising")
        if not models:
            gr.Markdown(f"No model for this was found, such as `{MODEL}.onnx`.")
            return None
        known = list(FOR)
        models.sort(key=lambda name: (known.index(name) if name in FOR else len(known), name))
        told = {name: told_strength(studio.manifests[name]) for name in models}
        lowest, highest, first = levels(told[models[0]])
        chosen = gr.Dropdown(
            [(f"{FOR[name]} ({name})" if name in FOR else name, name) for name in models],
            value=models[0],
            label="Model",
            visible=len(models) > 1,
            elem_id=f"{TAB}-model",
            render=False,
        )
        automatic = gr.Checkbox(
            True,
            label="Automatic strength",
            info="The model measures the noise itself.",
            visible=told[models[0]] is not None,
            elem_id=f"{TAB}-automatic",
            render=False,
        )
        strength = gr.Slider(
            lowest,
            highest,
            first,
            step=1,
            label="Strength",
            info="Sigma of the noise, on 0 to 255.",
            visible=False,
            elem_id=f"{TAB}-strength",
            render=False,
        )

        careful = careful_box(TAB, takes_care(studio, models[0]))

        def settings() -> None:
            chosen.render()
            automatic.render()
            strength.render()
            careful.render()

        panel = build_panel(
            TAB,
            "Denoise",
            example_files("noisy-*.png"),
            settings,
            sends=SEND if studio.models_for("super-resolution") else "",
        )

        def denoise(
            picture: dict[str, Any] | None,
            automatic: bool,
            strength: float,
            model: str,
            careful: bool,
            request: gr.Request,
            progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio finds it by its default
        ) -> Shown:
            """Take the noise out: the PNG, a line about it, previews before and after."""

            def order() -> Order:
                if model not in models:
                    raise InputError(f"Choose a model of {', '.join(models)}.")
                manifest, port = studio.manifests[model], told[model]
                inputs = {port.name: AUTOMATIC if automatic else strength} if port else {}
                finds = NOISE_MAP if automatic and measures(manifest) else ""
                output = manifest.outputs[0].name
                return Order(
                    model, output, inputs, careful=bool(careful), told=finds, tell=noise_found
                )

            return present(studio, panel, request, progress, picture, order)

        def show(model: str, automatic: bool) -> list[dict[str, Any]]:
            port = told.get(model)
            lowest, highest, first = levels(port)
            return [
                gr.update(visible=port is not None),
                gr.update(
                    minimum=lowest,
                    maximum=highest,
                    value=first,
                    visible=port is not None and not automatic,
                ),
                offer(studio, model),
            ]

        chosen.change(show, [chosen, automatic], [automatic, strength, careful], **SILENT)
        automatic.change(
            lambda chosen: gr.update(visible=not chosen), automatic, strength, **SILENT
        )
        connect(studio, panel, denoise, [automatic, strength, chosen, careful], models)
    return panel


def told_strength(manifest: Manifest) -> Input | None:
    """The input by which a model is told the noise, if it has one."""
    return next((port for port in manifest.inputs if port.family == "strength"), None)


def levels(told: Input | None) -> tuple[float, float, float]:
    """The weakest and the strongest noise that a model can be told, and where a slider begins."""
    weakest, strongest = told.range if told and told.range else WHOLE_RANGE
    return weakest, strongest, min(25, strongest)


def measures(manifest: Manifest) -> bool:
    """Whether a model tells the noise that it found."""
    return any(port.name == NOISE_MAP and port.family == "gray" for port in manifest.outputs)


def noise_found(noise_map: np.ndarray) -> str:
    """The strength that a model found, of its map (H, W, 1) of any type."""
    return f"noise found: sigma {255 * as_float(noise_map).mean():.0f}"
