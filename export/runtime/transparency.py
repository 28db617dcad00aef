"""Pictures with transparency, as networks and people are to see them."""

from __future__ import annotations

import numpy as np

from export.runtime.images import from_array, largest, to_array

_NEARBY = 8
"""Standard deviation, in pixels, of how near what is seen must be to color what is not."""


def on_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Pixels (H, W, C) of any type as they look on white; alpha: (H, W), of the same type."""
    white = largest(pixels.dtype)
    image = from_array(pixels).bandjoin(from_array(np.ascontiguousarray(alpha)))
    return to_array(image.flatten(background=[white], max_alpha=white))


def without_holes(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Pixels (H, W, C) of any type; where alpha (H, W) is 0, colors of what is seen nearby.

    What lies there unseen, black as a rule, would color the edges of what is seen. Farther away
    than a few dozen pixels it stays.
    """
    if alpha.all():
        return pixels
    image, seen = from_array(pixels), (from_array(np.ascontiguousarray(alpha)) > 0) / 255
    # The mean of the visible colors around, nearer ones counting more.
    around = (image * seen).gaussblur(_NEARBY, min_ampl=0.01)
    share = seen.gaussblur(_NEARBY, min_ampl=0.01)
    filled = around / share
    if pixels.dtype.kind != "f":
        filled = filled.rint()
    filled = filled.cast(image.format)
    return to_array(((seen == 0) & (share > 0)).ifthenelse(filled, image))
