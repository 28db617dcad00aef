"""Aligned files: the three layouts, and what is wrong with a folder or a file."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from export.runtime.feeds import PictureFeed
from export.runtime.tiles import Box
from tests.photographs import window, write_pictures
from translate.layouts import Reading, find_items
from translate.pairs import SUFFIXES, DataError, View, list_pictures
from translate.shards import is_shards
from translate.view_names import view_folders

RGB = {"source": "rgb", "target": "rgb"}
PHOTO = window("astronaut", 24, 32)
OTHER = window("coffee", 24, 32)


def test_one_folder_of_targets(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"b.png": PHOTO, "a.PNG": OTHER, "10.webp": PHOTO})
    (tmp_path / "notes.txt").write_text("not a picture by its name")
    (tmp_path / "folder.png").mkdir()
    items = find_items(tmp_path, "targets", Reading({"target": "rgb"}))
    assert [item.name for item in items] == ["10", "a", "b"]
    assert (items[1].views["target"].decode() == OTHER).all()
    assert items[1].views["target"].size() == (24, 32)


@pytest.mark.parametrize("kind", ["gray", "rgb", "labels:9"])
def test_a_single_pixel_is_a_picture(tmp_path: Path, kind: str) -> None:
    write_pictures(tmp_path, {"1.png": np.full((1, 1, 3 if kind == "rgb" else 1), 7, np.uint8)})
    pixels = View(tmp_path / "1.png", kind).decode()
    assert pixels.tolist() == [[[7] * (3 if kind == "rgb" else 1)]]


def test_what_programs_leave_hidden_is_no_data(tmp_path: Path) -> None:
    for view in ("source", "target"):
        write_pictures(tmp_path / view, {"1.png": PHOTO})
        (tmp_path / view / "._1.png").write_bytes(b"\0\5\x16\7 of macOS, and no picture")
        write_pictures(tmp_path / view / ".ipynb_checkpoints", {"1-checkpoint.png": PHOTO})
    write_pictures(tmp_path / ".A", {"1.png": OTHER})
    [item] = find_items(tmp_path, "views", Reading(RGB))
    assert item.name == "1"
    assert (item.views["source"].decode() == PHOTO).all()
    assert list(view_folders(tmp_path)) == ["source", "target"]
    (tmp_path / "tars").mkdir()
    (tmp_path / "tars" / "._a.tar").write_bytes(b"no tar")
    assert not is_shards(tmp_path / "tars")


@pytest.mark.parametrize("folders", [("source", "target"), ("A", "B"), ("A", "target")])
def test_one_folder_a_view(tmp_path: Path, folders: tuple[str, str]) -> None:
    write_pictures(tmp_path / folders[0], {"1.png": PHOTO, "2.png": OTHER})
    write_pictures(tmp_path / folders[1], {"2.tif": PHOTO[..., :1], "1.png": OTHER})
    items = find_items(tmp_path, "views", Reading({"source": "rgb", "target": "gray"}))
    assert [item.name for item in items] == ["1", "2"]
    assert list(items[0].views) == ["source", "target"]
    assert (items[0].views["source"].decode() == PHOTO).all()
    assert items[1].views["target"].decode().shape == (24, 32, 1)
    assert (items[1].views["target"].decode() == PHOTO[..., :1]).all()


def test_a_folder_of_the_full_name_goes_before_the_letter(tmp_path: Path) -> None:
    for folder, photo in (("source", PHOTO), ("A", OTHER), ("target", OTHER)):
        write_pictures(tmp_path / folder, {"1.png": photo})
    [item] = find_items(tmp_path, "views", Reading(RGB))
    assert (item.views["source"].decode() == PHOTO).all()


def test_three_views(tmp_path: Path) -> None:
    for folder in ("source", "depth", "target"):
        write_pictures(tmp_path / folder, {"1.png": PHOTO})
    [item] = find_items(
        tmp_path, "views", Reading({"source": "rgb", "depth": "gray", "target": "rgb"})
    )
    assert {name: view.decode().shape[2] for name, view in item.views.items()} == {
        "source": 3, "depth": 1, "target": 3
    }  # fmt: skip


@pytest.mark.parametrize("swap", [False, True])
def test_side_by_side(tmp_path: Path, swap: bool) -> None:
    left, right = PHOTO, OTHER
    write_pictures(tmp_path, {"1.png": np.concatenate([left, right], axis=1)})
    [item] = find_items(tmp_path, "side-by-side", Reading(RGB, swap=swap))
    source, target = (right, left) if swap else (left, right)
    assert (item.views["source"].decode() == source).all()
    assert (item.views["target"].decode() == target).all()
    assert item.views["source"].size() == (24, 32)


def test_reduction_when_decoding_is_a_box_average(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"1.png": np.concatenate([PHOTO, OTHER], axis=1)})
    [item] = find_items(tmp_path, "side-by-side", Reading(RGB, reduce=2))
    boxes = OTHER.reshape(12, 2, 16, 2, 3).astype(float).mean(axis=(1, 3))
    decoded = item.views["target"].decode()
    assert item.views["target"].size() == decoded.shape[:2] == (12, 16)
    # Rounded once along each side.
    assert np.abs(decoded - boxes).max() <= 1


@pytest.mark.parametrize("reduce", [2, 3, 4, 5, 8])
def test_the_size_told_before_decoding_is_the_size_decoded(tmp_path: Path, reduce: int) -> None:
    write_pictures(tmp_path, {"1.png": PHOTO[:13, :21]})
    view = View(tmp_path / "1.png", "rgb", "whole", reduce)
    assert view.size() == view.decode().shape[:2]


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    wide = (PHOTO[..., 0].astype(np.uint16) << 8) | 0x40
    Image.fromarray(wide).save(tmp_path / "1.png")
    decoded = View(tmp_path / "1.png", "gray").decode()
    assert np.abs(decoded[..., 0].astype(int) - PHOTO[..., 0]).max() <= 1


COLORS = ((0, 0, 0), (128, 0, 0), (255, 0, 0), (250, 250, 50))


@pytest.mark.parametrize("low", [0, 0x40, "high"])
def test_label_colors_of_sixteen_bits_are_those_of_their_upper_eight(
    tmp_path: Path, low: int | str
) -> None:
    ids = np.random.default_rng(0).integers(0, 4, (8, 12))
    high = np.array(COLORS, np.uint16)[ids]
    # As a program writes them that keeps white at 65535, and others.
    wide = (high << 8) | (high if low == "high" else np.uint16(low))
    pyvips.Image.new_from_array(wide, interpretation="rgb16").write_to_file(str(tmp_path / "1.png"))
    decoded = View(tmp_path / "1.png", "labels:4", palette=COLORS).decode()
    assert decoded.dtype == np.uint8
    assert (decoded[..., 0] == ids).all()


@pytest.mark.parametrize("highest", [255, 256, 40000])
def test_ids_of_sixteen_bits_are_not_cut_off(tmp_path: Path, highest: int) -> None:
    ids = np.full((8, 12), 3, np.uint16)
    ids[2, 5] = highest
    Image.fromarray(ids).save(tmp_path / "1.png")
    view = View(tmp_path / "1.png", "labels:256")
    if highest == 255:
        assert view.decode().dtype == np.uint8
        assert (view.decode()[..., 0] == ids).all()
    else:
        with pytest.raises(DataError, match=rf"has the label {highest}; expected ids 0\.\.255"):
            view.decode()


def test_what_is_transparent_shows_white(tmp_path: Path) -> None:
    alpha = np.full((24, 32, 1), 255, np.uint8)
    alpha[:, :16] = 0
    Image.fromarray(np.concatenate([PHOTO, alpha], axis=2)).save(tmp_path / "8.png")
    wide = np.concatenate([PHOTO, alpha], axis=2).astype(np.uint16) * 257
    pyvips.Image.new_from_array(wide, interpretation="rgb16").write_to_file(
        str(tmp_path / "16.png")
    )
    for name in ("8.png", "16.png"):
        decoded = View(tmp_path / name, "rgb").decode()
        assert decoded.shape == (24, 32, 3)
        assert (decoded[:, :16] == 255).all(), name
        assert (decoded[:, 16:] == PHOTO[:, 16:]).all(), name


def test_a_photograph_lies_as_its_camera_was_held(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise by a quarter
    Image.fromarray(PHOTO).save(tmp_path / "1.png", exif=exif)
    view = View(tmp_path / "1.png", "rgb")
    assert view.size() == (32, 24)
    assert (view.decode() == np.rot90(PHOTO, -1)).all()


def test_pictures_of_a_palette_and_of_one_bit(tmp_path: Path) -> None:
    Image.fromarray(PHOTO).quantize(8).save(tmp_path / "palette.png")
    expected = np.asarray(Image.open(tmp_path / "palette.png").convert("RGB"))
    assert (View(tmp_path / "palette.png", "rgb").decode() == expected).all()
    checks = np.indices((8, 8)).sum(axis=0) % 2 == 0
    Image.fromarray(checks).save(tmp_path / "bits.png")
    decoded = View(tmp_path / "bits.png", "gray").decode()
    assert (decoded[..., 0] == np.where(checks, 255, 0)).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".JPG"])
def test_every_suffix_that_is_listed_can_be_read(tmp_path: Path, suffix: str) -> None:
    write_pictures(tmp_path, {f"1{suffix}": PHOTO})
    [item] = find_items(tmp_path, "targets", Reading({"target": "rgb"}))
    assert suffix.lower() in SUFFIXES
    # Lossy formats come near.
    assert np.abs(item.views["target"].decode().astype(float) - PHOTO).mean() < 8


def test_every_suffix_is_tried_above() -> None:
    assert {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"} == SUFFIXES


def test_a_missing_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone: no such folder; expected a folder of pictures"):
        list_pictures(tmp_path / "gone")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"holds no pictures \(\.jpeg, \.jpg, "):
        find_items(tmp_path, "targets", Reading({"target": "rgb"}))
    with pytest.raises(DataError, match="source: no such folder"):
        find_items(tmp_path, "views", Reading(RGB))


def test_two_files_of_one_name(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"1.png": PHOTO, "1.jpg": PHOTO})
    with pytest.raises(DataError, match=r"1\.jpg and 1\.png share a name; keep one"):
        list_pictures(tmp_path)


def test_names_without_a_partner(tmp_path: Path) -> None:
    write_pictures(tmp_path / "A", {"1.png": PHOTO, "2.png": PHOTO, "3.png": PHOTO})
    write_pictures(tmp_path / "B", {"1.png": PHOTO, "4.png": PHOTO})
    with pytest.raises(DataError, match="view 'source' has no picture named '4'; every name"):
        find_items(tmp_path, "views", Reading(RGB))
    (tmp_path / "B" / "4.png").unlink()
    with pytest.raises(DataError, match="view 'target' has no picture named '2' and 1 more; "):
        find_items(tmp_path, "views", Reading(RGB))


def test_a_pair_of_different_sizes(tmp_path: Path) -> None:
    write_pictures(tmp_path / "A", {"1.png": PHOTO, "odd.png": PHOTO})
    write_pictures(tmp_path / "B", {"1.png": OTHER, "odd.png": OTHER[:20]})
    with pytest.raises(DataError, match=r"pair 'odd' .*source 32x24, target 32x20"):
        find_items(tmp_path, "views", Reading(RGB))


def test_a_text_file_named_png(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"a.png": PHOTO})
    (tmp_path / "b.png").write_text("this is no picture")
    with pytest.raises(DataError, match=r"b\.png: not a readable picture: ") as error:
        find_items(tmp_path, "targets", Reading({"target": "rgb"}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        b"P6 1 1 255 abc",
        b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
        b"%PDF-1.4\n",
    ],
    ids=["svg", "ppm", "gif", "pdf"],
)
def test_what_only_calls_itself_png_is_not_opened(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.png: not .*: it holds no PNG, JPEG, WebP or TIFF$"):
        find_items(tmp_path, "targets", Reading({"target": "rgb"}))


def test_brackets_in_a_name_are_part_of_the_name(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"a[1].png": PHOTO})
    [item] = find_items(tmp_path, "targets", Reading({"target": "rgb"}))
    assert (item.views["target"].decode() == PHOTO).all()


def test_a_truncated_jpeg(tmp_path: Path) -> None:
    Image.fromarray(window("astronaut", 200, 200)).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    [item] = find_items(tmp_path, "targets", Reading({"target": "rgb"}))
    with pytest.raises(DataError, match=r"a\.jpg: cannot be decoded: ") as error:
        item.views["target"].decode()
    assert "\n" not in str(error.value)


def test_a_header_that_promises_too_much(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 3000, 3000, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))
    [item] = find_items(tmp_path, "targets", Reading({"target": "rgb"}))
    assert item.views["target"].size() == (3000, 3000)
    with pytest.raises(DataError, match=r"a\.png: cannot be decoded: ") as error:
        item.views["target"].decode()
    assert "\n" not in str(error.value)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"a.png": PHOTO})
    [item] = find_items(tmp_path, "targets", Reading({"target": "rgb"}))
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.png: no such file"):
        item.views["target"].decode()


def test_gray_of_colors_is_that_of_the_runtime(tmp_path: Path) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "1.png")
    decoded = View(tmp_path / "1.png", "gray").decode()
    assert decoded.shape == (24, 32, 1)
    [read] = PictureFeed(PHOTO, 1).tensor(Box(0, 0, 24, 32))
    assert np.abs(decoded[..., 0] - 255 * read[0]).max() <= 0.51
