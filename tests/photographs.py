"""Photographs that come with scikit-image's wheel, and folders of pictures for the tests."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]


@cache
def photograph(name: str) -> Bytes:
    """``(H, W, 3)`` in 8 bits, read-only: astronaut 512x512, chelsea 300x451, coffee 400x600."""
    picture = np.asarray(getattr(skimage.data, name)(), np.uint8)
    picture.flags.writeable = False
    return picture


def window(name: str, height: int, width: int, top: int = 100, left: int = 150) -> Bytes:
    """A part of a photograph; the default corner lies on texture, not on a flat background."""
    return photograph(name)[top : top + height, left : left + width]


def write_pictures(folder: Path, pictures: Mapping[str, Bytes]) -> Path:
    """Write ``file name -> (H, W, C)`` with Pillow, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in pictures.items():
        flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
        Image.fromarray(flat).save(folder / name)
    return folder
