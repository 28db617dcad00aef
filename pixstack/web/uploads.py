"""What comes in from strangers: a component that takes files only, and limits on them."""

from __future__ import annotations

import html
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from export.runtime import images
from export.runtime.errors import ImageError, ModelError
from export.runtime.images import memory_of, size_of, stored_as
from pixstack.errors import one_line

# By libvips' name.
BITS = {"uchar": "8-bit", "ushort": "16-bit", "float": "float", "double": "double-precision"}

# What Markdown could take for more than a sign: emphasis at the edge of a word, code, formulas, a
# heading or a list at the start, and what makes an address a link.
MARKUP = re.compile(
    r"[\[\]\\`*~$@]|(?<!\w)_|_(?!\w)|^[#+-]|(?<=:)/(?=/)|(?<=www)\.", re.IGNORECASE | re.MULTILINE
)
# Errors that a picture can cause; anything else is a fault of the app and looks like one.
PICTURE_ERRORS = (ValueError, OSError, MemoryError)


@dataclass(frozen=True)
class Limits:
    """How large an upload and its result may be.

    file_megabytes: of the uploaded file.
    megapixels: of the decoded picture.
    decoded_megabytes: of its pixels in memory; 40 megapixels with alpha in 16 bits are 320.
    result_megapixels: of the result; 9600 x 6400 pixels are 61.
    """

    file_megabytes: int = 64
    megapixels: float = 40.0
    decoded_megabytes: float = 320.0
    result_megapixels: float = 130.0

    @property
    def file_bytes(self) -> int:
        """Of the uploaded file, at most."""
        return self.file_megabytes * 1_000_000

    def allow(self, size: tuple[int, int], scale: float) -> bool:
        """Whether a picture (height, width) may be made larger by a scale."""
        return size[0] * size[1] * scale**2 / 1e6 <= self.result_megapixels


def upload_box(label: str, elem_id: str, visible: bool = True) -> gr.Image:
    """A place to drop a picture.

    Events that read it must be wired with `preprocess=False` and take `uploaded_file` of the
    value: gradio would open the file with Pillow first and answer a broken one in its own words.
    """
    return gr.Image(
        label=label,
        elem_id=elem_id,
        type="filepath",
        sources=["upload", "clipboard"],
        height=300,
        placeholder="Drop a picture here\nor click to choose one",
        visible=visible,
        buttons=["fullscreen"],
    )


def uploaded_file(value: dict[str, Any] | None, cache: Path) -> str | None:
    """The file that an `upload_box` holds; None where it is empty.

    Args:
        value: what the page or an API client sent, `{"path": ...}`.
        cache: the folder where gradio puts uploads.

    Raises:
        ImageError: the file lies elsewhere. gradio checks this as well; a server's files are
            worth a second look.
    """
    path = None if value is None else value.get("path")
    if path is None:
        return None
    if not Path(path).resolve().is_relative_to(cache.resolve()):
        raise ImageError("Upload the picture; files of the server are not read.")
    return str(path)


def check_upload(path: str | None, scale: float, limits: Limits) -> tuple[Path, tuple[int, int]]:
    """The uploaded file and its (height, width), when they are within the limits.

    Args:
        path: the file in gradio's cache, or None where nothing was uploaded.
        scale: pixels of the result per pixel of the picture, along one side.

    Raises:
        ImageError: nothing was uploaded, it is gone, no picture, too large, or holds values that
            are no numbers.
    """
    if path is None:
        raise ImageError("Choose a picture first.")
    file = Path(path)
    if not file.is_file():
        # Old uploads are deleted, and a page may stay open for longer.
        raise ImageError("The picture is no longer here; choose it again.")
    if file.stat().st_size > limits.file_bytes:
        raise ImageError(
            f"The file is larger than {limits.file_megabytes} MB; choose a smaller one."
        )
    height, width = size_of(file)
    megapixels = width * height / 1e6
    if megapixels > limits.megapixels:
        raise ImageError(
            f"The picture has {width} x {height} pixels; "
            f"at most {limits.megapixels:g} megapixels are taken here."
        )
    decoded = memory_of(file) / 1e6
    if decoded > limits.decoded_megabytes:
        raise ImageError(
            f"The picture takes {decoded:.0f} MB when it is decoded; at most "
            f"{limits.decoded_megabytes:g} MB are taken here. Choose a smaller one, or 8 bits."
        )
    if not limits.allow((height, width), scale):
        raise ImageError(
            f"The result would have {width * scale:.0f} x {height * scale:.0f} pixels; at most "
            f"{limits.result_megapixels:g} megapixels are made here. Choose a smaller scale or "
            "picture."
        )
    if not _holds_numbers(file):
        raise ImageError(
            "The picture holds values that are no numbers, or infinite; save it without them."
        )
    return file, (height, width)


def unseen(file: str) -> str:
    """What to tell of a picture that can be taken, but not be shown by a browser; else nothing."""
    form, numbers = stored_as(file)
    if form != "tiff":
        return ""
    height, width = size_of(file)
    # Of perceptual colors the samples may be of other types.
    stored = f"{BITS[numbers]} TIFF" if numbers in BITS else "TIFF"
    return f"{width} x {height} pixels, {stored}: taken. Most browsers cannot show it."


def _holds_numbers(file: Path) -> bool:
    """Whether all values are finite; of a picture in whole numbers, no more than its head is read.

    One value that is none is enough to make a network's results none.
    """
    _, numbers = stored_as(file)
    if numbers not in ("float", "double"):
        return True
    return images.is_finite(file)


def page_message(error: Exception, cache: Path) -> str:
    """An error as text for the page: no folder of the server, no markup from a file name.

    `cache` holds a folder for each upload and each result, which messages leave away. What is wrong
    with a model of the server is for whoever runs it: they are told on stderr.
    """
    if isinstance(error, ModelError):
        print(f"error: {one_line(error)}", file=sys.stderr)
        text = "The server cannot use this model; choose another one."
    elif isinstance(error, OSError):
        text = f"The server could not store the picture: {(error.strerror or 'unknown').lower()}"
    else:
        text = one_line(error)
    text = re.sub(rf"{re.escape(str(cache))}/[^/]+/", "", text)
    return as_text(text)


def as_text(words: str) -> str:
    """Words of strangers as Markdown that shows them as they are: no markup, link or picture."""
    told = html.escape(words, quote=False)
    return MARKUP.sub(lambda found: f"&#{ord(found[0])};", told)
