"""Whatever a file may be called, it can be read and written."""

import os
from pathlib import Path

import numpy as np
import pytest

from export.runtime import images
from export.runtime.images import Picture

NAMES = {
    "as long as may be": "\N{CJK UNIFIED IDEOGRAPH-753B}" * 83 + "ab.png",
    "not UTF-8": os.fsdecode(b"caf\xe9.png"),
    "options of libvips": "photo[page=2].png",
    "a percent": "100%d.png",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_picture_of_any_name_is_written_and_read(tmp_path: Path, name: str):
    path = tmp_path / name
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    try:
        path.touch()
    except OSError:
        pytest.skip("this file system does not take such names")
    images.write(path, Picture(pixels))
    assert images.size_of(path) == (4, 5)
    assert (images.read(path).pixels == pixels).all()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("ending", ["[1]", "[]", "[access=sequential]"])
def test_brackets_at_the_end_belong_to_the_name(tmp_path: Path, ending: str):
    pixels = np.full((4, 5, 3), 9, np.uint8)
    images.write(tmp_path / "photo.png", Picture(pixels))
    # Beside it another one, which would be read if they were taken for options.
    (tmp_path / "photo.png").rename(tmp_path / f"photo.png{ending}")
    images.write(tmp_path / "photo.png", Picture(pixels * 0))
    assert (images.read(tmp_path / f"photo.png{ending}").pixels == pixels).all()
