"""What is taken from strangers, and the previews of what was made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from export.runtime.errors import ImageError
from export.runtime.images import Picture, memory_of, read, write
from pixstack.web.previews import write_previews
from pixstack.web.super_resolution import fitting_scale
from pixstack.web.uploads import Limits, check_upload, unseen


def picture(path: Path, kind: type[np.generic] = np.uint8, channels: int = 3) -> Path:
    """A black picture of 100x80."""
    write(path, Picture(np.zeros((80, 100, channels), kind)))
    return path


@pytest.mark.parametrize(
    ("kind", "channels", "size"),
    [(np.uint8, 1, 8_000), (np.uint8, 3, 24_000), (np.uint16, 3, 48_000), (np.float32, 3, 96_000)],
)
def test_memory_is_told_from_the_header(
    kind: type[np.generic], channels: int, size: int, tmp_path: Path
) -> None:
    assert memory_of(picture(tmp_path / "a.tif", kind, channels)) == size


def test_a_picture_is_refused_for_what_it_takes_in_memory(tmp_path: Path) -> None:
    # 24 kB in 8 bits, 96 kB in floats; as files, both are far smaller.
    limits = Limits(decoded_megabytes=0.05)
    plain, deep = picture(tmp_path / "a.tif"), picture(tmp_path / "b.tif", np.float32)
    assert check_upload(str(plain), 1, limits) == (plain, (80, 100))
    with pytest.raises(ImageError, match=r"takes 0 MB when .* at most 0\.05 MB are taken here"):
        check_upload(str(deep), 1, limits)


def test_every_usual_picture_at_the_limit_of_pixels_fits_in_memory() -> None:
    assert Limits().megapixels * 4 * 2 <= Limits().decoded_megabytes


def test_a_file_is_refused_for_its_size_before_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "fat.png").write_bytes(bytes(1_000_001))
    with pytest.raises(ImageError, match="The file is larger than 1 MB; choose a smaller one"):
        check_upload(str(tmp_path / "fat.png"), 1, Limits(file_megabytes=1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [3, 4])
def test_values_that_are_no_numbers_are_told(value: float, channels: int, tmp_path: Path) -> None:
    values = np.full((8, 9, channels), 0.5, np.float32)
    pixels, alpha = values[:, :, :3], values[:, :, 3] if channels == 4 else None
    write(tmp_path / "good.tif", Picture(pixels, alpha))
    assert check_upload(str(tmp_path / "good.tif"), 1, Limits())[1] == (8, 9)
    values[5, 3, -1] = value  # of alpha, where there is one
    write(tmp_path / "bad.tif", Picture(pixels, alpha))
    with pytest.raises(ImageError, match="holds values that are no numbers"):
        check_upload(str(tmp_path / "bad.tif"), 1, Limits())


def test_perceptual_colors_of_sixteen_bits_are_told_of(tmp_path: Path) -> None:
    gray = pyvips.Image.black(8, 9, bands=3).copy(interpretation="srgb")
    gray.colourspace("labs").tiffsave(str(tmp_path / "lab.tif"))
    assert unseen(str(tmp_path / "lab.tif")).startswith("8 x 9 pixels, ")


def test_what_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    whole, many = tmp_path / "whole.tif", tmp_path / "many.tif"
    pyvips.Image.black(8, 9).cast("int").tiffsave(str(whole))
    pyvips.Image.black(8, 9, bands=6).tiffsave(str(many))
    with pytest.raises(ImageError, match="samples of the type int"):
        check_upload(str(whole), 1, Limits())
    with pytest.raises(ImageError, match="6 channels; expected grey or RGB"):
        check_upload(str(many), 1, Limits())


@pytest.mark.parametrize(
    ("kind", "told"), [(np.uint8, "8-bit"), (np.uint16, "16-bit"), (np.float32, "float")]
)
def test_what_browsers_cannot_show_is_told(
    kind: type[np.generic], told: str, tmp_path: Path
) -> None:
    # In brackets, libvips would look for options.
    tiff, png = picture(tmp_path / "a[b=1].tif", kind), picture(tmp_path / "a[b=1].png", kind)
    assert unseen(str(tiff)).startswith(f"100 x 80 pixels, {told} TIFF: taken.")
    assert unseen(str(png)) == ""


@pytest.mark.parametrize(
    ("size", "scale", "fitting"),
    [
        ((2850, 2850), "4x", "4x"),  # 129.96 megapixels
        ((2851, 2851), "4x", "2x"),
        ((5700, 5700), "2x", "2x"),
        ((5700, 5700), "4x", "2x"),
        ((5701, 5701), "4x", "4x"),  # too large for any
    ],
)
def test_a_scale_that_is_too_large_gives_way(
    size: tuple[int, int], scale: str, fitting: str
) -> None:
    found, why = fitting_scale(size, scale, ["4x", "2x"], Limits())
    assert found == fitting
    assert bool(why) == (found != scale)


def test_a_file_that_cannot_be_shown_is_an_error_of_pictures(tmp_path: Path) -> None:
    good = picture(tmp_path / "good.png")
    (tmp_path / "text.png").write_text("no picture")
    for source, result, folder in [
        (good, tmp_path / "text.png", tmp_path),
        (tmp_path / "gone.png", good, tmp_path),
        (good, good, tmp_path / "missing"),
    ]:
        with pytest.raises(ImageError, match=f"of {source.name} and {result.name}") as error:
            write_previews(source, result, folder)
        assert str(tmp_path) not in str(error.value)
        assert "\n" not in str(error.value)
    before, after, reduced = write_previews(good, good, tmp_path)
    assert before is not None
    assert Image.open(before).size == Image.open(after).size == (100, 80)
    assert not reduced


@pytest.mark.parametrize("channels", [1, 3])
def test_floats_are_shown_as_the_values_that_they_are(channels: int, tmp_path: Path) -> None:
    source = tmp_path / "floats.tif"
    write(source, Picture(np.full((80, 100, channels), 0.5, np.float32)))
    result = picture(tmp_path / "result.png", channels=channels)
    (tmp_path / "shown").mkdir()
    before, after, _ = write_previews(source, result, tmp_path / "shown")
    assert before is not None
    # As linear light, half would be a light gray of 188.
    assert set(np.unique(np.asarray(Image.open(before)))) <= {127, 128}
    assert sorted((tmp_path / "shown").iterdir()) == [after, before]


def test_inks_are_shown_as_the_model_sees_them(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    inks = Image.fromarray(random.integers(0, 256, (80, 100, 4), np.uint8), "CMYK")
    inks.save(tmp_path / "inks.jpg", quality=95)
    seen = read(tmp_path / "inks.jpg")
    write(tmp_path / "result.png", seen)
    before, after, _ = write_previews(tmp_path / "inks.jpg", tmp_path / "result.png", tmp_path)
    assert before is not None
    assert np.array_equal(np.asarray(Image.open(before)), seen.pixels)
    assert np.array_equal(np.asarray(Image.open(after)), seen.pixels)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_before_and_after_lie_on_each_other(mode: str, tmp_path: Path) -> None:
    ramp = np.arange(40, 140, 2, dtype=np.uint8)
    small = np.tile(ramp[:, None], (30, 1, 3))
    whole = Image.fromarray(small).convert(mode)
    whole.save(tmp_path / "small.png")
    Image.new("RGB", (200, 120)).save(tmp_path / "large.png")
    before, _, _ = write_previews(tmp_path / "small.png", tmp_path / "large.png", tmp_path)
    assert before is not None
    shown = np.asarray(Image.open(before).convert("RGB"), float)
    assert shown.shape == (120, 200, 3)
    expected = 40 + 2 * ((np.arange(200) + 0.5) / 4 - 0.5)
    # Half a pixel of the result would be off by a quarter of a step.
    assert abs((shown[60, 20:180, 0] - expected[20:180]).mean()) < 0.1
