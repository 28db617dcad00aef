"""Check what a caller hands over against the manifest, before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from export.manifest import Input, Manifest
from export.runtime.colors import as_colors
from export.runtime.errors import InputError
from export.runtime.feeds import (
    ConstantFeed,
    Feed,
    KeypointsFeed,
    LabelsFeed,
    NoiseFeed,
    PictureFeed,
    scaled,
)
from export.runtime.keypoints import as_keypoints
from export.runtime.values import angle, as_array, class_id, strength

_BRIGHTEST = 8.0
"""Floats above this are of pictures in which white is not 1."""
# The height and width of a generator's canvas are its own: nothing the caller feeds has them.
_NO_PICTURE = (1, 1)


_OR_COLORS = ", or uint8 (H, W, 3) in the colors of the palette"


@dataclass(frozen=True)
class Request:
    """One picture's worth of work: its size in pixels, its feeds, and the form of its results.

    dtype: the type of the first picture; results that are pictures have it too.
    layout: "flat" (H, W), "gray" (H, W, 1) or "color" (H, W, 3), as the first picture came.
    replicated: whether a grey picture is fed as three equal channels, to be averaged back.
    has_picture: False for a model that makes pictures from noise; its results have their own size.
    """

    height: int
    width: int
    feeds: Mapping[str, Feed]
    dtype: np.dtype
    layout: str
    replicated: bool
    has_picture: bool


# Tensor shapes as ONNX Runtime reports them: a number where a dimension is fixed, else its name.
Shape = Sequence[int | str | None]


def build(
    manifest: Manifest, shapes: Mapping[str, Shape], views: Mapping[str, Any], seed: int
) -> Request:
    """The request for one picture; `shapes` are those of the graph's inputs.

    Raises InputError where a view is missing, unknown, or of a wrong shape, type or value.
    """
    known = [port.name for port in manifest.inputs]
    unknown = [name for name in views if name not in known]
    if unknown:
        raise InputError(f"unknown input {unknown[0]!r}; {manifest.name} takes {', '.join(known)}")
    missing = [
        port.name
        for port in manifest.inputs
        if port.name not in views and (port.is_picture or port.family == "keypoints")
    ]
    if missing:
        raise InputError(f"input {missing[0]!r} is missing; {manifest.name} needs it")

    first = manifest.picture
    if first is None:
        height, width = manifest.fixed_size or _NO_PICTURE
        dtype, layout = np.dtype(np.float32), "color"
    else:
        shape = as_array(first, views[first.name]).shape
        if first.family != "labels" and len(shape) == 3 and shape[2] not in (1, 3):
            raise _wrong_shape(first, shape)
        if len(shape) in (2, 3) and 0 not in shape:
            # Before anything is made of what may be far too large.
            check_size(manifest, *shape[:2])
        array = as_picture(first, views[first.name])
        views = {**views, first.name: array}
        height, width = array.shape[:2]
        dtype = np.dtype(np.uint8) if first.family == "labels" else array.dtype
        layout = "color"
        if first.family != "labels":
            layout = "flat" if len(shape) == 2 else ("color" if array.shape[2] == 3 else "gray")
    if not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"the seed is {str(seed)[:40]!r}; expected a whole number from 0 on")
    generator = np.random.default_rng(int(seed))
    feeds = {
        port.name: _feed(
            port, views.get(port.name), shapes[port.name], (height, width), manifest, generator
        )
        for port in manifest.inputs
    }
    replicated = first is not None and first.family == "rgb" and layout != "color"
    return Request(height, width, feeds, dtype, layout, replicated, first is not None)


def as_picture(port: Input, value: Any) -> np.ndarray:
    """A caller's array as (H, W, 1 or 3) pixels, or (H, W) label ids."""
    array = as_array(port, value)
    if port.family == "labels":
        return _label_ids(port, array)
    if array.dtype.kind == "f":
        array = array.astype(np.float32, copy=False)
        _check_values(port, array)
    elif array.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"input {port.name!r} has the type {array.dtype}; expected uint8, uint16 or floats in "
            "[0, 1]"
        )
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or 0 in array.shape:
        raise _wrong_shape(port, np.shape(value))
    return array


def _wrong_shape(port: Input, shape: tuple[int, ...]) -> InputError:
    hint = ""
    if len(shape) == 3 and shape[2] in (2, 4):
        hint = "; with alpha it goes to the translator itself, translator(array)"
    elif len(shape) == 3 and shape[0] in (1, 3, 4):
        hint = "; it looks like (C, H, W): move the channels to the end"
    return InputError(
        f"input {port.name!r} has the shape {shape}; expected (H, W), (H, W, 1) or (H, W, 3){hint}"
    )


