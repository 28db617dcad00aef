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
from export.runtime.feeds import LUMA, Fit, as_float, from_float
from export.runtime.images import Picture
from export.runtime.transparency import on_white

PNG = "data:image/png;base64,"
LONGEST_DRAWING = 4_000_000  # characters; a board's PNG has some ten thousand
LARGEST_DRAWING = 2**22  # pixels
HARDLY = 1e-4
"""Of what is seen less than this, the color is of no account."""
DISTANCES = 2**20  # that are held at once; a drawing of noise has as many colors as pixels


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


def nearest_colors(pixels: np.ndarray, palette: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """Pixels (H, W, 3) uint8, each replaced by the color of the palette next to it in RGB."""
    colors = np.array(palette, np.int32)
    # As one number each, which sort a hundred times faster than rows do.
    red, green, blue = np.moveaxis(pixels.astype(np.int32), 2, 0)
    found, places = np.unique(red << 16 | green << 8 | blue, return_inverse=True)
    nearest = np.empty((len(found), 3), np.uint8)
    step = max(1, DISTANCES // len(colors))
    for start in range(0, len(found), step):
        part = found[start : start + step]
        known = np.stack([part >> 16, (part >> 8) & 255, part & 255], axis=1)
        distances = ((known[:, None] - colors) ** 2).sum(axis=2)
        nearest[start : start + step] = colors[distances.argmin(axis=1)]
    return nearest[places.reshape(-1)].reshape(pixels.shape)


def prepare(source: Path, manifest: Manifest, folder: Path) -> Path:
    """The picture as the model takes it: `source` itself, or a changed copy in `folder`.

    A picture that is larger than the model can take at once is reduced. Lines are brought to the
    paper that the model knows, white or black, whichever they were drawn on.

    Raises:
        ImageError: the picture cannot be read.
    """
    port = manifest.picture
    assert port is not None, "the tabs serve models that read a picture"
    height, width = images.size_of(source)
    smaller = largest_size(manifest, height, width)
    if smaller == (height, width) and not port.paper:
        return source
    picture = files.read_for(port, source)
    if smaller != (height, width):
        picture = reduced(picture, smaller, of_labels=port.family == "labels")
    pixels = picture.pixels
    if port.paper:
        if picture.alpha is not None:
            pixels = on_white(pixels, picture.alpha)
        picture = Picture(on_paper(pixels, port.paper))
    target = folder / "prepared.png"
    images.write(target, picture)
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


def on_paper(pixels: np.ndarray, paper: str) -> np.ndarray:
    """Lines (H, W, 1 or 3) of any type as (H, W, 1), on paper that is "white" or "black"."""
    gray = as_float(pixels)
    if gray.shape[2] == 3:
        gray = (gray @ LUMA)[:, :, None]
    found = "white" if gray.mean() > 0.5 else "black"
    return from_float(gray if found == paper else 1 - gray, pixels.dtype)
