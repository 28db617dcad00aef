"""What a model is fed when only its speed is asked for: views of any size, always the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.manifest import Input, Manifest
from export.runtime.feeds import scaled

SEED = 0


def made_up(manifest: Manifest, height: int, width: int) -> dict[str, Any]:
    """Views for `Translator.run` with a first picture of height x width pixels.

    Pictures are uint8 noise, as most that are translated have 8 bits; labels are drawn among all
    ids, keypoints lie inside the picture and are visible. Classes, strengths, angles, colors and
    noise are left to the runtime, which feeds their defaults and draws the noise.
    """
    generator = np.random.default_rng(SEED)
    views: dict[str, Any] = {}
    for port in manifest.inputs:
        if port.is_picture:
            size = scaled(height, port.scale), scaled(width, port.scale)
            views[port.name] = _picture(port, size, generator)
        elif port.family == "keypoints":
            places = generator.random((port.count, 3)) * (width, height, 0) + (0, 0, 1)
            views[port.name] = places.astype(np.float32)
    return views


def _picture(port: Input, size: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """(H, W, 3) of `rgb`, (H, W) of `gray` and of label ids."""
    if port.family == "labels":
        kind = np.uint8 if port.count <= 256 else np.uint16
        return generator.integers(port.count, size=size, dtype=kind)
    shape = (*size, 3) if port.family == "rgb" else size
    return generator.integers(256, size=shape, dtype=np.uint8)
