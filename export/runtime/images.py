"""Picture files <-> arrays, by libvips.

Only loaders that decode pixels and nothing else are used, chosen by a file's content: no SVG, PDF
or script can run or fetch anything. Sizes are checked in the header, before anything is decoded.

Trap: libvips keeps threads, so a process that has used it must not be forked (use threads,
`spawn` or `forkserver`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from export.runtime.errors import ImageError, first_line
from export.runtime.whole import whole_file

MAX_PIXELS = 100_000_000
_PERCEPTUAL = ("lab", "labs", "labq", "lch", "cmc", "xyz", "yxy", "hsv")

# libvips' class of loader -> the operation that is called by name, which, unlike opening by file
# name, takes no options out of the name. A JPEG with a gain map is read as the JPEG it is.
_LOADERS = {
    "VipsForeignLoadJpegFile": "jpegload",
    "VipsForeignLoadUhdrFile": "jpegload",
    "VipsForeignLoadPngFile": "pngload",
    "VipsForeignLoadWebpFile": "webpload",
    "VipsForeignLoadTiffFile": "tiffload",
    "VipsForeignLoadNsgifFile": "gifload",
    "VipsForeignLoadHeifFile": "heifload",
}
_READABLE = "PNG, JPEG, WebP, TIFF, GIF or AVIF"

# Suffix -> (operation, its options, longest side, whether it keeps 16 bits, alpha).
_TIFF = {"compression": "deflate", "predictor": "horizontal"}
# No `optimize_coding` for JPEG: its second pass keeps all coefficients in memory.
_SAVERS: dict[str, tuple[str, dict[str, Any], int, bool, bool]] = {
    ".png": ("pngsave", {"compression": 4}, 2**31 - 1, True, True),
    ".jpg": ("jpegsave", {"subsample_mode": "off"}, 65500, False, False),
    ".webp": ("webpsave", {"smart_subsample": True}, 16383, False, True),
    ".tif": ("tiffsave", _TIFF, 2**31 - 1, True, True),
}
_SAVERS[".jpeg"] = _SAVERS[".jpg"]
_SAVERS[".tiff"] = _SAVERS[".tif"]
_WITH_QUALITY = ("jpegsave", "webpsave")
QUALITY = 95
# Pixels per millimeter. libvips says 1.0 where a file tells nothing, which nobody means.
_UNKNOWN, _USUAL = (1.0, 1.0), (72 / 25.4, 72 / 25.4)


@dataclass(frozen=True)
class Picture:
    """A decoded still picture, upright.

    pixels: (H, W, 1 or 3), uint8, uint16 or float32 (nominally [0, 1]).
    alpha: (H, W) of the same type, or None.
    profile: the ICC profile the pixel values are meant in, or None.
    resolution: (horizontal, vertical) in pixels per millimeter; 72 per inch where none is known.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    profile: bytes | None = None
    resolution: tuple[float, float] = _USUAL