def _check_values(port: Input, array: np.ndarray) -> None:
    """Raise InputError for floats that are no numbers, or of another range than [0, 1].

    Noise that is not clipped, and light brighter than white, are let pass.
    """
    # Either is no number where any value is none.
    low, high = float(array.min(initial=0)), float(array.max(initial=0))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"input {port.name!r} has values that are no finite numbers")
    if high > _BRIGHTEST:
        raise InputError(
            f"input {port.name!r} has values up to {high:g}; floats are expected in [0, 1]: divide "
            "them by what white is, such as 255"
        )


def _label_ids(port: Input, array: np.ndarray) -> np.ndarray:
    gray = array.ndim == 3 and array.shape[2] == 1
    if gray:
        array = array[:, :, 0]
    if array.ndim == 3 and array.shape[2] == 3 and port.palette and array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)  # as in training
    if array.ndim == 3 and array.shape[2] == 3 and port.palette and array.dtype == np.uint8:
        return _ids_from_colors(port, array)
    if array.ndim != 2 or array.dtype.kind not in "iu" or array.size == 0:
        raise InputError(
            f"input {port.name!r} has the shape {array.shape} of {array.dtype}; expected label ids "
            f"(H, W), whole numbers{_OR_COLORS if port.palette else ''}"
        )
    low, high = int(array.min()), int(array.max())
    # Grays of the palette, as of a black-and-white mask: of a gray picture they go before ids, as
    # in training; (H, W) are ids first.
    if (
        port.palette
        and array.dtype == np.uint8
        and (high >= port.count or (gray and _has_grays(port, array)))
    ):
        return _ids_from_colors(port, array[:, :, None].repeat(3, axis=2))
    if low < 0 or high >= port.count:
        raise InputError(
            f"input {port.name!r} has label ids {low}..{high}; expected 0..{port.count - 1}"
        )
    return array


def _has_grays(port: Input, grays: np.ndarray) -> bool:
    """Whether all of these grays are in the palette."""
    known = {red for red, green, blue in port.palette if red == green == blue}
    return set(np.unique(grays).tolist()) <= known


def _ids_from_colors(port: Input, array: np.ndarray) -> np.ndarray:
    """Colors (H, W, 3) of the palette -> ids (H, W)."""
    weights = np.array([65536, 256, 1])
    codes = array.astype(np.int64) @ weights
    palette = np.array(port.palette, np.int64) @ weights
    order = np.argsort(palette)
    ids = order[np.minimum(np.searchsorted(palette[order], codes), len(order) - 1)]
    strange = palette[ids] != codes
    if strange.any():
        color = array[strange][0].astype(int)
        nearest = int(((np.array(port.palette) - color) ** 2).sum(axis=1).argmin())
        name = f"{port.names[nearest]} " if port.names else ""
        raise InputError(
            f"input {port.name!r} has the color {tuple(color.tolist())}, which is not in its "
            f"palette; nearest is {name}{port.palette[nearest]}: repaint it and save it as PNG "
            "(JPEG and smooth brushes change colors)"
        )
    return ids


