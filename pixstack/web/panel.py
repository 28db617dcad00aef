"""The frame of a tab: a picture and its settings on the left, before and after on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from export.runtime.errors import Cancelled
from pixstack.web.studio import Order, Studio
from pixstack.web.uploads import PICTURE_ERRORS, page_message, upload_box, uploaded_file

# The PNG, a line about it, the previews before and after; a stopped run has only the line.
Shown = tuple[str | None, str, tuple[str, str] | None]

# One picture at a time over all tabs and visitors: a run uses every core it gets.
TURNS = "translate"

# On a narrow screen the result lies below the button; it has its height once it is drawn.
SHOW = """() => { setTimeout(() => document.querySelector('#%s-compare').scrollIntoView(
  {behavior: 'smooth', block: 'nearest'}), 400); }"""


@dataclass(frozen=True)
class Panel:
    """The components that every tab has; some have a button that sends the result on."""

    upload: gr.Image
    run: gr.Button
    stop: gr.Button
    compare: gr.ImageSlider
    line: gr.Markdown
    download: gr.DownloadButton
    send: gr.Button | None = None


def build_panel(
    tab: str,
    action: str,
    examples: Sequence[Path],
    settings: Callable[[], None],
    above: Callable[[], None] = lambda: None,
    shows_upload: bool = True,
    sends: bool = False,
) -> Panel:
    """Lay out a tab inside the current gradio context.

    Args:
        tab: the tab's name for element ids, such as `denoise`.
        action: the label of the button that starts a run.
        examples: pictures to try; none hides the row.
        settings: called where the tab's own settings belong.
        above: called where belongs what comes before the picture.
        shows_upload: whether there is a place for the picture from the start.
        sends: whether there is a button that sends the result to super-resolution.
    """
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            above()
            upload = upload_box("Picture", f"{tab}-upload", shows_upload)
            if examples:
                gr.Examples(
                    [[str(path)] for path in examples],
                    [upload],
                    label="Or try one of these",
                    elem_id=f"{tab}-examples",
                    api_visibility="private",
                )
            settings()
            with gr.Row():
                run = gr.Button(action, variant="primary", elem_id=f"{tab}-run", min_width=120)
                stop = gr.Button(
                    "Stop", interactive=False, elem_id=f"{tab}-stop", min_width=80, scale=0
                )
        with gr.Column(scale=3, min_width=320):
            compare = gr.ImageSlider(
                label="Drag the line to compare",
                elem_id=f"{tab}-compare",
                elem_classes="compare",
                interactive=False,
                type="filepath",
                buttons=["fullscreen"],
                max_height=640,
            )
            line = gr.Markdown(label="Result", elem_id=f"{tab}-line", elem_classes="result-line")
            with gr.Row():
                download = gr.DownloadButton(
                    "Download the full-size PNG", interactive=False, elem_id=f"{tab}-download"
                )
                send = None
                if sends:
                    send = gr.Button(
                        "Send to super-resolution", interactive=False, elem_id=f"{tab}-send"
                    )
    return Panel(upload, run, stop, compare, line, download, send)


def connect(
    studio: Studio, panel: Panel, tab: str, translate: Any, settings: Sequence[Component]
) -> None:
    """Wire the buttons of a tab.

    Args:
        studio: whose runs the Stop button ends.
        panel: the tab's components.
        tab: the key of its runs and the name of its API endpoint.
        translate: the function behind the run button; it takes the upload and the settings and
            returns download, line and previews.
        settings: the tab's own components, in the order `translate` takes them.
    """
    after = [panel.download, *([panel.send] if panel.send else [])]
    buttons = [panel.run, panel.stop, *after]

    def begin(request: gr.Request) -> tuple[Any, ...]:
        studio.runs.announce(str(request.session_hash), tab)
        off, on = gr.update(interactive=False), gr.update(interactive=True)
        return off, on, *[off] * len(after), ""

    def end(result: dict[str, Any] | None) -> tuple[Any, ...]:
        on, off = gr.update(interactive=True), gr.update(interactive=False)
        return on, off, *[on if result else off] * len(after)

    def stop(request: gr.Request) -> None:
        studio.runs.stop(str(request.session_hash), tab)

    run = panel.run.click(
        begin,
        outputs=[*buttons, panel.line],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    ).then(
        translate,
        inputs=[panel.upload, *settings],
        outputs=[panel.download, panel.line, panel.compare],
        preprocess=False,
        api_name=tab,
        concurrency_limit=1,
        concurrency_id=TURNS,
        show_progress_on=panel.compare,
    )
    # A listener by `then` is not called where the run failed, whatever its documentation says.
    for listen in (run.success, run.failure):
        listen(
            end,
            inputs=[panel.download],
            outputs=buttons,
            preprocess=False,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
    for listen in (panel.run.click, run.success):
        listen(None, js=SHOW % tab, queue=False, api_visibility="private")
    panel.stop.click(stop, queue=False, show_progress="hidden", api_visibility="private")


def connect_sending(
    studio: Studio, panel: Panel, target: Panel, tabs: gr.Tabs, target_tab: str
) -> None:
    """Let the result of one tab become the picture of another, which then shows."""

    def send(result: dict[str, Any] | None) -> tuple[str | None, gr.Tabs]:
        return uploaded_file(result, studio.cache), gr.Tabs(selected=target_tab)

    if panel.send:
        panel.send.click(
            send,
            inputs=[panel.download],
            outputs=[target.upload, tabs],
            preprocess=False,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )


def present(
    studio: Studio,
    tab: str,
    request: gr.Request,
    progress: gr.Progress,
    upload: dict[str, Any] | None,
    order: Order,
) -> Shown:
    """Translate a picture and say how it went, in the order of the outputs of `connect`.

    Raises:
        gr.Error: the picture cannot be taken; the page shows the message and goes on.
    """

    def tell(done: int, total: int) -> None:
        progress((done, total), desc="Tiles", unit="tiles")

    with studio.runs.going_on(str(request.session_hash), tab) as cancel:
        try:
            file = uploaded_file(upload, studio.cache)
            result = studio.translate(order, file, tell, cancel)
        except Cancelled:
            return None, "Stopped.", None
        except PICTURE_ERRORS as error:
            raise refusal(studio, error) from None
    return str(result.picture), result.line, (str(result.before), str(result.after))


def refusal(studio: Studio, error: Exception) -> gr.Error:
    """What a visitor caused, as a message that stays until it is read."""
    return gr.Error(page_message(error, studio.cache), duration=None, print_exception=False)
