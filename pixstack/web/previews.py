"""The two pictures of the before/after slider: of one size, and small enough for any browser."""

from __future__ import annotations

from pathlib import Path

import pyvips

from export.runtime import images
from export.runtime.errors import ImageError, first_line

LONGEST_SIDE = 2048  # pixels; browsers choke on pictures of ten thousand


def write_previews(
    source: Path | None, result: Path, folder: Path
) -> tuple[Path | None, Path, bool]:
    """Write `before.png`, where there is a source, and `after.png` into `folder`.

    The source is enlarged (bicubic) to the size of the result, and both are reduced together
    where the result is longer than `LONGEST_SIDE`.

    Args:
        source: the picture that was uploaded; None where the result was drawn from noise.
        result: the picture that was made of it.
        folder: an existing folder.

    Returns:
        the two files, and whether they are smaller than the result.

    Raises:
        ImageError: a file cannot be read or written.
    """
    files = folder / "before.png", folder / "after.png"
    named = [path for path in (source, result) if path]
    try:
        whole = pyvips.Image.new_from_file(str(result), access="sequential")
        reduced = max(whole.width, whole.height) > LONGEST_SIDE
        after = pyvips.Image.thumbnail(
            str(result), LONGEST_SIDE, height=LONGEST_SIDE, size="down", no_rotate=True
        )
        previews = {files[1]: after}
        shown = source and _display_values(source, folder)
        if shown:
            previews[files[0]] = _brought_to(shown, after.height, after.width)
        for file, picture in previews.items():
            # Light compression: the files travel to the browser once.
            _to_screen(picture).pngsave(str(file), compression=2)
        if shown and shown != source:
            shown.unlink()
    except (pyvips.Error, ImageError) as error:
        reason = first_line(ValueError(getattr(error, "detail", error)))
        # The names alone: the page shows no folder of the server.
        for file in (*named, *files):
            reason = reason.replace(str(file), file.name)
        names = " and ".join(path.name for path in named)
        raise ImageError(f"No previews of {names} can be made: {reason}") from None
    return files[0] if source else None, files[1], reduced


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
    """The source, or a copy as the runtime reads it of one that libvips would show otherwise.

    It takes floats for linear light, where to the runtime they are values as they are shown, and
    inks to colors another way when it reduces.
    """
    given = pyvips.Image.new_from_file(str(source))
    if given.format not in ("float", "double") and given.interpretation != "cmyk":
        return source
    copy = folder / "shown.png"
    images.write(copy, images.read(source))
    return copy


def _to_screen(picture: pyvips.Image) -> pyvips.Image:
    """8-bit RGB or gray; profiles and alpha stay."""
    if picture.interpretation in ("rgb16", "grey16"):
        return picture.colourspace("srgb" if picture.interpretation == "rgb16" else "b-w")
    return picture
