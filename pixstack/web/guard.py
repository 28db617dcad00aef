"""No address that a stranger names is ever fetched: a page must not make its server visit others.

gradio downloads whatever claims to be a file at an address, in the value of any component, and
streams addresses from the route that serves files.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from starlette.responses import PlainTextResponse

REFUSAL = "Upload a file; addresses are not fetched."
_ADDRESS = re.compile(r"\s*https?:", re.IGNORECASE)
_SERVED = re.compile(rf"/file[=/]{_ADDRESS.pattern}", re.IGNORECASE)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def refuse_addresses() -> None:
    """Let no component of this process download what its value names, whoever sent it.

    On their class: of a component that was updated a visitor has a copy, made by gradio, which
    knows nothing of what was done to the page's own.
    """
    move = Block.async_move_resource_to_block_cache
    if getattr(move, "refuses", False):
        return

    async def move_file(self: Block, url_or_file_path: str | Path | None) -> str | None:
        if _ADDRESS.match(str(url_or_file_path)):
            raise gr.Error(REFUSAL, print_exception=False)
        return await move(self, url_or_file_path)

    move_file.refuses = True  # type: ignore[attr-defined]
    Block.async_move_resource_to_block_cache = move_file  # type: ignore[method-assign]


class ServesFilesAlone:
    """Answers 403 where the route of files is asked for an address.

    Args:
        app: what answers all else.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; its path comes with percent signs resolved."""
        if scope["type"] == "http" and _SERVED.search(scope["path"]):
            await PlainTextResponse(REFUSAL, status_code=403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
