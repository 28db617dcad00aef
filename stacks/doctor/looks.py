"""One look at the pixels of an item: everything that later checks need, and none of the pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from stacks.doctor.alignment import Shift, edges, label_edges, shift_between
from stacks.doctor.duplicates import THUMB
from translate.kinds import parse_kind
from translate.pairs import DataError, View, first_line, half_of, label_picture, open_picture
from translate.pictures import array_of

Pixels = NDArray[np.uint8]
MOST_VALUES = 256
"""A picture of more colors than labels can have is no label map."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a label map holds: ids, or colors as one number each, and pixels of each.

    More than `MOST_VALUES` are not listed; ``many`` says so.
    """

    pixels: Mapping[int, int]
    colors: bool
    many: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Of one item.

    Args:
        faults: of views that cannot be decoded.
        thumb: ``(8, 9)`` luma of the picture by which items are told apart; None of labels.
        shift: how far the other view lies off, where two were compared.
        values: of the views that are labels.
    """

    faults: Mapping[str, str] = field(default_factory=dict)
    thumb: Pixels | None = None
    shift: Shift | None = None
    values: Mapping[str, Values] = field(default_factory=dict)


def look_at(views: Mapping[str, View], compare: bool) -> Look:
    """Decode the views of an item once.

    Args:
        views: of the item; the last picture that is no label map is the one it is known by.
        compare: whether its views should lie on each other.
    """
    faults: dict[str, str] = {}
    values: dict[str, Values] = {}
    outlines: list[NDArray[np.float32]] = []
    thumb = None
    for name, view in views.items():
        try:
            if parse_kind(view.kind).family == "labels":
                pixels = label_pixels(view)
                values[name] = values_of(pixels)
                outlines += [label_edges(pixels)] if compare else []
            else:
                luma = replace(view, kind="gray", reduce=1, fit=None).decode()[..., 0]
                thumb = thumbnail(luma)
                outlines += [edges(luma)] if compare else []
        except DataError as error:
            faults[name] = str(error).removeprefix(f"{view.path}: ")
    shift = None
    if len(outlines) >= 2:
        first, last = outlines[0], outlines[-1]
        if first.shape[0] * last.shape[1] == first.shape[1] * last.shape[0]:
            # Targets may be larger than their sources, on whose grid a shift is told.
            shift = shift_between(first, brought_to(last, first.shape))
    return Look(faults, thumb, shift, values)


def brought_to(outlines: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Outlines brought to another ``(H, W)`` of the same proportions."""
    if outlines.shape == shape:
        return outlines
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(outlines, size, interpolation=cv2.INTER_AREA), np.float32)


def thumbnail(luma: Pixels) -> Pixels:
    """``(8, 9)`` by the mean of areas."""
    return np.asarray(cv2.resize(luma, THUMB, interpolation=cv2.INTER_AREA), np.uint8)


def label_pixels(view: View) -> NDArray[np.integer]:
    """A label map ``(H, W)`` of ids, or of colors as ``red << 16 | green << 8 | blue``, in the bits
    that training reads.

    Raises:
        DataError: it cannot be decoded.
    """
    try:
        image = label_picture(open_picture(view.path))
        pixels = array_of(half_of(image, view.half))
    except pyvips.Error as error:
        raise DataError(f"{view.path}: cannot be decoded: {first_line(error)}") from None
    if pixels.shape[2] == 1:
        return pixels[..., 0].astype(np.int32)
    red, green, blue = np.moveaxis(pixels[..., :3].astype(np.int32), 2, 0)
    # Above all ids, so that black is not taken for the id 0.
    return (red << 16 | green << 8 | blue) + COLOR


COLOR = 1 << 24


def values_of(pixels: NDArray[np.integer]) -> Values:
    """The values of a label map and how many pixels have each."""
    found, counts = np.unique(pixels, return_counts=True)
    many = len(found) > MOST_VALUES
    colors = bool(found[-1] >= COLOR)
    listed = zip(found.tolist(), counts.tolist(), strict=True)
    return Values({} if many else dict(listed), colors, many)
