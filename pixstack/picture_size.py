"""How large a picture is, from its header alone."""

from __future__ import annotations

from pathlib import Path

from export.runtime import images
from export.runtime.errors import ImageError

_TURNED = 5  # EXIF orientations from here on lie on their side


def size_of(path: Path) -> tuple[int, int]:
    """The (width, height) of a picture file as it is seen, upright; no pixel is decoded.

    Raises:
        ImageError: the file is missing or is no picture that can be read.
    """
    if not path.is_file():
        raise ImageError(f"there is no file {path}")
    # The runtime's own opening takes only loaders that are safe with files from strangers.
    header = images._open(path)
    width, height = int(header.width), int(header.height)
    if header.get_typeof("orientation") and int(str(header.get("orientation"))) >= _TURNED:
        return height, width
    return width, height
