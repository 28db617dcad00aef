"""The tab that makes a small photograph larger."""

from __future__ import annotations

from typing import Any

import gradio as gr

from export.runtime.errors import InputError
from pixstack.shelf import example_files
from pixstack.web.panel import Panel, Shown, build_panel, connect, present
from pixstack.web.studio import Order, Studio

TAB = "super_resolution"
# The models that ship, first and by what they do; others have their own names.
STYLES = {"photo-sr": "Faithful", "photo-sr-crisp": "Crisp", "photo-sr-real": "Repair"}
ABOUT = {
    "photo-sr-crisp": "Crisp adds likely texture.",
    "photo-sr-real": "Repair takes JPEG blocks and noise away.",
}
CLEAN_FIRST = "Noise? Denoise first, then send it here."


def super_resolution_tab(studio: Studio) -> Panel | None:
    """Build the tab from those of its models that are at hand."""
    names = studio.models_for("super-resolution")
    names.sort(key=lambda name: (name not in STYLES, name))
    models = {STYLES.get(name, name): name for name in names}
    styles = list(models)
    # By style and factor, such as "4x", the output that holds the result.
    outputs = {
        style: {f"{output.scale:g}x": output.name for output in studio.manifests[name].outputs}
        for style, name in models.items()
    }
    scales = sorted({scale for own in outputs.values() for scale in own}, key=in_numbers)
    with gr.Tab("Enlarge", id=TAB):
        if not styles:
            gr.Markdown("No model for this was found, such as `photo-sr.onnx`.")
            return None
        chosen: dict[str, gr.Radio] = {}

        def settings() -> None:
            with gr.Row():
                chosen["scale"] = gr.Radio(
                    scales,
                    value=max(outputs[styles[0]], key=in_numbers),
                    label="Larger by",
                    info="In width and in height.",
                    min_width=200,
                    elem_id=f"{TAB}-scale",
                )
                chosen["style"] = gr.Radio(
                    styles,
                    value=styles[0],
                    label="Style",
                    info=" ".join(text for name, text in ABOUT.items() if name in names),
                    min_width=200,
                    elem_id=f"{TAB}-style",
                )

        def hint() -> None:
            if studio.models_for("denoising") and "photo-sr-real" not in names:
                gr.Markdown(CLEAN_FIRST, elem_classes="hint")

        panel = build_panel(TAB, "Enlarge", example_files("small-*.png"), settings, above=hint)

        def super_resolution(
            picture: dict[str, Any] | None,
            scale: str,
            style: str,
            request: gr.Request,
            progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio finds it by its default
        ) -> Shown:
            """Enlarge a photograph: the PNG, a line about it, previews before and after."""

            def order() -> Order:
                if style not in styles or scale not in scales:
                    raise InputError(
                        f"Choose a scale of {', '.join(scales)} and a style of {', '.join(styles)}."
                    )
                if scale not in outputs[style]:
                    raise InputError(f"{style} enlarges by {', '.join(outputs[style])} only.")
                return Order(models[style], outputs[style][scale])

            return present(studio, panel, request, progress, picture, order)

        connect(studio, panel, super_resolution, [chosen["scale"], chosen["style"]], names)
    return panel


def in_numbers(scale: str) -> float:
    """The factor that is written "4x"."""
    return float(scale.removesuffix("x"))
