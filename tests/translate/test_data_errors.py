"""What is wrong with data is said in one line: which file it is, and what to do."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.photographs import Bytes, window, write_pictures
from tests.pngs import huge_png
from translate.layouts import Reading, find_items
from translate.pairs import DataError, View

PHOTO = window("astronaut", 8, 12)
LABELED = {"source": "labels:2", "target": "rgb"}
BLACK_AND_RED = ((0, 0, 0), (255, 0, 0))


def labels(folder: Path, pixels: Bytes) -> Path:
    """A folder of one pair, and the path of its label picture."""
    write_pictures(folder / "target", {"1.png": PHOTO})
    write_pictures(folder / "source", {"1.png": pixels})
    return folder / "source" / "1.png"


def told(folder: Path, reading: Reading) -> str:
    """What is said when the first item is decoded."""
    [item] = find_items(folder, "views", reading)
    with pytest.raises(DataError) as caught:
        item.views["source"].decode()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_color_that_is_no_label_s(tmp_path: Path) -> None:
    pixels = np.zeros((8, 12, 3), np.uint8)
    pixels[2, 3] = (254, 0, 0)
    file = labels(tmp_path, pixels)
    message = told(tmp_path, Reading(LABELED, palettes={"source": BLACK_AND_RED}))
    assert message.startswith(f"{file}: has the color (254, 0, 0), which is not in the palette; ")
    assert "data.palette" in message
    # What a lossy format changed is taken for the nearest label.
    file.unlink()
    Image.fromarray(pixels).save(file.with_suffix(".jpg"), quality=100, subsampling=0)
    [item] = find_items(tmp_path, "views", Reading(LABELED, palettes={"source": BLACK_AND_RED}))
    assert item.views["source"].decode()[2, 3, 0] == 1


def test_an_id_that_is_no_label(tmp_path: Path) -> None:
    file = labels(tmp_path, np.full((8, 12, 1), 5, np.uint8))
    assert told(tmp_path, Reading(LABELED)) == (
        f"{file}: has the label 5; expected ids 0..1, or labels:6 in data.views"
    )


def test_black_and_white_without_a_palette(tmp_path: Path) -> None:
    mask = np.eye(8, 12, dtype=bool)
    byte = labels(tmp_path / "byte", mask[..., None] * np.uint8(255))
    bit = labels(tmp_path / "bit", PHOTO)
    Image.fromarray(mask).save(bit)
    for file in (byte, bit):
        assert told(file.parent.parent, Reading(LABELED)) == (
            f"{file}: has the label 255; expected ids 0..1, but the picture is black and white; "
            "name the two in data.palette, as [0, 0, 0] and [255, 255, 255]"
        )


GRAYS = np.array([0, 7, 255], np.uint8)[np.indices((8, 12, 1)).sum(axis=0) % 3]


def test_a_gray_beside_black_and_white(tmp_path: Path) -> None:
    file = labels(tmp_path, GRAYS)
    assert told(tmp_path, Reading(LABELED)) == (
        f"{file}: has the label 255; expected ids 0..1, or labels:256 in data.views"
    )
    palette = ((0, 0, 0), (255, 255, 255))
    assert told(tmp_path, Reading(LABELED, palettes={"source": palette})) == (
        f"{file}: has the color (7, 7, 7), which is not in the palette; add it to data.palette, or "
        "paint it over"
    )


def test_colors_without_a_palette(tmp_path: Path) -> None:
    file = labels(tmp_path, PHOTO)
    message = told(tmp_path, Reading(LABELED))
    assert message.startswith(f"{file}: labels are in colors; name them in data.palette")


def test_a_header_that_claims_too_much(tmp_path: Path) -> None:
    write_pictures(tmp_path / "target", {"1.png": PHOTO})
    file = tmp_path / "source" / "1.png"
    file.parent.mkdir()
    file.write_bytes(huge_png())
    said = (
        f"{file}: its header claims 60000x60000 pixels, more than the 100,000,000 that are decoded"
    )
    for read in (View(file, "rgb").size, View(file, "rgb").decode):
        with pytest.raises(DataError) as caught:
            read()
        assert str(caught.value) == said
    with pytest.raises(DataError) as caught:
        find_items(tmp_path, "views", Reading({"source": "rgb", "target": "rgb"}))
    assert str(caught.value) == said


def test_names_that_do_not_match(tmp_path: Path) -> None:
    write_pictures(tmp_path / "A", {"1.png": PHOTO, "2.png": PHOTO})
    write_pictures(tmp_path / "B", {"1.png": PHOTO})
    with pytest.raises(DataError) as caught:
        find_items(tmp_path, "views", Reading({"source": "rgb", "target": "rgb"}))
    assert str(caught.value) == (
        f"{tmp_path / 'B'}: view 'target' has no picture named '2'; every name must stand in each "
        "of: source, target; add it, or remove its partners"
    )


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{tmp_path}: holds no pictures .*; put some there, or"):
        find_items(tmp_path, "targets", Reading({"target": "rgb"}))


@pytest.mark.parametrize("given", ["7", "-1", "wave", ""])
def test_a_class_outside_the_list(tmp_path: Path, given: str) -> None:
    write_pictures(tmp_path, {"1.png": PHOTO})
    table = tmp_path / "pairs.csv"
    table.write_text(f"source,gesture,target\n1.png,fist,1.png\n1.png,{given},1.png\n")
    kinds = {"source": "rgb", "gesture": "class:2", "target": "rgb"}
    reading = Reading(kinds, names={"gesture": ("fist", "palm")}, root=tmp_path)
    with pytest.raises(DataError) as caught:
        find_items(table, "table", reading)
    assert str(caught.value) == (
        f"{table}, line 3: gesture is {given!r}; expected one of fist, palm"
    )


def test_other_folders_than_classes(tmp_path: Path) -> None:
    write_pictures(tmp_path / "fist", {"1.png": PHOTO})
    with pytest.raises(DataError, match=rf"{tmp_path}: has 1 folders; view 'gesture' is of 2"):
        find_items(tmp_path, "classes", Reading({"gesture": "class:2", "target": "rgb"}))
