"""The frame of a tab: a picture and its settings on the left, before and after on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from export.runtime.errors import Cancelled
from pixstack.web.events import SILENT
from pixstack.web.studio import Order, Studio
from pixstack.web.uploads import (
    PICTURE_ERRORS,
    check_upload,
    page_message,
    unseen,
    upload_box,
    uploaded_file,
)
from pixstack.web.views import View, slider

# The PNG, a line about it, what the view holds, and the size (height, width) to send it on in; a
# stopped run has only the line.
Shown = tuple[Any, ...]

# One picture at a time over all tabs and visitors: a run uses every core it gets.
TURNS = "translate"

STOPPED = "Stopped."
BUSY = "The app is busy; try again in a minute."
SEND = "Send to Enlarge"

# On a narrow screen the result lies below the button; it has its height once it is drawn. Screen
# readers say what the line comes to tell (WCAG 2.2, 4.1.3), which is there once its tab was opened.
SHOW = """() => { document.querySelector('#%(tab)s-line').setAttribute('role', 'status');
  setTimeout(() => document.querySelector('#%(tab)s-compare').scrollIntoView(
  {behavior: 'smooth', block: 'nearest'}), 400); }"""


@dataclass(frozen=True)
class Panel:
    """The components that every tab has.

    tab: its name for element ids, runs and the API.
    trouble: why the upload cannot be taken, under it.
    note: what else there is to tell of the upload, in the same place.
    line: about the result, or why there is none.
    drawn: the size (height, width) in which the result is sent on.
    send: sends the result on to be enlarged, where something enlarges.
    examples: pictures to try; some tabs have none.
    """

    tab: str
    upload: gr.Image
    trouble: gr.Markdown
    note: gr.Markdown
    run: gr.Button
    stop: gr.Button
    view: View
    line: gr.Markdown
    download: gr.DownloadButton
    drawn: gr.State
    send: gr.Button | None = None
    examples: gr.Dataset | None = None


def build_panel(
    tab: str,
    action: str,
    examples: Sequence[Path],
    settings: Callable[[], None],
    above: Callable[[], None] = lambda: None,
    shows_upload: bool = True,
    sends: str = "",
    shows: Callable[[str], View] = slider,
) -> Panel:
    """Lay out a tab inside the current gradio context.

    Args:
        tab: the tab's name for element ids, such as `denoise`.
        action: the label of the button that starts a run.
        examples: pictures to try; none hides the row.
        settings: called where the tab's own settings belong.
        above: called where belongs what comes before the picture.
        shows_upload: whether there is a place for the picture from the start.
        sends: the label of a button that sends the result on to be enlarged; none, if unsaid.
        shows: what lays out the place of the result.
    """
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            above()
            upload = upload_box("Picture", f"{tab}-upload", shows_upload)
            trouble = gr.Markdown(
                visible=False, elem_id=f"{tab}-trouble", elem_classes="trouble", container=False
            )
            note = gr.Markdown(visible=False, elem_id=f"{tab}-note", container=False)
            shown = None
            if examples:
                shown = gr.Examples(
                    [[str(path)] for path in examples],
                    [upload],
                    label="Or try one of these",
                    elem_id=f"{tab}-examples",
                    api_visibility="private",
                ).dataset
            settings()
            with gr.Row():
                run = gr.Button(action, variant="primary", elem_id=f"{tab}-run", min_width=120)
                stop = gr.Button(
                    "Stop", interactive=False, elem_id=f"{tab}-stop", min_width=80, scale=0
                )
        with gr.Column(scale=3, min_width=320):
            view = shows(tab)
            line = gr.Markdown(label="Result", elem_id=f"{tab}-line", elem_classes="result-line")
            with gr.Row():
                download = gr.DownloadButton(
                    "Download the full-size PNG", interactive=False, elem_id=f"{tab}-download"
                )
                send = None
                if sends:
                    send = gr.Button(sends, interactive=False, elem_id=f"{tab}-send")
            drawn = gr.State()
    return Panel(tab, upload, trouble, note, run, stop, view, line, download, drawn, send, shown)


def connect(
    studio: Studio,
    panel: Panel,
    translate: Any,
    settings: Sequence[Component],
    models: Sequence[str],
) -> None:
    """Wire the buttons of a tab.

    Args:
        studio: whose runs the Stop button ends.
        panel: the tab's components.
        translate: the function behind the run button; it takes the upload and the settings and
            returns what `present` does.
        settings: the tab's own components, in the order `translate` takes them.
        models: those of the tab; an upload that none of them takes is told at once.
    """
    tab = panel.tab
    after = [panel.download, *([panel.send] if panel.send else [])]
    buttons = [panel.run, panel.stop, *after]

    def look(upload: dict[str, Any] | None) -> list[dict[str, Any]]:
        trouble = note = ""
        try:
            if file := uploaded_file(upload, studio.cache):
                studio.check(file, models)
                note = unseen(file)
        except PICTURE_ERRORS as error:
            trouble = page_message(error, studio.cache)
        return [gr.update(value=text, visible=bool(text)) for text in (trouble, note)]

    def begin(request: gr.Request) -> tuple[Any, ...]:
        studio.runs.announce(str(request.session_hash), tab)
        off, on = gr.update(interactive=False), gr.update(interactive=True)
        return off, on, *[off] * len(after), ""

    def end(result: dict[str, Any] | None) -> tuple[Any, ...]:
        on, off = gr.update(interactive=True), gr.update(interactive=False)
        return on, off, *[on if result else off] * len(after)

    def fail(request: gr.Request) -> tuple[Any, ...]:
        page = str(request.session_hash)
        # Nothing else keeps a run from its turn than a queue that is full.
        other = BUSY if studio.runs.forget(page, tab) else "Something went wrong."
        reason = studio.runs.reason(page, tab) or other
        # The picture of the run before is no result of what was asked for now.
        return *end(None), reason, None, *panel.view.values(None)

    def stop(request: gr.Request) -> None:
        page = str(request.session_hash)
        studio.runs.stop(page, tab)
        studio.runs.fail(page, tab, STOPPED)

    told = [panel.trouble, panel.note]
    panel.upload.change(look, panel.upload, told, preprocess=False, **SILENT)
    run = panel.run.click(begin, outputs=[*buttons, panel.line], **SILENT).then(
        translate,
        inputs=[panel.upload, *settings],
        outputs=[panel.download, panel.line, *panel.view.components, panel.drawn],
        preprocess=False,
        api_name=tab,
        concurrency_limit=1,
        concurrency_id=TURNS,
        show_progress_on=panel.view.busy,
    )
    # A listener by `then` is not called where the run failed, whatever its documentation says.
    run.success(end, panel.download, buttons, preprocess=False, **SILENT)
    shown = [panel.line, panel.download, *panel.view.components]
    run.failure(fail, outputs=[*buttons, *shown], **SILENT)
    for listen in (panel.run.click, run.success):
        listen(None, js=SHOW % {"tab": tab}, queue=False, api_visibility="private")
    # A run that waits for its turn is taken out of the queue, which counts as a failure.
    panel.stop.click(stop, cancels=run, **SILENT)


def connect_sending(
    studio: Studio, panel: Panel, target: Panel, tabs: gr.Tabs, target_tab: str
) -> None:
    """Let the result of one tab become the picture of another, which then shows."""

    def send(
        result: dict[str, Any] | None, drawn: tuple[int, int] | None
    ) -> tuple[str | None, gr.Tabs]:
        try:
            file = uploaded_file(result, studio.cache)
            check_upload(file, 1, studio.limits)
            sent = studio.reduced(file, drawn) if file and drawn else file
        except PICTURE_ERRORS as error:
            raise gr.Error(page_message(error, studio.cache), print_exception=False) from None
        return sent, gr.Tabs(selected=target_tab)

    if panel.send:
        panel.send.click(
            send,
            inputs=[panel.download, panel.drawn],
            outputs=[target.upload, tabs],
            preprocess=False,
            **SILENT,
        )


def present(
    studio: Studio,
    panel: Panel,
    request: gr.Request,
    progress: gr.Progress,
    upload: dict[str, Any] | None,
    order: Callable[[], Order],
) -> Shown:
    """Translate a picture and say how it went, in the order of the outputs of `connect`.

    Args:
        studio: whose models are asked.
        panel: of the tab.
        request: whose page it is for.
        progress: what tells the page how far the run is.
        upload: what the page sent.
        order: makes what is asked for; ValueError where the settings are wrong.

    Raises:
        gr.Error: the picture or the order cannot be taken; the page goes on.
    """
    page, tab = str(request.session_hash), panel.tab

    def tell(done: int, total: int) -> None:
        if total > 1:
            progress(done / total, desc=f"Working, part {min(done + 1, total)} of {total}")

    with studio.runs.going_on(page, tab) as cancel, refusing(studio, page, tab):
        try:
            file = uploaded_file(upload, studio.cache)
            result = studio.translate(order(), file, tell, cancel)
        except Cancelled:
            return None, STOPPED, *panel.view.values(None), None
    pair = result.before and str(result.before), str(result.after)
    return str(result.picture), result.line, *panel.view.values(pair), result.drawn


@contextmanager
def refusing(studio: Studio, page: str, tab: str) -> Iterator[None]:
    """Turn what a visitor caused into a message: for the line of the tab and for API clients."""
    try:
        yield
    except PICTURE_ERRORS as error:
        message = page_message(error, studio.cache)
        studio.runs.fail(page, tab, message)
        # Not shown by gradio: the line shows it, and stays.
        raise gr.Error(message, visible=False, print_exception=False) from None
