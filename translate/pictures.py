"""Pictures, wherever they lie: as files of their own, or as members of a tar.

Their content chooses the loader, never their name. What a tar holds may come from anywhere: its
members are read where they lie, written nowhere, and their names are no paths.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

LOSSY = frozenset({".jpg", ".jpeg", ".webp"})
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"})
MAX_PIXELS = 100_000_000
"""A header that claims more is not decoded, as by the runtime that serves models."""
MAX_BYTES = 2**28
"""A member of a tar that is larger is not read: of so many pixels no picture needs more."""
HEAD = 2**16
"""Bytes of a member that mostly hold its header."""


class DataError(ValueError):
    """A folder, a file or a pair cannot be used; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an uncompressed tar, by its place.

    Args:
        shard: the tar.
        name: of the member there, to be told and grouped by; it is no path.
        offset: of its first byte in the tar.
        size: in bytes.
    """

    shard: Path
    name: str
    offset: int
    size: int

    def __str__(self) -> str:
        return f"{self.shard}:{self.name}"

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return PurePosixPath(self.name).suffix

    def read(self, most: int = MAX_BYTES) -> bytes:
        """The first ``most`` bytes, or all there are.

        Raises:
            DataError: it is too large, or the tar has changed since it was indexed.
        """
        if self.size > MAX_BYTES:
            raise DataError(
                f"{self}: has {self.size:,} bytes, more than the {MAX_BYTES:,} that are read"
            )
        wanted = min(self.size, most)
        try:
            # Opened anew each time: threads share no place in the file, and forks no file.
            with open(self.shard, "rb") as file:
                file.seek(self.offset)
                content = file.read(wanted)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DataError(f"{self}: cannot be read: {reason}") from None
        if len(content) < wanted:
            raise DataError(f"{self}: the tar ends within it; it has changed, or was cut off")
        return content


File = Path | Member
"""Where a picture lies."""

# libvips' class of loader -> the operation that is called by name, which, unlike opening by file
# name, takes no options out of the name. A JPEG with a gain map is read as the JPEG it is.
LOADERS = {
    "VipsForeignLoadJpeg": "jpegload",
    "VipsForeignLoadUhdr": "jpegload",
    "VipsForeignLoadPng": "pngload",
    "VipsForeignLoadWebp": "webpload",
    "VipsForeignLoadTiff": "tiffload",
}


def open_picture(file: File) -> pyvips.Image:
    """A picture whose header was read, upright; its pixels are decoded on demand.

    As in the runtime's reader, the content chooses the loader, among those that decode pixels and
    nothing else: libvips has some that run or fetch what a file tells them to.

    Raises:
        DataError: no such file, none of PNG, JPEG, WebP and TIFF, damaged, or of more than
            `MAX_PIXELS`; of a member of a tar also, that it has more than `MAX_BYTES`.
    """
    if isinstance(file, Member):
        return opened(file, file.read())
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    found = pyvips.vips_lib.vips_foreign_find_load(os.fsencode(file))
    return loaded(file, loader_of(found, "File"), os.fsencode(file))


def content_of(file: File) -> bytes:
    """All bytes of a picture file, undecoded.

    Raises:
        DataError: as `Member.read`.
        OSError: the file cannot be read.
    """
    return file.read() if isinstance(file, Member) else file.read_bytes()


def open_header(file: File) -> pyvips.Image:
    """A picture for its size alone: of a member of a tar no more is read than that takes.

    Raises:
        DataError: as `open_picture`.
    """
    if isinstance(file, Member) and file.size > HEAD:
        try:
            return opened(file, file.read(HEAD))
        except DataError:
            pass  # some formats say their size at the end
    return open_picture(file)


def opened(member: Member, content: bytes) -> pyvips.Image:
    """A member of a tar by its content, or by the beginning of that."""
    found = pyvips.vips_lib.vips_foreign_find_load_buffer(content, len(content))
    loader = loader_of(found, "Buffer")
    return loaded(member, f"{loader}_buffer" if loader else "", content)


def loader_of(found: object, end: str) -> str:
    """The operation of a loader that libvips found, which is of a class that ends so, or ""."""
    name = pyvips.ffi.string(found).decode() if found != pyvips.ffi.NULL else ""
    return LOADERS.get(name.removesuffix(end), "") if name.endswith(end) else ""


def loaded(file: File, loader: str, given: str | bytes) -> pyvips.Image:
    """What an operation makes of a name or a content, if it has no more than `MAX_PIXELS`."""
    if not loader:
        pyvips.vips_lib.vips_error_clear()
        raise DataError(f"{file}: not a readable picture: it holds no PNG, JPEG, WebP or TIFF")
    try:
        image = pyvips.Operation.call(loader, given, fail_on="truncated").autorot()
    except pyvips.Error as error:
        raise DataError(f"{file}: not a readable picture: {first_line(error)}") from None
    if image.width * image.height > MAX_PIXELS:
        raise DataError(too_many_pixels(file, image.width, image.height))
    return image


def too_many_pixels(file: File, width: int, height: int) -> str:
    """What is said of a header that claims too much."""
    return (
        f"{file}: its header claims {width}x{height} pixels, more than the {MAX_PIXELS:,} that "
        "are decoded"
    )


def first_line(error: pyvips.Error) -> str:
    """The first line of what libvips says."""
    lines = str(error.detail or error.message).strip().splitlines()
    return lines[0] if lines else "unknown error"


def array_of(image: pyvips.Image) -> NDArray[Any]:
    """The pixels ``(H, W, C)``; pyvips leaves out axes of length one, of a single pixel all.

    Raises:
        pyvips.Error: it cannot be decoded.
    """
    return np.asarray(image.numpy()).reshape(image.height, image.width, image.bands)
