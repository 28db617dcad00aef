"""What a caller hands over, turned into the tensors of one tile.

Pixels stay in the caller's type until a tile needs them, so that a large picture is never held
as floats.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from export.runtime.images import largest, resize
from export.runtime.tiles import Box

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601


@dataclass(frozen=True)
class Fit:
    """How a picture of height x width pixels lies in a network of a fixed size.

    The picture is resized to content (height, width), its aspect kept to the pixel, and padded at
    the bottom and the right to size (height, width).
    """

    height: int
    width: int
    content: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def of(cls, height: int, width: int, size: tuple[int, int]) -> Fit:
        factor = min(size[0] / height, size[1] / width)
        content = (max(1, round(height * factor)), max(1, round(width * factor)))
        return cls(height, width, content, size)


class Feed(Protocol):
    """One input of the graph, for one picture."""

    def tensor(self, window: Box) -> np.ndarray:
        """The tensor for a window of the first picture; the leading axis has length 1."""
        ...

    def fitted(self, fit: Fit) -> Feed:
        """The same input as it is fed to a network of a fixed size."""
        ...


def scaled(pixels: int, scale: float) -> int:
    """A length in pixels of the first picture, in pixels of a view of that scale."""
    return -int(-pixels * scale // 1)


@dataclass(frozen=True)
class PictureFeed:
    """Pixels (H, W, 1 or 3), uint8, uint16 or floating -> float32 (1, channels, h, w)."""

    pixels: np.ndarray
    channels: int
    scale: float = 1

    def tensor(self, window: Box) -> np.ndarray:
        part = as_float(_crop(self.pixels, window, self.scale))
        if part.shape[2] == 3 and self.channels == 1:
            part = (part @ LUMA)[:, :, None]
        elif part.shape[2] == 1 and self.channels == 3:
            part = np.broadcast_to(part, (*part.shape[:2], 3))
        return np.ascontiguousarray(part.transpose(2, 0, 1))[None]

    def fitted(self, fit: Fit) -> PictureFeed:
        # As floats: rounding to 8 bits between resizing and the network would be a loss.
        given = self.pixels if self.pixels.dtype.kind == "u" else as_float(self.pixels)
        pixels = _fit(given, fit, self.scale, "cubic")
        return replace(self, pixels=pixels / np.float32(largest(self.pixels.dtype)))


@dataclass(frozen=True)
class LabelsFeed:
    """Label ids (H, W) -> int64 (1, 1, h, w)."""

    ids: np.ndarray
    scale: float = 1

    def tensor(self, window: Box) -> np.ndarray:
        return _crop(self.ids, window, self.scale).astype(np.int64)[None, None]

    def fitted(self, fit: Fit) -> LabelsFeed:
        return replace(self, ids=_fit(self.ids.astype(np.uint16), fit, self.scale, "nearest"))


@dataclass(frozen=True)
class NoiseFeed:
    """Noise (C, H, W), drawn once for the whole picture and cropped per tile."""

    values: np.ndarray
    scale: float = 1

    def tensor(self, window: Box) -> np.ndarray:
        rows, columns = _slices(window, self.scale)
        return np.ascontiguousarray(self.values[:, rows, columns], np.float32)[None]

    def fitted(self, fit: Fit) -> NoiseFeed:
        return self  # Drawn at the size of the network.


@dataclass(frozen=True)
class KeypointsFeed:
    """Keypoints (K, 3): x, y in pixels of the picture, visible 0 or 1 -> float32 (1, K, 3)."""

    points: np.ndarray
    scale: float = 1

    def tensor(self, window: Box) -> np.ndarray:
        corner = np.array([window.left, window.top, 0], np.float32) * np.float32(self.scale)
        return (self.points - corner).astype(np.float32)[None]

    def fitted(self, fit: Fit) -> KeypointsFeed:
        # Pixel centers, not corners, keep their place when a picture is resized.
        factor = np.array([fit.content[1] / fit.width, fit.content[0] / fit.height])
        points = self.points.astype(np.float32).copy()
        points[:, :2] = (points[:, :2] + 0.5) * factor - 0.5
        return replace(self, points=points)


@dataclass(frozen=True)
class ConstantFeed:
    """A tensor that is the same for every tile: a strength, a class, a noise vector."""

    value: np.ndarray

    def tensor(self, window: Box) -> np.ndarray:
        return self.value

    def fitted(self, fit: Fit) -> ConstantFeed:
        return self


def as_float(pixels: np.ndarray) -> np.ndarray:
    """uint8, uint16 or floating pixels as float32; integers become [0, 1]."""
    if pixels.dtype.kind == "f":
        return pixels.astype(np.float32, copy=False)
    return pixels.astype(np.float32) / np.float32(largest(pixels.dtype))


def from_float(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The inverse of `as_float`: integers are clipped and rounded, floats are left alone."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    white = np.float32(largest(dtype))
    result = values * white
    np.rint(result, out=result)
    np.clip(result, 0, white, out=result)
    return result.astype(dtype)


def _slices(window: Box, scale: float) -> tuple[slice, slice]:
    return (
        slice(scaled(window.top, scale), scaled(window.bottom, scale)),
        slice(scaled(window.left, scale), scaled(window.right, scale)),
    )


def _crop(array: np.ndarray, window: Box, scale: float) -> np.ndarray:
    return array[_slices(window, scale)]


def _fit(array: np.ndarray, fit: Fit, scale: float, kernel: str) -> np.ndarray:
    """Resize to the content and repeat its last row and column up to the network's size.

    Where values may lie between those given, they are floats, on the scale of the type given.
    """
    content = [scaled(side, scale) for side in fit.content]
    size = [scaled(side, scale) for side in fit.size]
    array = resize(array, content[0], content[1], kernel, floats=True)
    padding = [(0, size[0] - content[0]), (0, size[1] - content[1])]
    return np.pad(array, padding + [(0, 0)] * (array.ndim - 2), mode="edge")
