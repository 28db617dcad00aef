"""A picture file through a model to a picture file, in bounded memory.

The result is put together in a file beside the target (deleted the moment it is made, so that
nothing can be left behind) and written from there: only tiles are ever held as floats.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from export.manifest import Input, Manifest, Output
from export.runtime import images
from export.runtime.errors import ImageError, InputError
from export.runtime.feeds import scaled
from export.runtime.images import Picture
from export.runtime.keypoints import read_pose
from export.runtime.line_drawings import on_paper
from export.runtime.palettes import nearest_colors
from export.runtime.results import Allocate
from export.runtime.transparency import on_white, without_holes

LOSSY = ("jpeg", "webp", "heif")
"""Formats that change colors a little, as libvips calls them."""


class Runner(Protocol):
    """Run the model for one output, results going where `allocate` says."""

    def __call__(self, views: Mapping[str, Any], name: str, allocate: Allocate) -> np.ndarray: ...


def translate_file(
    manifest: Manifest,
    run: Runner,
    source: Path,
    target: Path,
    inputs: Mapping[str, Any],
    output: Output,
    stop: Callable[[], None],
    quality: int = images.QUALITY,
) -> None:
    """Read `source`, run the model for `output`, write `target`.

    Raises ImageError for a file that cannot be read or written, InputError for views that do not
    fit; `stop` raises where the caller has asked to.
    """
    first = manifest.picture
    if first is None:
        raise InputError(
            f"{manifest.name} takes no picture, it draws from noise; run() draws from its inputs"
        )
    check_picture(output)
    if first.name in inputs:
        raise InputError(f"input {first.name!r} is the source file; do not give it twice")
    # The suffix and the folder first: they are wrong more often than anything else.
    images.check_target(target, 1, 1)
    picture = read_for(first, source)
    if first.family == "labels":
        # Its profile is of the colors that name labels, and not of what is made of them.
        picture = replace(picture, profile=None)
    if picture.alpha is not None:
        # Colors of labels count as they are, see-through or not.
        pixels, alpha = picture.pixels, picture.alpha
        if first.family != "labels":
            pixels = as_seen(manifest, output, pixels, alpha)
        kept = picture.alpha if keeps_alpha(manifest, output) else None
        picture = replace(picture, pixels=pixels, alpha=kept)
    height, width = picture.pixels.shape[:2]
    size = (scaled(height, output.scale), scaled(width, output.scale))
    images.check_target(target, *size)
    views = {name: as_view(manifest, name, value) for name, value in inputs.items()}
    views[first.name] = _as_fed(first, picture.pixels)
    with _scratch(target) as scratch:

        def on_disk(name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
            return _mapped(scratch, shape, dtype, target)

        pixels = run(views, output.name, on_disk)
        stop()
        images.write(target, _picture(picture, pixels, output), quality, stop)


def check_picture(output: Output) -> None:
    """Raise InputError for an output that is no picture."""
    if not output.is_spatial or output.family == "noise":
        raise InputError(f"output {output.name!r} of kind {output.kind} is no picture; use run()")


def keeps_alpha(manifest: Manifest, output: Output) -> bool:
    """Whether a result shows what the source does where it does, so that its alpha still fits.

    Others draw something new: they are fed what a viewer sees on white, as in training, and what
    they draw is opaque.
    """
    return manifest.tiling == "exact" or bool(output.keeps)


def as_seen(
    manifest: Manifest, output: Output, pixels: np.ndarray, alpha: np.ndarray
) -> np.ndarray:
    """Pixels (H, W, C) with alpha (H, W), as the model is to see them."""
    if keeps_alpha(manifest, output):
        return without_holes(pixels, alpha)
    return on_white(pixels, alpha)


def _scratch(target: Path) -> IO[bytes]:
    """A file on the target's disk that has no name, so that it goes when the process goes."""
    try:
        return tempfile.TemporaryFile(dir=target.parent, prefix=".pixstack-")
    except OSError as error:
        raise ImageError(f"cannot write {target}: {error.strerror}") from None


def _mapped(
    scratch: IO[bytes], shape: tuple[int, ...], dtype: np.dtype, target: Path
) -> np.ndarray:
    size = math.prod(shape) * dtype.itemsize
    try:
        if hasattr(os, "posix_fallocate"):
            # A disk that fills up under a mapped file kills the process; here it is an error.
            os.posix_fallocate(scratch.fileno(), 0, size)
        return np.memmap(scratch, dtype, "w+", shape=shape)
    except OSError as error:
        raise ImageError(
            f"cannot write {target}: the result needs {size / 1e6:.0f} MB beside it "
            f"({error.strerror})"
        ) from None


def as_view(manifest: Manifest, name: str, value: Any) -> Any:
    """A further view as `run` takes it: pictures and keypoints may be given as files.

    Raises ImageError, InputError for a file that cannot be read.
    """
    port = next((port for port in manifest.inputs if port.name == name), None)
    if port is None or not isinstance(value, str | Path):
        return value
    if port.family == "keypoints":
        return read_pose(Path(value))
    if not port.is_picture:
        return value
    picture = read_for(port, Path(value))
    pixels = picture.pixels
    if picture.alpha is not None and port.family != "labels":
        # As the first picture, and those of training.
        pixels = on_white(pixels, picture.alpha)
    return _as_fed(port, pixels)


def read_for(port: Input, path: Path) -> Picture:
    """The picture of a file that an input is fed.

    Labels that a lossy format has changed are in the colors of the palette again, as in training;
    of any other file a strange color is more likely a mistake. Line drawings are brought to the
    paper that the model knows, white or black, whichever they were drawn on.
    """
    picture = images.read(path)
    pixels = picture.pixels
    if port.paper:
        if picture.alpha is not None:
            pixels = on_white(pixels, picture.alpha)
        return Picture(on_paper(pixels, port.paper))
    if port.family != "labels" or not port.palette or images.stored_as(path)[0] not in LOSSY:
        return picture
    if pixels.dtype != np.uint8 or pixels.shape[2] not in (1, 3):
        return picture
    in_color = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    return replace(picture, pixels=nearest_colors(in_color, port.palette))


def _as_fed(port: Input, pixels: np.ndarray) -> np.ndarray:
    """Label files are grey or in the colors of the palette; both are taken as they come."""
    return pixels[:, :, 0] if port.family == "labels" and pixels.shape[2] == 1 else pixels


def picture_of(made: np.ndarray, output: Output) -> Picture:
    """A result without a source: 8 bits, labels in the colors of their palette.

    made: floats (H, W, 1 or 3), nominally in [0, 1], or ids (H, W), as `Translator.run` returns.

    Raises InputError for an output that is no picture.
    """
    check_picture(output)
    if output.family == "labels":
        return _picture(Picture(made), made, output)
    return Picture((made.clip(0, 1) * 255).round().astype(np.uint8))


def _picture(source: Picture, pixels: np.ndarray, output: Output) -> Picture:
    """The result with everything of the source that still holds for it."""
    if output.family == "labels":
        if output.palette:
            pixels = np.array(output.palette, np.uint8)[pixels]
        elif pixels.dtype != np.uint8:
            pixels = pixels.astype(np.uint16)
        # Ids are no colors, so the source's profile does not apply to them.
        return Picture(pixels if pixels.ndim == 3 else pixels[:, :, None])
    alpha = source.alpha
    if alpha is not None:
        alpha = images.resize(alpha, *pixels.shape[:2])
    # A profile speaks of three channels or of one.
    same = pixels.shape[2] == source.pixels.shape[2]
    return replace(source, pixels=pixels, alpha=alpha, profile=source.profile if same else None)
