"""The tab that makes a small photograph larger."""

from __future__ import annotations

from typing import Any

import gradio as gr

from pixstack.shelf import example_files
from pixstack.web.panel import Shown, build_panel, connect, present
from pixstack.web.studio import Studio

TAB = "super_resolution"
MODELS = {"Faithful": "photo-sr", "Crisp": "photo-sr-crisp"}


def super_resolution_tab(studio: Studio) -> None:
    """Build the tab from those of its models that are at hand."""
    styles = [style for style, model in MODELS.items() if model in studio.models]
    with gr.Tab("Super-resolution", id=TAB):
        if not styles:
            gr.Markdown("No model for this was found: it needs `photo-sr.onnx`.")
            return
        outputs = studio.manifest(MODELS[styles[0]]).outputs
        scales = {f"{output.scale:g}x": output.name for output in outputs}
        chosen: dict[str, gr.Radio] = {}

        def settings() -> None:
            with gr.Row():
                chosen["scale"] = gr.Radio(
                    sorted(scales),
                    value=max(scales),
                    label="Larger by",
                    info="In width and in height.",
                    min_width=200,
                    elem_id=f"{TAB}-scale",
                )
                chosen["style"] = gr.Radio(
                    styles,
                    value=styles[0],
                    label="Style",
                    info="Crisp adds likely texture.",
                    min_width=200,
                    elem_id=f"{TAB}-style",
                )

        panel = build_panel(TAB, "Enlarge", example_files("small-*.png"), settings)

        def super_resolution(
            picture: dict[str, Any] | None,
            scale: str,
            style: str,
            request: gr.Request,
            progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio finds it by its default
        ) -> Shown:
            """Enlarge a photograph: the PNG, a line about it, previews before and after."""
            if scale not in scales or style not in styles:
                raise gr.Error(
                    f"Choose a scale of {', '.join(scales)} and a style of {', '.join(styles)}.",
                    print_exception=False,
                )
            return present(
                studio, TAB, request, progress, MODELS[style], picture, scales[scale], {}
            )

        connect(studio, panel, TAB, super_resolution, [chosen["scale"], chosen["style"]])
