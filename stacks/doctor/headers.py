"""What a picture's header says: its size and how its pixels are kept. Nothing is decoded."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import (
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from stacks.doctor.findings import Finding
from stacks.doctor.threads import Progress, in_threads
from translate.pictures import (
    HEAD,
    MAX_PIXELS,
    DataError,
    File,
    Member,
    open_header,
    too_many_pixels,
)

FORMATS = tuple(
    # Pillow knows a format once its module is imported, which these names are for.
    module.__name__.removeprefix("PIL.").removesuffix("ImagePlugin").upper()
    for module in (JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
)
CHUNK = 64
"""Files that a thread takes at a time: reading one header takes it a tenth of a millisecond."""
ORIENTATION = 274
"""The tag that says how a camera was held (EXIF 2.32, section 4.6.4)."""

_MODES = {
    "1": "gray 1 bit",
    "L": "gray 8 bit",
    "LA": "gray with alpha 8 bit",
    "P": "palette 8 bit",
    "PA": "palette with alpha 8 bit",
    "RGB": "rgb 8 bit",
    "RGBA": "rgb with alpha 8 bit",
    "RGBX": "rgb with alpha 8 bit",
    "CMYK": "cmyk 8 bit",
    "I;16": "gray 16 bit",
    "I;16B": "gray 16 bit",
    "I": "gray 32 bit",
    "F": "gray 32 bit float",
}


@dataclass(frozen=True, slots=True)
class Header:
    """Height and width in pixels, upright, and what the pixels are: ``rgb 8 bit``."""

    height: int
    width: int
    mode: str


def read_headers(
    paths: Sequence[File], workers: int, progress: Progress
) -> dict[File, Header | DataError]:
    """The header of each file, or what is wrong with it."""
    with bombs_expected():
        headers = in_threads(header_or_fault, paths, workers, CHUNK, progress)
        return dict(zip(paths, headers, strict=True))


@contextmanager
def bombs_expected() -> Iterator[None]:
    """Large pictures are judged here, by `MAX_PIXELS`, and not by Pillow's warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def header_or_fault(path: File) -> Header | DataError:
    """The header of a file, or what is wrong with it."""
    try:
        header = read_header(path)
    except DataError as error:
        return error
    if header.height * header.width > MAX_PIXELS:
        return DataError(too_many_pixels(path, header.width, header.height))
    return header


def read_header(path: File) -> Header:
    """The header of a file.

    By Pillow, which reads it ten times as fast as libvips does; where it cannot, or what it says
    is not enough, by libvips, whose word counts: it is what training reads pictures with.

    Raises:
        DataError: no such file, or no picture that training reads.
    """
    try:
        start = io.BytesIO(path.read(HEAD)) if isinstance(path, Member) else path
        with Image.open(start, formats=FORMATS) as picture:
            # Pillow calls the pixels of a 16-bit RGB file by the 8 bits it would reduce them to.
            raw = str(picture.tile[0][3]) if picture.tile else ""
            mode = _MODES.get(picture.mode)
            if mode is not None and "transparency" in picture.info and "alpha" not in mode:
                # A color of a palette, or of all, that is see-through.
                mode = mode.replace(" ", " with alpha ", 1)
            width, height = picture.size
            turned = orientation(picture) >= 5
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, UnidentifiedImageError):
        return header_by_libvips(path)
    if mode is None or not width or not height:
        return header_by_libvips(path)
    if ";16" in raw:
        mode = re.sub(r"\d+ bit", "16 bit", mode)
    return Header(width, height, mode) if turned else Header(height, width, mode)


def orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8: from 5 on, height and width change places."""
    # Of a PNG, `getexif` would decode the pixels to look behind them.
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1
    value = picture.getexif().get(ORIENTATION, 1)
    return value if isinstance(value, int) else 1


def header_by_libvips(path: File) -> Header:
    """As libvips reads it."""
    image = open_header(path)
    alpha = image.hasalpha()
    bands = image.bands - alpha
    colors = {1: "gray", 3: "rgb", 4: "cmyk"}.get(bands, f"{bands} bands")
    depth = {"uchar": "8 bit", "ushort": "16 bit", "float": "32 bit float"}
    bits = depth.get(str(image.format), str(image.format))
    return Header(image.height, image.width, f"{colors}{' with alpha' if alpha else ''} {bits}")


def unreadable(
    headers: Mapping[File, Header | DataError], entries: Mapping[File, Sequence[int]]
) -> list[Finding]:
    """Files whose header cannot be read."""
    return [
        Finding(
            "unreadable",
            "error",
            str(fault).removeprefix(f"{path}: "),
            "replace the file, or leave it out with its partners",
            str(path),
            tuple(entries[path]),
        )
        for path, fault in headers.items()
        if isinstance(fault, DataError)
    ]
