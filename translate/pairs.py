"""Aligned pictures, checked by their headers and decoded into named views.

How they lie in folders is read by `translate.layouts`.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from weakref import WeakValueDictionary

import numpy as np
import pyvips
from numpy.typing import NDArray

from translate.kinds import parse_kind
from translate.pictures import (
    LOSSY,
    SUFFIXES,
    DataError,
    File,
    Member,
    array_of,
    first_line,
    open_header,
    open_picture,
)
from translate.pixels import LUMA

Bytes = NDArray[np.uint8]
Half = Literal["whole", "left", "right"]
Joints = NDArray[np.float32]
"""``(K, 3)``: x and y in pixels of the decoded pictures, and visible, of each joint."""
Palette = Sequence[Sequence[int]]
"""Red, green and blue, 0..255, of each label."""


@dataclass(frozen=True)
class View:
    """One view of one item: where it lies, which part of it, and how it is decoded."""

    path: File
    kind: str
    half: Half = "whole"
    reduce: int = 1
    fit: tuple[int, int] | None = None
    """Bring the whole picture to this height and width, by enlarging too."""
    palette: Palette = ()
    """Of labels that come in colors."""

    def size(self) -> tuple[int, int]:
        """(height, width) as decoded, from the file's header, without decoding."""
        return self.sized(*self.given())

    def given(self) -> tuple[int, int]:
        """(height, width) as it lies in the file."""
        image = open_header(self.path)
        return image.height, image.width // 2 if self.half != "whole" else image.width

    def sized(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) that a picture of this size is brought to."""
        if self.fit:
            return self.fit
        # As libvips rounds the size of what it shrinks.
        half = self.reduce // 2
        return (height + half) // self.reduce, (width + half) // self.reduce

    def decode(self) -> Bytes:
        """``(H, W, C)`` in 8 bits; ids ``(H, W, 1)`` of labels.

        Raises:
            DataError: the file is not a readable picture or is truncated, or of labels holds what
                is no label.
        """
        image = open_picture(self.path)
        kind = parse_kind(self.kind)
        labels = kind.family == "labels"
        try:
            image = label_picture(image) if labels else to_kind(image, self.kind)
            image = half_of(image, self.half)
            pixels = array_of(image if labels else self.resized(image))
        except pyvips.Error as error:
            raise DataError(f"{self.path}: cannot be decoded: {first_line(error)}") from None
        if labels:
            size = self.sized(*pixels.shape[:2])
            pixels = nearest(pixels, size, None if self.fit else self.reduce)
            exact = self.path.suffix.lower() not in LOSSY
            return label_ids(pixels, kind.count, self.palette, self.path, exact)
        return pixels

    def resized(self, image: pyvips.Image) -> pyvips.Image:
        """Reduced or fitted."""
        if self.fit:
            return fitted(image, *self.fit)
        return image.shrink(self.reduce, self.reduce) if self.reduce > 1 else image


def fitted(image: pyvips.Image, height: int, width: int) -> pyvips.Image:
    """A picture brought to a size; the centers of pixels keep their places, as in `nearest`.

    Where a side grows, libvips' own resizing would end up half a pixel of the result away.
    """
    across, down = width / image.width, height / image.height
    if min(across, down) < 1:
        image = image.resize(min(across, 1), vscale=min(down, 1), kernel="lanczos3")
    if (image.width, image.height) == (width, height):
        return image
    return image.affine(
        [max(across, 1), 0, 0, max(down, 1)],
        interpolate=pyvips.Interpolate.new("bicubic"),
        idx=0.5,
        idy=0.5,
        odx=-0.5,
        ody=-0.5,
        oarea=[0, 0, width, height],
        extend="copy",
    )


def half_of(image: pyvips.Image, half: Half) -> pyvips.Image:
    """The left or right half of a picture, or all of it."""
    if half == "whole":
        return image
    width = image.width // 2
    return image.crop(width if half == "right" else 0, 0, width, image.height)


def to_kind(image: pyvips.Image, kind: str) -> pyvips.Image:
    """Bring a picture to 8 bits in the color space of its view, on white where it has alpha."""
    colors = kind == "rgb" or image.bands > 2
    image = image.colourspace("srgb" if colors else "b-w")
    if image.hasalpha():
        # After the conversion, because white is 255 in 8 bits only.
        image = image.flatten(background=[255])
    if colors and kind != "rgb":
        # As the runtime does it; libvips's own gray is of linear light.
        image = (
            image.recomb(pyvips.Image.new_from_array([list(LUMA)]))
            .rint()
            .copy(interpretation="b-w")
        )
    return image.cast("uchar")


def label_picture(image: pyvips.Image) -> pyvips.Image:
    """A label picture: colors in 8 bits, or one band of ids in 8 or 16; where it is see-through,
    the first bands count alone.
    """
    if image.hasalpha():
        image = image.extract_band(0, n=image.bands - 1)
    if image.bands == 1:
        # In 8 bits all ids that are too high would be the last one, which may be a label.
        return image if image.format == "uchar" else image.cast("ushort")
    # The upper half of 16 bits: what is above 255 would all be 255.
    return image.cast("uchar", shift=image.format == "ushort")


def nearest(
    pixels: NDArray[np.integer], size: tuple[int, int], step: int | None
) -> NDArray[np.integer]:
    """``(H, W, C)`` brought to (height, width) by the nearest pixel: of labels there is no mean.

    Each pixel is what lies under its own center, ``step`` pixels from one to the next or, without
    it, as many as fit. libvips, in several passes, would end up pixels away from where it puts the
    photographs beside the labels.
    """
    rows, columns = (
        ((np.arange(wanted) + 0.5) * (step or given / wanted)).astype(int).clip(max=given - 1)
        for wanted, given in zip(size, pixels.shape, strict=False)
    )
    return pixels[rows][:, columns]


def label_ids(
    pixels: NDArray[np.integer], count: int, palette: Palette, path: File, exact: bool
) -> Bytes:
    """Ids ``(H, W, 1)`` of a label picture ``(H, W, 1 or 3)``.

    Args:
        pixels: ids, or the colors or grays of the palette.
        count: how many labels there are.
        palette: their colors; empty where pictures hold ids.
        path: of the picture, for what is said of it.
        exact: whether colors must be those of the palette; those that a lossy format changed are
            taken for the nearest one.

    Raises:
        DataError: an id or a color that is none of the labels'.
    """
    highest = int(pixels.max())
    if palette and pixels.shape[2] in (1, 3):
        ids, strange = nearest_labels(pixels, palette)
        if not (exact and strange):
            return ids
        # Pictures of ids may have a palette as well, for what a stack writes to be shown in.
        if pixels.shape[2] == 3 or highest >= count:
            raise DataError(
                f"{path}: has the color {strange}, which is not in the palette; add it to "
                "data.palette, or paint it over"
            )
    if pixels.shape[2] != 1:
        raise DataError(
            f"{path}: labels are in colors; name them in data.palette, or bring pictures of ids"
        )
    if highest >= count:
        advice = f"or labels:{highest + 1} in data.views"
        if highest == 255 and not ((pixels > 0) & (pixels < 255)).any():
            advice = (
                "but the picture is black and white; name the two in data.palette, as "
                "[0, 0, 0] and [255, 255, 255]"
            )
        raise DataError(f"{path}: has the label {highest}; expected ids 0..{count - 1}, {advice}")
    return pixels.astype(np.uint8, copy=False)


def nearest_labels(
    pixels: NDArray[np.integer], palette: Palette
) -> tuple[Bytes, tuple[int, ...] | None]:
    """Ids ``(H, W, 1)`` of the colors of a palette that are nearest to those of a picture ``(H, W,
    1 or 3)``, and one of its colors that is none of them, if any; a gray is of three equal parts.
    """
    # Each color once: a picture has few, and the distances to all of them are many.
    if pixels.shape[2] == 1:
        found, places = np.unique(pixels, return_inverse=True)
        unique = found.astype(np.int64)[:, None].repeat(3, axis=1)
    else:
        # As one number each, which sort a hundred times faster than rows do.
        red, green, blue = np.moveaxis(pixels.astype(np.int32), 2, 0)
        found, places = np.unique(red << 16 | green << 8 | blue, return_inverse=True)
        unique = np.stack([found >> 16, (found >> 8) & 255, found & 255], axis=1)
    distances = ((unique[:, None] - np.asarray(palette, unique.dtype)) ** 2).sum(axis=2)
    strange = unique[distances.min(axis=1) > 0]
    ids = distances.argmin(axis=1).astype(np.uint8)[places.reshape(-1)]
    color = tuple(int(part) for part in strange[0]) if len(strange) else None
    return ids.reshape(*pixels.shape[:2], 1), color


@dataclass(frozen=True)
class Item:
    """One aligned set of views."""

    name: str
    views: Mapping[str, View]
    values: Mapping[str, int | float | Joints] = field(default_factory=dict)
    """Views that are no pictures: classes, angles as floats, keypoints."""

    def check(
        self, aligned: bool, measure: Callable[[View], tuple[int, int]], scale: int = 1
    ) -> None:
        """Read the headers; views that must align are refused when their sizes do not fit.

        ``measure`` gives (height, width) of a view; it may remember those of earlier items.
        ``scale``: pixels of the target on one of the other views, along a side.
        """
        sizes = {name: measure(view) for name, view in self.views.items()}
        if aligned and not sizes_fit(sizes, scale):
            given = ", ".join(f"{name} {width}x{height}" for name, (height, width) in sizes.items())
            path = next(iter(self.views.values())).path
            where = path.shard if isinstance(path, Member) else path.parent.parent
            raise DataError(
                f"pair {self.name!r} has views of different sizes ({given}) in "
                f"{where}; {size_advice(scale)}"
            )


def sizes_fit(sizes: Mapping[str, tuple[int, int]], scale: int) -> bool:
    """Whether views are of one size (height, width), and the target ``scale`` times as large."""
    factors = {name: 1 if name == "target" else scale for name in sizes}
    large = {(factors[name] * size[0], factors[name] * size[1]) for name, size in sizes.items()}
    return len(large) <= 1


def size_advice(scale: int) -> str:
    """What to do about sizes that do not fit."""
    if scale > 1:
        return f"data.scale = {scale} asks for targets {scale} times as large as the other views"
    return "make them the same size (of targets k times as large as the rest, set data.scale = k)"


@dataclass
class Pairs:
    """Items with a bounded cache of decoded views, safe to read from several threads.

    A view that stands in several items, as the pictures of a table of pairs do, is decoded and held
    once for all that are in the cache.

    Args:
        items: in name order.
        cache_bytes: decoded pictures beyond this are decoded again when they are next asked for.
        apart: sets of further views that correspond to none of these items, each drawn from on its
            own.
    """

    items: Sequence[Item]
    cache_bytes: int = 2 << 30
    apart: Sequence[Pairs] = ()
    _cache: OrderedDict[int, dict[str, Bytes]] = field(default_factory=OrderedDict)
    _decoded: WeakValueDictionary[View, Bytes] = field(default_factory=WeakValueDictionary)
    _users: Counter[View] = field(default_factory=Counter)
    """How often each view stands in the cache."""
    _held: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __len__(self) -> int:
        return len(self.items)

    def values(self, index: int) -> Mapping[str, int | float | Joints]:
        """What item ``index`` has beside its pictures: classes, angles as floats, keypoints
        ``(K, 3)``.
        """
        return self.items[index].values

    def load(self, index: int) -> dict[str, Bytes]:
        """Decoded views of item ``index``: name -> ``(H, W, C)`` in 8 bits."""
        with self._lock:
            if index in self._cache:
                self._cache.move_to_end(index)
                return self._cache[index]
            held = {view: self._decoded.get(view) for view in self.items[index].views.values()}
        views: dict[str, Bytes] = {}
        for name, view in self.items[index].views.items():
            pixels = held[view]
            # A view may stand twice in an item.
            views[name] = held[view] = view.decode() if pixels is None else pixels
        with self._lock:
            if index not in self._cache:
                self._cache[index] = views
                self._count(index, views, 1)
                self._decoded.update(
                    {view: views[name] for name, view in self.items[index].views.items()}
                )
            while self._held > self.cache_bytes and len(self._cache) > 1:
                self._count(*self._cache.popitem(last=False), -1)
        return views

    def _count(self, index: int, views: Mapping[str, Bytes], change: int) -> None:
        """Count the memory of an item that comes or goes; views that items share count once."""
        for name, view in self.items[index].views.items():
            before = self._users[view]
            self._users[view] += change
            if not before or not self._users[view]:
                self._held += change * views[name].nbytes


def refuse_namesake(first: Path, second: Path) -> None:
    """DataError of two pictures that share a name but for the extension."""
    raise DataError(f"{first.parent}: {first.name} and {second.name} share a name; keep one")


def list_pictures(
    folder: Path, namesake: Callable[[Path, Path], object] = refuse_namesake
) -> dict[str, Path]:
    """Pictures of a folder by name without extension, in name order.

    Args:
        folder: of the pictures.
        namesake: called with the picture that is listed and another one of its name.

    Raises:
        DataError: the folder is missing or empty, or, unless ``namesake`` is given, one name stands
            for two files.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected a folder of pictures")
    pictures: dict[str, Path] = {}
    for path in pictures_in(folder):
        if pictures.setdefault(path.stem, path) is not path:
            namesake(pictures[path.stem], path)
    if not pictures:
        raise DataError(
            f"{folder}: holds no pictures ({', '.join(sorted(SUFFIXES))}); put some there, or name "
            "another folder"
        )
    return dict(sorted(pictures.items()))


def pictures_in(folder: Path) -> list[Path]:
    """Paths of the pictures of a folder that exists, in name order; two may share a name."""
    return [path for path in seen_in(folder) if path.suffix.lower() in SUFFIXES and path.is_file()]


def folders_in(folder: Path) -> list[Path]:
    """Paths of the folders in a folder that exists, in name order."""
    return [path for path in seen_in(folder) if path.is_dir()]


def seen_in(folder: Path) -> list[Path]:
    """What a folder holds but for what is hidden, which programs leave behind: `._NAME` of macOS,
    which is no picture but ends like one, or `.ipynb_checkpoints`.
    """
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