def read(path: str | Path, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture; of an animation the first frame, of a document the first page.

    EXIF orientation is applied. Grey stays grey, 16 bits stay 16 bits; pixel values stay in their
    profile, except that CMYK and Lab become sRGB.

    Raises ImageError where the file is missing, is not a picture, is damaged or cut short, or has
    more than `max_pixels` pixels.
    """
    path = Path(path)
    image = _open(path)
    if image.width < 1 or image.height < 1:
        raise ImageError(f"{path} is an empty picture of {image.width}x{image.height} pixels")
    if image.width * image.height > max_pixels:
        raise ImageError(
            f"{path} has {image.width}x{image.height} pixels, more than the {max_pixels:,} that "
            "are read; make it smaller first"
        )
    try:
        if _orientation(image) > 1:
            # A sequential image is read top to bottom once, which turning it does not.
            image = image.copy_memory().autorot()
        image, profile = _plain_colors(image)
        pixels = to_array(image)
    except pyvips.Error as error:
        raise ImageError(f"{path} is damaged or cut short: {_reason(error)}") from None
    if pixels.dtype == np.float64:
        pixels = pixels.astype(np.float32)
    alpha = None
    if pixels.shape[2] in (2, 4):
        alpha, pixels = pixels[:, :, -1], pixels[:, :, :-1]
    resolution = (image.xres, image.yres)
    return Picture(pixels, alpha, profile, _USUAL if resolution == _UNKNOWN else resolution)


def size_of(path: str | Path) -> tuple[int, int]:
    """(height, width) of a picture file as `read` gives it, upright, from its header alone.

    Raises ImageError where the file is missing or is no picture that can be read.
    """
    image = _open(Path(path))
    if _orientation(image) >= _TURNED:
        return image.width, image.height
    return image.height, image.width


def memory_of(path: str | Path) -> int:
    """Bytes that a picture file takes when it is decoded, from its header alone.

    Raises ImageError as `size_of`.
    """
    image = _open(Path(path))
    return image.width * image.height * image.bands * _BYTES.get(str(image.format), _MOST_BYTES)


def stored_as(path: str | Path) -> tuple[str, str]:
    """How a picture file keeps its pixels, from its header alone: "tiff" or another format, and
    libvips' name of their type, as "uchar" or "float".

    Raises ImageError as `size_of`.
    """
    image = _open(Path(path))
    return str(image.get("vips-loader")).removesuffix("load"), str(image.format)


def is_finite(path: str | Path) -> bool:
    """Whether all values of a picture file are numbers, and finite; it is never held as a whole.

    Raises ImageError as `size_of`, or where the file is damaged.
    """
    try:
        # Nothing of what is no number, or infinite, is 0; a mean of such libvips cannot tell.
        nothing = _open(Path(path)).linear([0], [0]).relational_const("equal", [0])
        return nothing.min() == 255
    except pyvips.Error as error:
        raise ImageError(f"{path} is damaged or cut short: {_reason(error)}") from None


def check_target(path: str | Path, height: int, width: int) -> None:
    """Raise ImageError now, before any work, where a picture of that size cannot be written."""
    path = Path(path)
    if path.suffix.lower() not in _SAVERS:
        raise ImageError(
            f"cannot write {path.name!r}: unknown suffix {path.suffix!r}; "
            f"use one of {', '.join(_SAVERS)}"
        )
    if not path.parent.is_dir():
        raise ImageError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise ImageError(f"cannot write {path}: it is a folder")
    longest = _SAVERS[path.suffix.lower()][2]
    if max(height, width) > longest:
        raise ImageError(
            f"cannot write {path.name}: {width}x{height} pixels, but {path.suffix} holds at most "
            f"{longest} a side; use .png or .tif"
        )


def check_quality(quality: int) -> None:
    """Raise ImageError where JPEG and WebP know no such quality."""
    if not 1 <= quality <= 100:
        raise ImageError(f"quality is {quality}; expected 1 to 100")


def write(
    path: str | Path,
    picture: Picture,
    quality: int = QUALITY,
    stop: Callable[[], None] | None = None,
) -> None:
    """Write a picture; the format follows the suffix (.png, .jpg, .webp, .tif).

    The file appears complete or not at all, also where the process is interrupted. JPEG is written
    as 4:4:4 and, like WebP, with `quality` 1..100 and 8 bits; JPEG has no alpha, so transparent
    parts become white. Floats are written as 16 bits, in TIFF as floats.

    stop: called before the finished file is moved into place; what it raises leaves no file.

    Raises ImageError as `check_target`, or where the disk does not take the file.
    """
    path = Path(path)
    height, width = picture.pixels.shape[:2]
    check_target(path, height, width)
    suffix = path.suffix.lower()
    operation, options, _, deep, has_alpha = _SAVERS[suffix]
    if operation in _WITH_QUALITY:
        options = {**options, "Q": quality}
    if operation == "tiffsave":
        options = {**options, "bigtiff": picture.pixels.nbytes > 3 * 2**30}
        if picture.pixels.dtype == np.float32:
            options["predictor"] = "float"
    try:
        image = _image(picture, deep, keep_floats=operation == "tiffsave")
        if image.hasalpha() and not has_alpha:
            image = image.flatten(background=[255])
        with whole_file(path) as temporary:
            # The image is made here, so this EXIF holds nothing but the resolution.
            getattr(image, operation)(os.fsencode(temporary), keep="icc|exif", **options)
            if stop is not None:
                stop()
    except pyvips.Error as error:
        raise ImageError(f"cannot write {path}: {_reason(error)}") from None
    except OSError as error:
        raise ImageError(f"cannot write {path}: {error.strerror}") from None


def largest(dtype: np.dtype) -> int:
    """What white is, and an alpha that nothing shows through."""
    return 1 if dtype.kind == "f" else int(np.iinfo(dtype).max)


def resize(
    pixels: np.ndarray, height: int, width: int, kernel: str = "cubic", floats: bool = False
) -> np.ndarray:
    """Resize (H, W) or (H, W, C) pixels of any type to `height` x `width`.

    kernel: "cubic", or "nearest" for label ids, each of which is what lies under the center of its
        pixel. Cubic reductions average over the area that a new pixel covers.
    floats: of cubic resizing, float32 in place of the type given: nothing is rounded. The whole
        picture is never held as floats.
    """
    if kernel == "nearest":
        # As in training. libvips, in several passes, would end up pixels away from there.
        rows, columns = (
            ((np.arange(wanted) + 0.5) * (given / wanted)).astype(int).clip(max=given - 1)
            for wanted, given in zip((height, width), pixels.shape, strict=False)
        )
        return pixels[rows][:, columns]
    if pixels.shape[:2] == (height, width):
        return pixels.astype(np.float32, copy=False) if floats else pixels
    image = from_array(pixels)
    resized = to_array(brought_to(image.cast("float") if floats else image, height, width))
    return resized.reshape(height, width, *pixels.shape[2:])


def resized_bands(
    pixels: np.ndarray, height: int, width: int, rows: int
) -> Iterator[tuple[int, np.ndarray]]:
    """What `resize` makes of floats (H, W, C), a few rows at a time, with the first row of each."""
    image = brought_to(from_array(pixels), height, width)
    for row in range(0, height, rows):
        yield row, to_array(image.crop(0, row, width, min(rows, height - row)))


def brought_to(image: pyvips.Image, height: int, width: int) -> pyvips.Image:
    """The image at that size, lazily; the centers of pixels keep their places.

    Where a side grows, libvips' own resizing would end up half a pixel of the result away.
    """
    across, down = width / image.width, height / image.height
    if min(across, down) < 1:
        image = image.resize(min(across, 1), vscale=min(down, 1), kernel="cubic")
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
        # A row that libvips' rounding of the size left out is repeated, too.
        extend="copy",
    )


def _open(path: Path) -> pyvips.Image:
    """The lazily decoded image; nothing but its header has been read."""
    if not path.is_file():
        raise ImageError(f"there is no file {path}")
    # As bytes, for a name need not be UTF-8. libvips looks for [options] at the end, where those
    # of a file's own name may stand: it finds these in their place.
    found = pyvips.vips_lib.vips_foreign_find_load(os.fsencode(path) + b"[]")
    loader = pyvips.ffi.string(found).decode() if found != pyvips.ffi.NULL else ""
    if loader not in _LOADERS:
        pyvips.vips_lib.vips_error_clear()
        raise ImageError(f"{path} is not a picture that can be read; expected {_READABLE}")
    try:
        image = _load(loader, path)
    except pyvips.Error as error:
        raise ImageError(f"{path} cannot be read: {_reason(error)}") from None
    if image.get_typeof("heif-compression") and image.get("heif-compression") == "hevc":
        # A decoder that may be missing: found out now, before anybody counts on the file.
        try:
            _load(loader, path).crop(0, 0, 1, 1).avg()
        except pyvips.Error:
            raise ImageError(
                f"{path} is compressed by HEVC, as HEIC photos of phones are, which cannot be read "
                f"here; save it as JPEG first (expected {_READABLE})"
            ) from None
    _check_samples(image, path)
    return image


def _load(loader: str, path: Path) -> pyvips.Image:
    return pyvips.Operation.call(
        # Without `revalidate` libvips may answer from its cache after the file has changed.
        _LOADERS[loader],
        os.fsencode(path),
        access="sequential",
        fail_on="error",
        revalidate=True,
    )


def _orientation(image: pyvips.Image) -> int:
    """The EXIF orientation, 1 (upright) to 8."""
    value = image.get("orientation") if image.get_typeof("orientation") else 1
    return value if isinstance(value, int) else 1


def _check_samples(image: pyvips.Image, path: Path) -> None:
    """Refuse what has no gray, RGB, CMYK or perceptual colors, before anything is decoded."""
    inks = image.interpretation == "cmyk"
    if image.bands > (5 if inks else 4):
        # A TIFF may claim thousands.
        raise ImageError(f"{path} has {image.bands} channels; expected grey or RGB")
    if image.format not in _BYTES and not (inks or image.interpretation in _PERCEPTUAL):
        raise ImageError(
            f"{path} has samples of the type {image.format}; expected 8 or 16 bits or floats"
        )


def _plain_colors(image: pyvips.Image) -> tuple[pyvips.Image, bytes | None]:
    """The image as grey or RGB, with or without alpha, and the profile it is in."""
    found = image.get("icc-profile-data") if image.get_typeof("icc-profile-data") else None
    if image.interpretation == "cmyk":
        # libvips falls back to its own CMYK profile where the file has none.
        deep = image.format == "ushort"
        return image.icc_transform("srgb", embedded=True, depth=16 if deep else 8), None
    if image.interpretation in _PERCEPTUAL:
        return image.colourspace("srgb"), None
    return image, bytes(found) if isinstance(found, bytes) else None


def _image(picture: Picture, deep: bool, keep_floats: bool) -> pyvips.Image:
    """A libvips image over the picture's memory, in a type that the format can hold."""
    pixels, alpha = picture.pixels, picture.alpha
    image = from_array(pixels)
    if alpha is not None:
        image = image.bandjoin(from_array(np.ascontiguousarray(alpha)))
    bits = {"uchar": 8, "ushort": 16}.get(str(image.format))
    if bits is None and not keep_floats:
        image = (image * 65535).rint().cast("ushort")
        bits = 16
    if bits == 16 and not deep:
        image = (image / 257).rint().cast("uchar")
        bits = 8
    gray = pixels.shape[2] == 1
    spaces = {8: ("srgb", "b-w"), 16: ("rgb16", "grey16"), None: ("scrgb", "b-w")}
    image = image.copy(
        interpretation=spaces[bits][gray],
        xres=picture.resolution[0],
        yres=picture.resolution[1],
    )
    if picture.profile is not None:
        # `copy` made the image ours, so that metadata may be set on it.
        kind = pyvips.GValue.blob_type
        image.set_type(kind, "icc-profile-data", picture.profile)  # pyright: ignore[reportArgumentType]
    return image


_TURNED = 5  # EXIF orientations from here on lie on their side
_BYTES, _MOST_BYTES = {"uchar": 1, "ushort": 2, "float": 4, "double": 8}, 16  # a sample
_FORMATS = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}


def from_array(array: np.ndarray) -> pyvips.Image:
    """A libvips image that shares the array's memory (which may be a memory-mapped file)."""
    height, width = array.shape[:2]
    bands = array.shape[2] if array.ndim == 3 else 1
    array = np.ascontiguousarray(array)
    return pyvips.Image.new_from_memory(
        array.data.cast("B"), width, height, bands, _FORMATS[array.dtype.name]
    )


def to_array(image: pyvips.Image) -> np.ndarray:
    """The pixels (H, W, C); pyvips leaves out axes of length one."""
    return image.numpy().reshape(image.height, image.width, image.bands)


def _reason(error: pyvips.Error) -> str:
    """What libvips says happened, without the operation it happened in."""
    detail = error.detail.strip() if error.detail else ""
    return first_line(ValueError(detail)) if detail else first_line(error)