def split(
    manifest: Manifest, shapes: Mapping[str, Shape], views: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    """One set of views per picture where the first picture is (N, H, W, C); else None.

    A view with a leading axis N is dealt out, any other goes to every picture.
    Raises InputError where a leading axis is not N, or the views are no mapping.
    """
    if not isinstance(views, Mapping):
        first = manifest.inputs[0].name
        raise InputError(
            f"views are a {type(views).__name__}; expected a mapping of inputs by their names, "
            f'such as {{"{first}": ...}}'
        )
    first = manifest.picture
    if first is None or first.name not in views or as_array(first, views[first.name]).ndim != 4:
        return None
    count = len(views[first.name])
    if count == 0:
        raise InputError(f"input {first.name!r} holds no picture")
    ranks = {"rgb": 4, "gray": 4, "labels": 4, "keypoints": 3, "colors": 3}
    ranks |= {"class": 1, "strength": 1, "angle": 1}
    batched: set[str] = set()
    for port in manifest.inputs:
        rank = ranks.get(port.family, len(shapes[port.name]))
        value = views.get(port.name, ())
        if port.family in ("colors", "keypoints") and _are_named(value):
            given = (len(value),) + (1,) * (rank - 1)
        else:
            given = as_array(port, value).shape
        if port.is_picture and len(given) == 3 and given[-1] not in (1, 3):
            rank = 3  # of (H, W) each
        if port.name in views and len(given) == rank:
            batched.add(port.name)
            if len(views[port.name]) != count:
                raise InputError(
                    f"input {port.name!r} is for {len(views[port.name])} pictures; expected {count}"
                )
    return [
        {name: value[index] if name in batched else value for name, value in views.items()}
        for index in range(count)
    ]


def _are_named(value: Any) -> bool:
    """Whether colors or joints of several pictures are given by names, one mapping for each."""
    named = isinstance(value, list | tuple) and len(value) > 0
    return named and all(one is None or isinstance(one, Mapping | str) for one in value)


def blank(manifest: Manifest, shapes: Mapping[str, Shape], side: int) -> Request:
    """A request for a black picture of `side` x `side` pixels, everything else at its default."""
    views: dict[str, Any] = {}
    for port in manifest.inputs:
        if port.is_picture:
            size = scaled(side, port.scale)
            views[port.name] = np.zeros((size, size), np.uint8)
        elif port.family == "keypoints":
            views[port.name] = np.zeros((port.count, 3), np.float32)
    return build(manifest, shapes, views, seed=0)


def check_size(manifest: Manifest, height: int, width: int) -> None:
    """Raise InputError where the model does not take a picture of height x width pixels."""
    if min(height, width) < manifest.min_size:
        raise InputError(
            f"the picture has {width}x{height} pixels; {manifest.name} needs at least "
            f"{manifest.min_size}x{manifest.min_size}"
        )
    if manifest.tiling == "whole" and manifest.max_pixels and height * width > manifest.max_pixels:
        raise InputError(
            f"the picture has {width}x{height} pixels; {manifest.name} works on the whole picture "
            f"at once, up to {manifest.max_pixels:,} pixels: make it smaller first"
        )


def _feed(
    port: Input,
    value: Any,
    shape: Shape,
    size: tuple[int, int],
    manifest: Manifest,
    generator: np.random.Generator,
) -> Feed:
    if port.is_picture:
        pixels = as_picture(port, value)
        expected = (scaled(size[0], port.scale), scaled(size[1], port.scale))
        if pixels.shape[:2] != expected:
            raise InputError(
                f"input {port.name!r} has {pixels.shape[1]}x{pixels.shape[0]} pixels; expected "
                f"{expected[1]}x{expected[0]} to go with the first picture"
            )
        if port.family == "labels":
            return LabelsFeed(pixels, port.scale)
        return PictureFeed(pixels, 3 if port.family == "rgb" else 1, port.scale)
    if port.family == "noise":
        return _noise(port, value, shape, manifest.fixed_size or size, generator)
    if port.family == "keypoints":
        return KeypointsFeed(as_keypoints(port, value, size), port.scale)
    if port.family == "class":
        return ConstantFeed(np.array([class_id(port, value)], np.int64))
    if port.family == "colors":
        return ConstantFeed(as_colors(port, value)[None])
    number = angle if port.family == "angle" else strength
    return ConstantFeed(np.array([number(port, value)], np.float32))


def _noise(
    port: Input,
    value: Any,
    shape: Shape,
    size: tuple[int, int],
    generator: np.random.Generator,
) -> Feed:
    """Noise (C,) or (C, H, W): what the caller gives, or standard normal values."""
    if len(shape) not in (2, 4) or not isinstance(shape[1], int):
        raise InputError(f"input {port.name!r}: the graph gives it no number of channels")
    expected = [shape[1]]
    if len(shape) == 4:
        # A canvas of its own, fixed in the graph, wins over the size of the picture.
        expected += [
            given if isinstance(given, int) else scaled(side, port.scale)
            for given, side in zip(shape[2:], size, strict=True)
        ]
    if value is None:
        values = generator.standard_normal(expected, dtype=np.float32)
    else:
        values = as_array(port, value)
        if values.dtype.kind not in "fiub":
            raise InputError(f"input {port.name!r} is {str(value)[:40]!r}; expected numbers")
        if values.shape != tuple(expected):
            raise InputError(
                f"input {port.name!r} has the shape {values.shape}; expected {tuple(expected)}"
            )
        values = values.astype(np.float32)
        if not np.isfinite(values).all():
            raise InputError(f"input {port.name!r} holds values that are no numbers")
    fixed = len(shape) == 2 or isinstance(shape[2], int)
    return ConstantFeed(values[None]) if fixed else NoiseFeed(values, port.scale)
