"""What a model reads: an upload or a drawing, brought to the size and the colors it expects."""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from export.manifest import Input, Manifest
from export.runtime import files, images
from export.runtime.errors import ImageError
from export.runtime.feeds import Fit, as_float, from_float
from export.runtime.images import Picture
from export.runtime.palettes import nearest_colors

PNG = "data:image/png;base64,"
LONGEST_DRAWING = 4_000_000  # characters; a board's PNG has some ten thousand
LARGEST_DRAWING = 2**22  # pixels
HARDLY = 1e-4
"""Of what is seen less than this, the color is of no account."""


def store_drawing(text: str, port: Input, folder: Path) -> Path:
    """Write what the board holds as `drawing.png` into `folder`.

    Label colors are moved to the nearest of the palette, for some browsers change the pixels that
    they hand out a little. Uploads are never moved: there, a strange color is a mistake.

    Args:
        text: a PNG as data URL.
        port: what it is drawn for.
        folder: an existing folder.

    Raises:
        ImageError: the text holds no drawing.
    """
    if not isinstance(text, str) or not text.startswith(PNG) or len(text) > LONGEST_DRAWING:
        raise ImageError("The drawing must be a PNG as data URL, of 3 MB at most.")
    path = folder / "drawing.png"
    try:
        path.write_bytes(base64.b64decode(text.removeprefix(PNG), validate=True))
    except binascii.Error:
        raise ImageError("The drawing is no valid data URL; draw it again.") from None
    pixels = images.read(path, max_pixels=LARGEST_DRAWING).pixels
    if port.family == "labels" and port.palette:
        pixels = nearest_colors(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), port.palette)
    images.write(path, Picture(pixels))
    return path


def prepare(source: Path, manifest: Manifest, folder: Path) -> Path:
    """The picture as the model takes it: `source` itself, or a changed copy in `folder`.

    A picture that is larger than the model can take at once is reduced.

    Raises:
        ImageError: the picture cannot be read.
    """
    port = manifest.picture
    assert port is not None, "the tabs serve models that read a picture"
    height, width = images.size_of(source)
    smaller = largest_size(manifest, height, width)
    if smaller == (height, width):
        return source
    picture = files.read_for(port, source)
    target = folder / "prepared.png"
    images.write(target, reduced(picture, smaller, of_labels=port.family == "labels"))
    return target


def reduced(picture: Picture, size: tuple[int, int], of_labels: bool) -> Picture:
    """A picture at a smaller (height, width); of labels no mixtures are made."""
    pixels, alpha = picture.pixels, picture.alpha
    if of_labels:
        pixels = images.resize(pixels, *size, "nearest")
        return replace(picture, pixels=pixels, alpha=None)
    if alpha is None:
        return replace(picture, pixels=images.resize(pixels, *size, "cubic"))
    # By how much each is seen: what is hidden has a color, too, and would bleed into the rest.
    seen = as_float(alpha)[..., None]
    small = images.resize(seen, *size)
    colors = images.resize(as_float(pixels) * seen, *size) / np.maximum(small, HARDLY)
    return replace(
        picture,
        pixels=from_float(colors, pixels.dtype),
        alpha=from_float(small[..., 0], alpha.dtype),
    )


def largest_size(manifest: Manifest, height: int, width: int) -> tuple[int, int]:
    """The (height, width), at most that of the picture, at which the model takes it at once."""
    most = manifest.max_pixels
    if manifest.tiling != "whole" or not most or height * width <= most:
        return height, width
    factor = math.sqrt(most / (height * width))
    smaller = [math.floor(side * factor) for side in (height, width)]
    # Of a long strip the short side stays what the model needs, and the long one makes up for it.
    least = max(1, min(height, width, manifest.min_size))
    short = smaller.index(min(smaller))
    if smaller[short] < least:
        smaller[short] = least
        smaller[1 - short] = most // least
    return smaller[0], smaller[1]


def drawn_size(manifest: Manifest, output: str, height: int, width: int) -> tuple[int, int] | None:
    """The (height, width) in which a model of a fixed size draws a larger picture.

    None where it draws every pixel of its result, or most of them are the picture's own.
    """
    if manifest.tiling != "fixed" or manifest.output(output).keeps or not manifest.fixed_size:
        return None
    content = Fit.of(height, width, manifest.fixed_size).content
    return content if content < (height, width) else None  # of one aspect, so both sides are
