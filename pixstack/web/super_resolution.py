"""The tab that makes a small photograph larger."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import gradio as gr

from export.runtime.errors import InputError
from export.runtime.images import size_of
from pixstack.shelf import example_files
from pixstack.web.careful import careful_box, offer, takes_care
from pixstack.web.events import SILENT
from pixstack.web.panel import Panel, Shown, build_panel, connect, present
from pixstack.web.studio import Order, Studio
from pixstack.web.uploads import PICTURE_ERRORS, Limits, uploaded_file

TAB = "super_resolution"
# The models that ship, first and by what they do; others have their own names.
STYLES = {"photo-sr": "Faithful", "photo-sr-crisp": "Crisp", "photo-sr-real": "Repair"}
ABOUT = {
    "photo-sr-crisp": "Crisp adds likely texture.",
    "photo-sr-real": "Repair takes JPEG blocks and noise away.",
}
SEND_BACK = "Send back to Enlarge"  # for a result that is to become larger still
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
        fitted = gr.Markdown(visible=False, elem_id=f"{TAB}-fitted", container=False, render=False)
        careful = careful_box(TAB, takes_care(studio, models[styles[0]]))

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
            fitted.render()
            careful.render()

        def hint() -> None:
            if studio.models_for("denoising") and "photo-sr-real" not in names:
                gr.Markdown(CLEAN_FIRST, elem_classes="hint")

        panel = build_panel(
            TAB, "Enlarge", example_files("small-*.png"), settings, above=hint, sends=SEND_BACK
        )

        def super_resolution(
            picture: dict[str, Any] | None,
            scale: str,
            style: str,
            careful: bool,
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
                return Order(models[style], outputs[style][scale], careful=bool(careful))

            return present(studio, panel, request, progress, picture, order)

        def fit(upload: dict[str, Any] | None, scale: str, style: str) -> list[Any]:
            fitting, why = scale, ""
            # Why a file is no picture is told under it.
            with suppress(*PICTURE_ERRORS):
                if file := uploaded_file(upload, studio.cache):
                    offered = list(outputs.get(style, {}))
                    fitting, why = fitting_scale(size_of(file), scale, offered, studio.limits)
            return [
                gr.update(value=fitting) if why else gr.skip(),
                gr.update(value=why, visible=bool(why)),
            ]

        settled = [chosen["scale"], chosen["style"]]
        connect(studio, panel, super_resolution, [*settled, careful], names)
        chosen["style"].change(
            lambda style: offer(studio, models.get(style, "")), chosen["style"], careful, **SILENT
        )
        panel.upload.change(
            fit,
            [panel.upload, *settled],
            [chosen["scale"], fitted],
            preprocess=False,
            **SILENT,
        )
    return panel


def fitting_scale(
    size: tuple[int, int], scale: str, offered: Sequence[str], limits: Limits
) -> tuple[str, str]:
    """The largest scale whose result may be made, in place of one that is too large, and why.

    Args:
        size: (height, width) of the picture.
        scale: the one that is chosen.
        offered: those to choose from.
        limits: on the result.

    Returns:
        `scale` and nothing where it may stay, or where none is small enough.
    """
    allowed = [one for one in offered if limits.allow(size, in_numbers(one))]
    if not allowed or limits.allow(size, in_numbers(scale)):
        return scale, ""
    largest = max(allowed, key=in_numbers)
    return largest, (
        f"{largest} is chosen: {scale} of {size[1]} x {size[0]} pixels would be more than the "
        f"{limits.result_megapixels:g} megapixels that are made here."
    )


def in_numbers(scale: str) -> float:
    """The factor that is written "4x"."""
    return float(scale.removesuffix("x"))
