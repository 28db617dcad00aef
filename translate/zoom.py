"""Zooming: the same window of a picture from nearer or farther, as augmentation.

pix2pix resizes pictures to 286 pixels and crops 256 of them (Isola et al. 2017, arXiv 1611.07004,
section 6.2); here the window is cut first and resized then: the same picture for less work.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyvips
from numpy.typing import NDArray

from translate.keypoints import STILL, Motion
from translate.pairs import fitted, nearest

Bytes = NDArray[np.uint8]
Size = tuple[int, int]


def looked_at(
    window: Size, picture: Size, zoom: Sequence[float], random: np.random.Generator
) -> Size:
    """(height, width) of the part of a picture that is brought to a window.

    Args:
        window: (height, width) of what is wanted.
        picture: (height, width) of what there is; a picture that is larger than the window is
            never made smaller than it.
        zoom: the smallest and the largest factor; empty where nothing is resized.
        random: draws the factor, evenly on a logarithmic scale.
    """
    if not zoom:
        return window
    low, high = zoom
    factor = float(np.exp(random.uniform(np.log(low), np.log(high))))
    least = max(wanted / given for wanted, given in zip(window, picture, strict=True))
    factor = max(factor, min(1.0, least))
    height, width = (max(1, round(side / factor)) for side in window)
    return height, width


def needed(crop: int, zoom: Sequence[float]) -> int:
    """Side that a picture must have for a crop that needs no mirroring, in pixels."""
    return round(crop / max(1.0, zoom[0])) if zoom else crop


def zoomed(
    views: Mapping[str, Bytes], window: Size, scale: int, labels: Collection[str]
) -> tuple[dict[str, Bytes], Motion]:
    """Views ``(H, W, C)`` brought to a window, and where that takes points of them.

    Args:
        views: aligned ones, all of the same part of their picture.
        window: (height, width), of the target ``scale`` times as large.
        scale: pixels of the target on one of the other views, along a side.
        labels: the views that hold ids, which have no mean: of these the nearest is taken.
    """
    height, width = window
    large = (scale * height, scale * width)
    sizes = {name: large if name == "target" else window for name in views}
    if all(pixels.shape[:2] == sizes[name] for name, pixels in views.items()):
        return dict(views), STILL
    brought = {
        name: resized(pixels, sizes[name], ids=name in labels) for name, pixels in views.items()
    }
    base = next((name for name in views if name != "target"), "target")
    given = np.array(views[base].shape[1::-1], float)
    factor = np.array(sizes[base][::-1]) / given
    # Centers of pixels are whole numbers: the corner of a picture lies at -0.5.
    return brought, Motion(np.diag(factor), (factor - 1) / 2)


def resized(pixels: Bytes, size: Size, ids: bool) -> Bytes:
    """A picture ``(H, W, C)`` of 8 bits, or of ids, brought to (height, width)."""
    if ids:
        return nearest(pixels, size, None).astype(np.uint8, copy=False)
    made = np.asarray(fitted(pyvips.Image.new_from_array(pixels), *size).numpy())
    return made[..., None] if made.ndim == 2 else made
