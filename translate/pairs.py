"""Find and check aligned pictures, and decode them into named views.

Three layouts:

- ``targets``: one folder of target pictures; the source is made by a declared degradation;
- ``views``: one folder a view, the same names in each (``A`` and ``B`` are taken for source and
  target);
- ``side-by-side``: pictures whose left half is the source and right half the target, or the other
  way round.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyvips
from numpy.typing import NDArray

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"})
CHANNELS = {"rgb": 3, "gray": 1}
Layout = Literal["targets", "views", "side-by-side"]
Bytes = NDArray[np.uint8]


class DataError(ValueError):
    """A folder, a file or a pair cannot be used; the message says which and what to do."""


@dataclass(frozen=True)
class View:
    """One view of one item: a file, which part of it, and how it is decoded."""

    path: Path
    kind: str
    half: Literal["whole", "left", "right"] = "whole"
    reduce: int = 1

    def size(self) -> tuple[int, int]:
        """(height, width) from the file's header, without decoding."""
        image = open_picture(self.path)
        width = image.width // 2 if self.half != "whole" else image.width
        # As libvips rounds the size of what it shrinks.
        height, width = ((side + self.reduce // 2) // self.reduce for side in (image.height, width))
        return height, width

    def decode(self) -> Bytes:
        """``(H, W, C)`` in 8 bits.

        Raises:
            DataError: the file is not a readable picture or is truncated.
        """
        image = open_picture(self.path)
        try:
            image = to_kind(image, self.kind)
            if self.half != "whole":
                half = image.width // 2
                image = image.crop(half if self.half == "right" else 0, 0, half, image.height)
            if self.reduce > 1:
                image = image.shrink(self.reduce, self.reduce)
            pixels = np.asarray(image.numpy())
        except pyvips.Error as error:
            raise DataError(f"{self.path}: cannot be decoded: {first_line(error)}") from None
        return pixels[..., None] if pixels.ndim == 2 else pixels


def open_picture(path: Path) -> pyvips.Image:
    """A picture whose header was read, upright; its pixels are decoded on demand."""
    try:
        return pyvips.Image.new_from_file(str(path), fail_on="truncated").autorot()
    except pyvips.Error as error:
        if not path.is_file():
            raise DataError(f"{path}: no such file") from None
        raise DataError(f"{path}: not a readable picture: {first_line(error)}") from None


def first_line(error: pyvips.Error) -> str:
    """The first line of what libvips says."""
    lines = str(error.detail or error.message).strip().splitlines()
    return lines[0] if lines else "unknown error"


def to_kind(image: pyvips.Image, kind: str) -> pyvips.Image:
    """Bring a picture to 8 bits in the color space of its view, on white where it has alpha."""
    image = image.colourspace("srgb" if kind == "rgb" else "b-w")
    if image.hasalpha():
        # After the conversion, because white is 255 in 8 bits only.
        image = image.flatten(background=[255])
    return image.cast("uchar")


@dataclass(frozen=True)
class Item:
    """One aligned set of views."""

    name: str
    views: Mapping[str, View]

    def check(self, same_size: bool) -> None:
        """Read the headers; views that must align are refused when their sizes differ."""
        sizes = {name: view.size() for name, view in self.views.items()}
        if same_size and len(set(sizes.values())) > 1:
            given = ", ".join(f"{name} {width}x{height}" for name, (height, width) in sizes.items())
            raise DataError(
                f"pair {self.name!r} has views of different sizes ({given}) in "
                f"{next(iter(self.views.values())).path.parent.parent}; make them the same size"
            )


@dataclass
class Pairs:
    """Items with a bounded cache of decoded views, safe to read from several threads.

    Args:
        items: in name order.
        cache_bytes: decoded pictures beyond this are decoded again when they are next asked for.
    """

    items: Sequence[Item]
    cache_bytes: int = 2 << 30
    _cache: OrderedDict[int, dict[str, Bytes]] = field(default_factory=OrderedDict)
    _held: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __len__(self) -> int:
        return len(self.items)

    def load(self, index: int) -> dict[str, Bytes]:
        """Decoded views of item ``index``: name -> ``(H, W, C)`` in 8 bits."""
        with self._lock:
            if index in self._cache:
                self._cache.move_to_end(index)
                return self._cache[index]
        views = {name: view.decode() for name, view in self.items[index].views.items()}
        size = sum(pixels.nbytes for pixels in views.values())
        with self._lock:
            if index not in self._cache:
                self._cache[index] = views
                self._held += size
            while self._held > self.cache_bytes and len(self._cache) > 1:
                _, oldest = self._cache.popitem(last=False)
                self._held -= sum(pixels.nbytes for pixels in oldest.values())
        return views


def list_pictures(folder: Path) -> dict[str, Path]:
    """Pictures of a folder by name without extension, in name order.

    Raises:
        DataError: the folder is missing or empty, or one name stands for two files.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected a folder of pictures")
    pictures: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            if path.stem in pictures:
                raise DataError(
                    f"{folder}: {pictures[path.stem].name} and {path.name} share a name; keep one"
                )
            pictures[path.stem] = path
    if not pictures:
        raise DataError(f"{folder}: holds no pictures ({', '.join(sorted(SUFFIXES))})")
    return dict(sorted(pictures.items()))


def find_items(
    folder: Path, layout: Layout, kinds: Mapping[str, str], reduce: int = 1, swap: bool = False
) -> list[Item]:
    """Items beneath ``folder`` in a layout, in name order, headers checked.

    Args:
        kinds: view name -> kind (``rgb``, ``gray``), source first; only ``target`` in the layout
            ``targets``.
        reduce: shrink by this whole factor (box average) when decoding.
        swap: in side-by-side pictures, the left half is the target.
    """
    if layout == "targets":
        items = [
            Item(name, {"target": View(path, kinds["target"], "whole", reduce)})
            for name, path in list_pictures(folder).items()
        ]
    elif layout == "views":
        folders = {view: view_folder(folder, view) for view in kinds}
        items = match({view: list_pictures(path) for view, path in folders.items()}, kinds, reduce)
    else:
        halves = ("right", "left") if swap else ("left", "right")
        items = [
            Item(
                name,
                {
                    "source": View(path, kinds["source"], halves[0], reduce),
                    "target": View(path, kinds["target"], halves[1], reduce),
                },
            )
            for name, path in list_pictures(folder).items()
        ]
    for item in items:
        item.check(same_size=layout != "targets")
    return items


def view_folder(folder: Path, view: str) -> Path:
    """The folder of a view: its own name, or ``A`` for the source and ``B`` for the target."""
    alias = {"source": "A", "target": "B"}.get(view)
    if not (folder / view).is_dir() and alias and (folder / alias).is_dir():
        return folder / alias
    return folder / view


def match(
    pictures: Mapping[str, Mapping[str, Path]], kinds: Mapping[str, str], reduce: int = 1
) -> list[Item]:
    """Join the views of the same name; a name that any view lacks is an error."""
    names = set().union(*(set(view) for view in pictures.values()))
    for view, paths in pictures.items():
        missing = sorted(names - set(paths))
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise DataError(
                f"view {view!r} has no picture named {missing[0]!r}{more}; every name must stand "
                f"in each of: {', '.join(pictures)}"
            )
    return [
        Item(
            name,
            {
                view: View(paths[name], kinds[view], "whole", reduce)
                for view, paths in pictures.items()
            },
        )
        for name in sorted(names)
    ]
