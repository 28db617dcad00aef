"""What comes in from strangers: a component that takes files only, and limits on them."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.data_classes import ImageData

from export.runtime.errors import ImageError
from pixstack.picture_size import size_of


@dataclass(frozen=True)
class Limits:
    """How large an upload and its result may be.

    file_megabytes: of the uploaded file.
    megapixels: of the decoded picture.
    result_megapixels: of the result; 9600 x 6400 pixels are 61.
    """

    file_megabytes: int = 64
    megapixels: float = 40.0
    result_megapixels: float = 130.0

from gradio.events import Dependency

class Upload(gr.Image):
    """A picture as the path of the uploaded file, untouched.

    gradio's own class opens the file with Pillow first and answers a broken one with Pillow's
    words; here nothing but the runtime decodes it. Addresses are refused: a page must not make
    the server fetch them. (No `__init__` here: gradio reads from it what the page is told.)
    """

    is_template = True  # drawn by the page like gr.Image

    def preprocess(self, payload: ImageData | None) -> str | None:
        return None if payload is None else payload.path

    async def async_move_resource_to_block_cache(
        self, url_or_file_path: str | Path | None
    ) -> str | None:
        if str(url_or_file_path).lower().startswith(("http://", "https://")):
            raise gr.Error("Upload a file; addresses are not fetched.", print_exception=False)
        return await super().async_move_resource_to_block_cache(url_or_file_path)
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


def check_upload(path: str | None, scale: float, limits: Limits) -> tuple[Path, tuple[int, int]]:
    """The uploaded file and its (width, height), when they are within the limits.

    Args:
        path: the file in gradio's cache, or None where nothing was uploaded.
        scale: pixels of the result per pixel of the picture, along one side.

    Raises:
        ImageError: nothing was uploaded, it is no picture, or it is too large.
    """
    if path is None:
        raise ImageError("Choose a picture first.")
    file = Path(path)
    if file.stat().st_size > limits.file_megabytes * 1_000_000:
        raise ImageError(
            f"The file is larger than {limits.file_megabytes} MB; choose a smaller one."
        )
    width, height = size_of(file)
    megapixels = width * height / 1e6
    if megapixels > limits.megapixels:
        raise ImageError(
            f"The picture has {width} x {height} pixels; "
            f"at most {limits.megapixels:g} megapixels are taken here."
        )
    if megapixels * scale**2 > limits.result_megapixels:
        raise ImageError(
            f"The result would have {width * scale:.0f} x {height * scale:.0f} pixels; at most "
            f"{limits.result_megapixels:g} megapixels are made here. Choose a smaller scale."
        )
    return file, (width, height)


def page_message(error: Exception, file: str | None) -> str:
    """An error as text for the page: no folder of the server, no markup from a file name."""
    text = " ".join(str(error).split())
    if file is not None:
        text = text.replace(file, Path(file).name)
    return html.escape(text)