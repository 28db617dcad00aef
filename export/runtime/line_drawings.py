"""Line drawings on the paper that a model knows."""

from __future__ import annotations

import numpy as np

from export.runtime.feeds import LUMA, as_float, from_float


def on_paper(pixels: np.ndarray, paper: str) -> np.ndarray:
    """Lines (H, W, 1 or 3) of any type as (H, W, 1), on paper that is "white" or "black"."""
    gray = as_float(pixels)
    if gray.shape[2] == 3:
        gray = (gray @ LUMA)[:, :, None]
    found = "white" if gray.mean() > 0.5 else "black"
    return from_float(gray if found == paper else 1 - gray, pixels.dtype)
