"""The two pictures of the before/after slider: of one size, and small enough for any browser."""

from __future__ import annotations

from pathlib import Path

import pyvips

from export.runtime import images
from export.runtime.errors import ImageError, first_line

LONGEST_SIDE = 2048  # pixels; browsers choke on pictures of ten thousand


def write_previews(source: Path, result: Path, folder: Path) -> tuple[Path, Path, bool]:
    """Write `before.png` and `after.png` into `folder`.

    The source is enlarged (bicubic) to the size of the result, and both are reduced together
    where the result is longer than `LONGEST_SIDE`.

    Args:
        source: the picture that was uploaded.
        result: the picture that was made of it.
        folder: an existing folder.

    Returns:
        the two files, and whether they are smaller than the result.

    Raises:
        ImageError: a file cannot be read or written.
    """
    files = folder / "before.png", folder / "after.png"
    try:
        whole = pyvips.Image.new_from_file(str(result), access="sequential")
        reduced = max(whole.width, whole.height) > LONGEST_SIDE
        after = pyvips.Image.thumbnail(
            str(result), LONGEST_SIDE, height=LONGEST_SIDE, size="down", no_rotate=True
        )
        shown = _display_values(source, folder)
        before = _brought_to(shown, after.height, after.width)
        for picture, file in zip((before, after), files, strict=True):
            # Light compression: the files travel to the browser once.
            _to_screen(picture).pngsave(str(file), compression=2)
        if shown != source:
            shown.unlink()
    except (pyvips.Error, ImageError) as error:
        reason = first_line(ValueError(getattr(error, "detail", error)))
        # The names alone: the page shows no folder of the server.
        for file in (source, result, *files):
            reason = reason.replace(str(file), file.name)
        raise ImageError(
            f"No previews of {source.name} and {result.name} can be made: {reason}"
        ) from None
    return *files, reduced


def _brought_to(file: Path, height: int, width: int) -> pyvips.Image:
    """The picture of a file, upright, at that size."""
    given = images.size_of(file)
    grows = given[0] < height and given[1] < width
    # Where it grows it is loaded as it is, for libvips moves what it enlarges.
    size = "down" if grows else "force"
    picture = pyvips.Image.thumbnail(str(file), width, height=height, size=size)
    if not grows:
        return picture
    if not picture.hasalpha():
        return images.brought_to(picture, height, width)
    # What cannot be seen has no color to lend to what stands beside it.
    grown = images.brought_to(picture.premultiply(), height, width)
    return grown.unpremultiply().rint().cast(picture.format)


def _display_values(source: Path, folder: Path) -> Path:
    """The source, or a copy in 16 bits of one that holds floats.

    libvips takes floats for linear light; to the runtime they are values as they are shown.
    """
    if pyvips.Image.new_from_file(str(source)).format not in ("float", "double"):
        return source
    copy = folder / "shown.png"
    images.write(copy, images.read(source))
    return copy


def _to_screen(picture: pyvips.Image) -> pyvips.Image:
    """8-bit RGB or gray; profiles and alpha stay."""
    if picture.interpretation in ("rgb16", "grey16"):
        return picture.colourspace("srgb" if picture.interpretation == "rgb16" else "b-w")
    return picture
