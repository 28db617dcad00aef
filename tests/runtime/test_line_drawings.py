"""Line drawings are brought to the paper that a model knows, whichever they were drawn on."""

from pathlib import Path

import numpy as np
import pytest

from export.manifest import Input
from export.runtime import images
from export.runtime.files import read_for
from export.runtime.images import Picture

DRAWN = np.zeros((12, 16, 1), np.uint8)
DRAWN[5] = 200
SEEN = np.where(DRAWN[..., 0] > 0, 255, 0).astype(np.uint8)


def written(folder: Path, picture: Picture) -> Path:
    path = folder / "drawing.png"
    images.write(path, picture)
    return path


@pytest.mark.parametrize("paper", ["white", "black"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("found", ["white", "black"])
def test_lines_are_of_one_color_whatever_they_were_drawn_on(
    tmp_path: Path, paper: str, channels: int, found: str
) -> None:
    drawing = (255 - DRAWN if found == "white" else DRAWN).repeat(channels, axis=2)
    path = written(tmp_path, Picture(drawing))
    read = read_for(Input("source", "gray", range=(0, 1), paper=paper), path)
    assert np.array_equal(read.pixels, 255 - DRAWN if paper == "white" else DRAWN)


def test_black_lines_on_nothing_are_on_white(tmp_path: Path) -> None:
    path = written(tmp_path, Picture(np.zeros((12, 16, 3), np.uint8), SEEN))
    read = read_for(Input("source", "gray", range=(0, 1), paper="black"), path)
    assert np.array_equal(read.pixels[..., 0], SEEN)
    assert read.alpha is None


def test_photographs_stay_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, Picture(255 - DRAWN))
    read = read_for(Input("source", "gray", range=(0, 1)), path)
    assert np.array_equal(read.pixels, 255 - DRAWN)
