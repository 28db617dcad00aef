"""What the pictures of a view are: photographs, gray or in color, or label maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyvips

from translate.pairs import Half, half_of, label_picture, open_picture
from translate.pictures import DataError, File, array_of

SAMPLE = 12
"""Pictures of a view that are decoded to tell its kind."""
MOST_READ = 1000
"""Label maps that are decoded for their colors: one that is missed stops the training."""
MOST_LABELS = 64
"""A lossless picture of more values than this is a photograph."""
MOST_TOLD = 4
"""Odd colors that are listed one by one."""
Color = tuple[int, int, int]


@dataclass(frozen=True)
class Found:
    """What a view turned out to be.

    Args:
        kind: as recipes write it.
        palette: of label maps that are drawn in colors.
        read: pictures that were decoded.
        alone: colors of the palette that are in a single picture, with that picture's name.
        names: of classes that are told by name.
    """

    kind: str
    palette: tuple[Color, ...] = ()
    read: int = 0
    alone: Mapping[Color, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @property
    def labels(self) -> bool:
        """Whether its pictures are label maps."""
        return self.kind.startswith("labels:")

    def remarks(self, view: str) -> list[str]:
        """Why the pictures were taken for labels, and what is odd about their colors."""
        if not self.labels:
            return []
        count = self.kind.partition(":")[2]
        what = f"{count} flat colors" if self.palette else f"no gray but 0 to {int(count) - 1}"
        told = [
            f"{view}: {what} in the {self.read} pictures read: taken for labels of {count} "
            f"classes; if they are pictures, add --kind {view}=rgb"
        ]
        told += [
            f"{view}: the color {color} is in {name} alone; if it is a slip, mend the picture and "
            "run this again"
            for color, name in list(self.alone.items())[:MOST_TOLD]
        ]
        if (more := len(self.alone) - MOST_TOLD) > 0:
            told.append(f"{view}: {more} more colors are in one picture each")
        return told


def kind_of(paths: Sequence[File], half: Half = "whole") -> Found:
    """The kind of a view, from some of its pictures.

    Label maps are lossless and of few values: small ids in one band, or a few flat colors. Of what
    looks like them many pictures are read, for a color may be rare.
    """
    values: set[int] | None = set()
    colors: set[Color] | None = set()
    pictures_with: Counter[Color] = Counter()
    first_with: dict[Color, str] = {}
    gray, read = True, 0
    some = spread(paths)
    rest = [path for path in paths if path not in set(some)]
    for path in (some + rest)[:MOST_READ]:
        if read >= SAMPLE and values is None and colors is None:
            break
        read += 1
        image = half_of(label_picture(open_picture(path)), half)
        try:
            pixels = array_of(image)
        except pyvips.Error as error:
            reason = str(error.detail).strip().splitlines()[-1:] or ["damaged"]
            raise DataError(
                f"{path}: cannot be decoded ({reason[0]}); `pixstack check-data` finds every such "
                "file"
            ) from None
        lossless = path.suffix.lower() == ".png"
        if pixels.shape[2] == 1:
            colors = None
            seen = np.unique(pixels)
            few = lossless and len(seen) <= MOST_LABELS and seen.max() < MOST_LABELS
            values = values | {int(value) for value in seen} if values is not None and few else None
        else:
            values = None
            gray = gray and bool((pixels[..., :1] == pixels[..., 1:3]).all())
            if colors is None:
                continue
            own = colors_of(pixels)
            colors = colors | own
            if not lossless or len(colors) > MOST_LABELS:
                colors = None
            for color in own:
                pictures_with[color] += 1
                first_with.setdefault(color, path.name)
    if values and len(values) > 1:
        return Found(f"labels:{max(values) + 1}", read=read)
    if colors and len(colors) > 1:
        alone = {color: first_with[color] for color in sorted(colors) if pictures_with[color] == 1}
        # Of one or two pictures each has colors of its own.
        return Found(
            f"labels:{len(colors)}", tuple(sorted(colors)), read, alone if read > 2 else {}
        )
    return Found("gray" if gray and colors is None else "rgb", read=read)


def colors_of(pixels: np.ndarray) -> set[Color]:
    """The colors of 8-bit pixels: ``(H, W, 3 or more)``; further bands are left out."""
    red, green, blue = (pixels[..., band].astype(np.uint32) for band in range(3))
    # One number a color: its uniques are found many times faster than those of rows.
    packed = np.unique(red << 16 | green << 8 | blue)
    return {(value >> 16, value >> 8 & 255, value & 255) for value in packed.tolist()}


def spread(items: Sequence) -> list:
    """A few items from first to last."""
    step = max(1, len(items) // SAMPLE)
    return list(items[::step])[:SAMPLE]
