"""The tab that takes the noise out of a photograph."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from export.manifest import Manifest
from export.runtime.feeds import as_float
from pixstack.shelf import example_files
from pixstack.web.panel import Panel, Shown, build_panel, connect, present
from pixstack.web.studio import Order, Studio

TAB = "denoise"
MODEL = "photo-denoise"  # where it is at hand; else the first that denoises
AUTOMATIC = -1.0  # what the model reads as: estimate the strength yourself
WHOLE_RANGE = 0.0, 255.0  # of a model that does not say what strengths it takes
NOISE_MAP = "noise_map"  # the output with the sigma that was found in each place, divided by 255


def denoise_tab(studio: Studio) -> Panel | None:
    """Build the tab when its model is at hand."""
    with gr.Tab("Denoise", id=TAB):
        models = studio.models_for("denoising")
        if not models:
            gr.Markdown(f"No model for this was found, such as `{MODEL}.onnx`.")
            return None
        model = MODEL if MODEL in models else models[0]
        manifest = studio.manifests[model]
        output = manifest.outputs[0].name
        told = next((port for port in manifest.inputs if port.family == "strength"), None)
        weakest, strongest = told.range if told and told.range else WHOLE_RANGE
        automatic = gr.Checkbox(
            True,
            label="Automatic strength",
            info="The model measures the noise itself.",
            visible=told is not None,
            elem_id=f"{TAB}-automatic",
            render=False,
        )
        strength = gr.Slider(
            weakest,
            strongest,
            min(25, strongest),
            step=1,
            label="Strength",
            info="Sigma of the noise, on 0 to 255.",
            visible=False,
            elem_id=f"{TAB}-strength",
            render=False,
        )

        def settings() -> None:
            automatic.render()
            strength.render()

        panel = build_panel(
            TAB,
            "Denoise",
            example_files("noisy-*.png"),
            settings,
            sends=bool(studio.models_for("super-resolution")),
        )

        def denoise(
            picture: dict[str, Any] | None,
            automatic: bool,
            strength: float,
            request: gr.Request,
            progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio finds it by its default
        ) -> Shown:
            """Take the noise out: the PNG, a line about it, previews before and after."""
            inputs = {told.name: AUTOMATIC if automatic else strength} if told else {}
            finds = NOISE_MAP if automatic and measures(manifest) else ""
            order = Order(model, output, inputs, told=finds, tell=noise_found)
            return present(studio, panel, request, progress, picture, lambda: order)

        automatic.change(
            lambda chosen: gr.update(visible=not chosen),
            automatic,
            strength,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        connect(studio, panel, denoise, [automatic, strength], models)
    return panel


def measures(manifest: Manifest) -> bool:
    """Whether a model tells the noise that it found."""
    return any(port.name == NOISE_MAP and port.family == "gray" for port in manifest.outputs)


def noise_found(noise_map: np.ndarray) -> str:
    """The strength that a model found, of its map (H, W, 1) of any type."""
    return f"noise found: sigma {255 * as_float(noise_map).mean():.0f}"
