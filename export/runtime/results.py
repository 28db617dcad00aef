"""The network's tensors, put together to the arrays a caller gets back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.manifest import Manifest, Output
from export.runtime.errors import InputError, ModelError
from export.runtime.feeds import LUMA, Fit, PictureFeed, from_float, scaled
from export.runtime.images import resize, resized_bands
from export.runtime.request import Request
from export.runtime.tiles import Box, Tile

# Rows converted at a time: the steps in between hold a few copies of them.
_BAND = 64

# (name of the output, shape, type) -> the array that results are written into.
Allocate = Callable[[str, tuple[int, ...], np.dtype], np.ndarray]


def in_memory(name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Keep a result in memory."""
    return np.empty(shape, dtype)


def asked(manifest: Manifest, outputs: str | Sequence[str] | None) -> list[str]:
    """The names of the outputs that are asked for, all where that is None.

    Raises InputError for one that the model does not have.
    """
    known = [port.name for port in manifest.outputs]
    if outputs is None:
        return known
    names = [outputs] if isinstance(outputs, str) else list(outputs)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise InputError(
            f"unknown output {unknown[0] if unknown else ''!r}; {manifest.name} gives "
            f"{', '.join(known)}"
        )
    return names


@dataclass
class Result:
    """One output of one picture, filled tile by tile."""

    port: Output
    request: Request
    allocate: Allocate = in_memory
    array: Any = None

    def put(self, tile: Tile, tensor: np.ndarray) -> None:
        """Keep what the tile is trusted with. tensor: (1, C, h, w) for the tile's window."""
        if not self.port.is_spatial:
            self.array = self._plain(tensor)
            return
        scale, window, keep = self.port.scale, tile.window, tile.keep
        expected = (scaled(window.height, scale), scaled(window.width, scale))
        follows = self.request.has_picture
        if follows and tensor.shape[2:] != expected:
            raise ModelError(
                f"output {self.port.name!r} has {tensor.shape[3]}x{tensor.shape[2]} pixels where "
                f"its manifest (scale {scale:g}) promises {expected[1]}x{expected[0]}"
            )
        top, left = scaled(keep.top, scale), scaled(keep.left, scale)
        bottom, right = scaled(keep.bottom, scale), scaled(keep.right, scale)
        first_row, first_column = scaled(window.top, scale), scaled(window.left, scale)
        if not follows:
            top, left, bottom, right = 0, 0, *tensor.shape[2:]
        part = tensor[
            0, :, top - first_row : bottom - first_row, left - first_column : right - first_column
        ]
        part = part.transpose(1, 2, 0)
        if self.array is None:
            size = (scaled(self.request.height, scale), scaled(self.request.width, scale))
            if not follows:
                size = (bottom, right)
            self.array = self._room(size, part)
        for row in range(0, bottom - top, _BAND):
            band = self._values(part[row : row + _BAND])
            rows = self.array[top + row : top + row + len(band), left:right]
            if band.ndim == 2:
                rows[:] = band
            # One channel at a time: a step of numpy is then a row of pixels, and not three values.
            for channel in range(band.shape[2] if band.ndim == 3 else 0):
                rows[:, :, channel] = band[:, :, channel]

    def put_fitted(self, fit: Fit, tensor: np.ndarray) -> None:
        """Take the content out of a fixed-size result and bring it to the picture's size."""
        if not self.port.is_spatial:
            self.array = self._plain(tensor, fit)
            return
        scale = self.port.scale
        rows, columns = (scaled(side, scale) for side in fit.content)
        part = np.ascontiguousarray(tensor[0, :, :rows, :columns].transpose(1, 2, 0))
        size = (scaled(fit.height, scale), scaled(fit.width, scale))
        array = self._room(size, part)
        if self.port.family == "labels":
            array[:] = resize(self._values(part), *size, kernel="nearest")
        else:
            for row, band in resized_bands(part, *size, _BAND):
                array[row : row + len(band)] = self._values(band)
        if self.port.keeps:
            self._keep(array, part, fit)
        self.array = array

    def _room(self, size: tuple[int, int], part: np.ndarray) -> np.ndarray:
        """Where a result (height, width) goes, of the form of what becomes of part (h, w, C)."""
        form = self._values(part[:1, :1])
        return self.allocate(self.port.name, (*size, *form.shape[2:]), form.dtype)

    def _keep(self, array: np.ndarray, part: np.ndarray, fit: Fit) -> None:
        """Put the caller's own pixels back where the network changed nothing.

        array: (H, W, ...), the result at the picture's size; part: (h, w, C) of the network.
        """
        feed = self.request.feeds[self.port.keeps]
        if not isinstance(feed, PictureFeed) or feed.pixels.size != array.size:
            return  # A model of gray pictures has no color to give back.
        whole = Box(0, 0, *fit.size)
        given = feed.fitted(fit).tensor(whole)[0].transpose(1, 2, 0)
        same = (part == given[: part.shape[0], : part.shape[1]]).all(axis=2)
        same = resize(same, *array.shape[:2], kernel="nearest")
        own = feed.pixels.reshape(array.shape)
        for row in range(0, len(array), _BAND):
            rows = slice(row, row + _BAND)
            array[rows][same[rows]] = own[rows][same[rows]]

    def _values(self, part: np.ndarray) -> np.ndarray:
        """(h, w, C) of the graph in the type and channels the caller gets."""
        request, family = self.request, self.port.family
        if family == "labels":
            kind = np.uint8 if self.port.count <= 256 else np.int32
            return part[:, :, 0].astype(kind)
        if family == "noise":
            return part.astype(np.float32)
        if not np.isfinite(part).all():
            raise ModelError(
                f"output {self.port.name!r} has values that are no numbers; the model is damaged, "
                "or was given what it cannot work with"
            )
        if family == "rgb" and request.replicated:
            part = (part @ LUMA)[:, :, None]
        values = from_float(part, request.dtype)
        return values[:, :, 0] if values.shape[2] == 1 and request.layout == "flat" else values

    def _plain(self, tensor: np.ndarray, fit: Fit | None = None) -> Any:
        """Outputs without height and width: a class id, a number, keypoints (K, 3)."""
        if self.port.family == "class":
            return int(tensor[0])
        if self.port.family in ("strength", "angle"):
            return float(tensor[0])
        points = tensor[0].astype(np.float32)
        if fit is not None:
            factor = np.array([fit.width / fit.content[1], fit.height / fit.content[0]])
            points[:, :2] = (points[:, :2] + 0.5) * factor - 0.5
        return points
