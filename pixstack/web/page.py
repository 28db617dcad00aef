"""The page: a title, a sentence, a tab for each task."""

from __future__ import annotations

import gradio as gr

from pixstack.web.denoise import denoise_tab
from pixstack.web.look import SENTENCE, TITLE
from pixstack.web.panel import connect_sending
from pixstack.web.photo import photo_tab
from pixstack.web.pose import pose_tab
from pixstack.web.studio import Studio
from pixstack.web.super_resolution import TAB as ENLARGING
from pixstack.web.super_resolution import super_resolution_tab

TABS = (super_resolution_tab, denoise_tab, pose_tab, photo_tab)
EVERY, AGE = 600, 3600  # seconds: how often old files are deleted, and how old they must be


def build_page(studio: Studio) -> gr.Blocks:
    """The page over the models of `studio`; `launch` in this package serves it."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(EVERY, AGE)) as page:
        gr.HTML(f"<h1>{TITLE}</h1><p>{SENTENCE}</p>", elem_id="head")
        with gr.Tabs() as tabs:
            enlarging, *others = [tab(studio) for tab in TABS]
        for panel in others:
            if panel and enlarging:
                connect_sending(studio, panel, enlarging, tabs, ENLARGING)

        def leave(request: gr.Request) -> None:
            studio.runs.stop(str(request.session_hash))

        page.unload(leave)
    return page
