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
from starlette.responses import PlainTextResponse

REFUSAL = "Upload a file; addresses are not fetched."
_ADDRESS = re.compile(r"\s*https?:", re.IGNORECASE)
_SERVED = re.compile(rf"/file[=/]{_ADDRESS.pattern}", re.IGNORECASE)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def refuse_addresses(page: gr.Blocks) -> None:
    """Let no component of the page download what its value names, whoever sent it."""
    for block in page.blocks.values():
        move = block.async_move_resource_to_block_cache

        # The default binds the method of this round: a closure would see the last one.
        async def move_file(url_or_file_path: str | Path | None, move: Any = move) -> str | None:
            if _ADDRESS.match(str(url_or_file_path)):
                raise gr.Error(REFUSAL, print_exception=False)
            return await move(url_or_file_path)

        # On the instance: a subclass would make gradio write a .pyi file beside this one.
        block.async_move_resource_to_block_cache = move_file


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
