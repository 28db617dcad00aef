"""The page: a title, a sentence, a tab for each task."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from pixstack.web.denoise import denoise_tab
from pixstack.web.guard import refuse_addresses
from pixstack.web.look import TITLE
from pixstack.web.panel import connect_sending
from pixstack.web.photo import photo_tab
from pixstack.web.pose import pose_tab
from pixstack.web.studio import Studio
from pixstack.web.super_resolution import TAB as ENLARGING
from pixstack.web.super_resolution import super_resolution_tab

# What builds each tab, and what it does to a picture.
TABS = {
    super_resolution_tab: "enlarge it",
    denoise_tab: "remove its noise",
    pose_tab: "change its pose",
    photo_tab: "translate it into a photo",
}
EVERY, AGE = 600, 3600  # seconds: how often old files are deleted, and how old they must be


def build_page(studio: Studio) -> gr.Blocks:
    """The page over the models of `studio`; `launch` in this package serves it."""
    refuse_addresses()
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(EVERY, AGE)) as page:
        head = gr.HTML(elem_id="head")
        with gr.Tabs() as tabs:
            panels = {does: tab(studio) for tab, does in TABS.items()}
        # It stands above the tabs and tells what can be done in them, so they are built before.
        told = sentence([does for does, panel in panels.items() if panel])
        head.value = f"<h1>{TITLE}</h1><p>{told}</p>"
        enlarging = next(iter(panels.values()))
        for panel in panels.values():
            if panel and enlarging:
                connect_sending(studio, panel, enlarging, tabs, ENLARGING)

        def leave(request: gr.Request) -> None:
            studio.runs.leave(str(request.session_hash))

        page.unload(leave)
    return page


def sentence(deeds: Sequence[str]) -> str:
    """What the page does, of what its tabs do to a picture; empty where there are none."""
    if not deeds:
        return ""
    *others, last = deeds
    return f"Drop in a picture to {', '.join(others)}{' or ' if others else ''}{last}."
