"""Picture files, held against Pillow: what must be kept is kept, what is broken is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms, ImageOps

from export.runtime import ImageError
from export.runtime.images import (
    Picture,
    check_target,
    read,
    resize,
    resized_bands,
    size_of,
    write,
)
from tests.pngs import huge_png
from tests.runtime.heic import heic
from translate.pairs import fitted, nearest

RANDOM = np.random.default_rng(0)


def smooth(height: int, width: int, channels: int) -> np.ndarray:
    """A picture that JPEG barely changes."""
    rows = np.linspace(0, 200, height)[:, None, None]
    columns = np.linspace(0, 50, width)[None, :, None]
    return (rows + columns + np.zeros(channels)).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_reads_what_pillow_wrote(tmp_path: Path, suffix: str, mode: str):
    if suffix == ".webp" and mode.startswith("L"):
        pytest.skip("WebP has no grey")
    channels = len(mode)
    array = RANDOM.integers(0, 256, (5, 7, channels), np.uint8)
    path = tmp_path / f"picture{suffix}"
    # `exact` keeps colors under full transparency.
    Image.fromarray(array.squeeze(), mode).save(path, lossless=True, exact=True)
    picture = read(path)
    has_alpha = mode.endswith("A")
    assert np.array_equal(picture.pixels, array[..., : channels - has_alpha])
    if has_alpha:
        assert picture.alpha is not None
        assert np.array_equal(picture.alpha, array[..., -1])
    else:
        assert picture.alpha is None


@pytest.mark.parametrize("look", [size_of, read])
def test_photos_of_phones_are_told_from_damaged_ones(
    tmp_path: Path, look: Callable[[Path], object]
):
    (tmp_path / "IMG_1.HEIC").write_bytes(heic(40, 60))
    with pytest.raises(ImageError, match=r"IMG_1\.HEIC is compressed by HEVC, .*save it as JPEG"):
        look(tmp_path / "IMG_1.HEIC")


def test_sixteen_bits_are_kept(tmp_path: Path):
    array = RANDOM.integers(0, 65536, (6, 4, 1), np.uint16)
    Image.fromarray(array[..., 0]).save(tmp_path / "a.png")
    picture = read(tmp_path / "a.png")
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels, array)
    for suffix in (".png", ".tif"):
        write(tmp_path / f"b{suffix}", picture)
        assert np.array_equal(np.asarray(Image.open(tmp_path / f"b{suffix}")), array[..., 0])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path: Path, orientation: int):
    array = RANDOM.integers(0, 256, (4, 6, 3), np.uint8)
    source = Image.fromarray(array)
    exif = Image.Exif()
    exif[0x0112] = orientation
    source.save(tmp_path / "a.png", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png")))
    assert np.array_equal(read(tmp_path / "a.png").pixels, expected)
    assert size_of(tmp_path / "a.png") == expected.shape[:2]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_profile_and_resolution_are_carried_over(tmp_path: Path, suffix: str):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(smooth(8, 8, 3)).save(tmp_path / "a.png", icc_profile=profile, dpi=(300, 150))
    picture = read(tmp_path / "a.png")
    assert picture.profile == profile
    assert np.array_equal(picture.pixels, smooth(8, 8, 3)), "pixels stay in their profile"
    write(tmp_path / f"b{suffix}", picture)
    again = Image.open(tmp_path / f"b{suffix}")
    assert again.info["icc_profile"] == profile
    if suffix in (".png", ".tif"):
        assert again.info["dpi"] == pytest.approx((300, 150), abs=0.5)
    else:  # Exif: 282 and 283 are the resolutions, unit 2 is the inch.
        exif = again.getexif()
        assert (exif[282], exif[283], exif[296]) == pytest.approx((300, 150, 2), abs=0.5)


def test_an_unknown_resolution_becomes_the_usual_one(tmp_path: Path):
    Image.fromarray(smooth(4, 4, 3)).save(tmp_path / "a.png")
    write(tmp_path / "b.png", read(tmp_path / "a.png"))
    assert Image.open(tmp_path / "b.png").info["dpi"] == pytest.approx((72, 72), abs=0.1)


def test_orientation_is_not_applied_twice(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(smooth(4, 6, 3)).save(tmp_path / "a.jpg", exif=exif)
    write(tmp_path / "b.jpg", read(tmp_path / "a.jpg"))
    assert Image.open(tmp_path / "b.jpg").size == (4, 6)
    assert Image.open(tmp_path / "b.jpg").getexif().get(0x0112, 1) == 1


def test_cmyk_becomes_srgb(tmp_path: Path):
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=100)
    picture = read(tmp_path / "red.jpg")
    assert picture.pixels.shape == (4, 4, 3)
    red, green, blue = picture.pixels[0, 0].astype(int)
    assert red > 180
    assert green < 80
    assert blue < 80
    assert picture.profile is None


def test_palettes_and_bits_become_plain(tmp_path: Path):
    array = smooth(5, 6, 3)
    Image.fromarray(array).quantize(4).save(tmp_path / "palette.png")
    expected = np.asarray(Image.open(tmp_path / "palette.png").convert("RGB"))
    assert np.array_equal(read(tmp_path / "palette.png").pixels, expected)
    Image.fromarray(np.eye(6) > 0).save(tmp_path / "bits.png")
    assert np.array_equal(read(tmp_path / "bits.png").pixels[..., 0], 255 * np.eye(6))


def test_floats_stay_floats_in_tiff(tmp_path: Path):
    array = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4, 1)
    write(tmp_path / "a.tif", Picture(array))
    assert np.array_equal(read(tmp_path / "a.tif").pixels, array)
    write(tmp_path / "a.png", Picture(array))
    assert np.array_equal(read(tmp_path / "a.png").pixels, np.rint(array * 65535))


def test_jpeg_is_full_color_and_close(tmp_path: Path):
    array = np.zeros((16, 16, 3), np.uint8)
    array[:, ::2] = (255, 0, 0)
    write(tmp_path / "a.jpg", Picture(array))
    # One component per sampling factor: 1x1 everywhere is 4:4:4.
    assert {layer[1:3] for layer in Image.open(tmp_path / "a.jpg").layer} == {(1, 1)}  # type: ignore[attr-defined]
    error = np.abs(read(tmp_path / "a.jpg").pixels.astype(int) - array)
    assert error.mean() < 4


def test_jpeg_has_no_alpha_so_transparent_becomes_white(tmp_path: Path):
    write(tmp_path / "a.jpg", Picture(smooth(8, 8, 3), np.zeros((8, 8), np.uint8)))
    assert (read(tmp_path / "a.jpg").pixels == 255).all()


def test_sixteen_bits_are_rounded_where_eight_must_do(tmp_path: Path):
    deep = smooth(8, 8, 3).astype(np.uint16) * 257
    write(tmp_path / "a.jpg", Picture(deep), quality=100)
    error = np.abs(read(tmp_path / "a.jpg").pixels.astype(int) - smooth(8, 8, 3))
    assert error.max() <= 2


def test_of_an_animation_the_first_frame_is_read(tmp_path: Path):
    frames = [Image.new("RGB", (5, 4), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert np.array_equal(read(tmp_path / "a.gif").pixels, np.full((4, 5, 3), (255, 0, 0)))


def test_a_file_that_changed_is_read_anew(tmp_path: Path):
    for value in (10, 20):
        Image.new("RGB", (3, 3), (value,) * 3).save(tmp_path / "a.png")
        assert (read(tmp_path / "a.png").pixels == value).all()


def damaged(folder: Path) -> dict[str, tuple[Path, str]]:
    """Broken files, and what is said of each."""
    good = folder / "good.jpg"
    Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), np.uint8)).save(good)
    whole = good.read_bytes()
    png = folder / "good.png"
    Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), np.uint8)).save(png)
    cases = {
        "text.png": (b"just some text\n", "is not a picture"),
        "empty.jpg": (b"", "is not a picture"),
        "cut.jpg": (whole[: len(whole) // 2], "damaged or cut short"),
        "cut.png": (png.read_bytes()[:4000], "damaged or cut short"),
        "drawing.svg": (
            b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
            "is not a picture",
        ),
        "table.csv": (b"1,2\n3,4\n", "is not a picture"),
        "portable.png": (b"P6 1 1 255 abc", "is not a picture"),
        "document.png": (b"%PDF-1.4\n", "is not a picture"),
        "header.png": (huge_png(30000), "30000x30000 pixels, more than"),
        "[page=1].png": (b"text", "is not a picture"),
    }
    found: dict[str, tuple[Path, str]] = {"missing.png": (folder / "missing.png", "no file")}
    for name, (content, message) in cases.items():
        (folder / name).write_bytes(content)
        found[name] = (folder / name, message)
    return found


@pytest.mark.parametrize(
    "name",
    [
        "missing.png",
        "text.png",
        "empty.jpg",
        "cut.jpg",
        "cut.png",
        "drawing.svg",
        "table.csv",
        "portable.png",
        "document.png",
        "header.png",
        "[page=1].png",
    ],
)
def test_broken_files_get_one_line(tmp_path: Path, name: str):
    path, message = damaged(tmp_path)[name]
    with pytest.raises(ImageError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_brackets_in_a_name_are_part_of_the_name(tmp_path: Path):
    Image.fromarray(smooth(4, 4, 3)).save(tmp_path / "a[1].png")
    picture = read(tmp_path / "a[1].png")
    write(tmp_path / "b[Q=1,strip].jpg", picture)
    assert (tmp_path / "b[Q=1,strip].jpg").is_file()
    assert len(list(tmp_path.iterdir())) == 2


def test_the_largest_size_is_the_callers(tmp_path: Path):
    Image.fromarray(smooth(10, 10, 3)).save(tmp_path / "a.png")
    assert read(tmp_path / "a.png", max_pixels=100).pixels.shape == (10, 10, 3)
    with pytest.raises(ImageError, match="more than the 99"):
        read(tmp_path / "a.png", max_pixels=99)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("a.bmp", (4, 4), "unknown suffix '.bmp'; use one of .png"),
        ("a", (4, 4), "unknown suffix ''"),
        ("none/a.png", (4, 4), "there is no folder"),
        ("a.webp", (4, 16384), "at most 16383 a side"),
        ("a.jpg", (70000, 4), "at most 65500 a side"),
        ("folder.png", (4, 4), "it is a folder"),
    ],
)
def test_targets_are_checked_first(tmp_path: Path, name: str, size: tuple[int, int], message: str):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match=message):
        check_target(tmp_path / name, *size)
    with pytest.raises(ImageError, match=message):
        write(tmp_path / name, Picture(np.zeros((*size, 1), np.uint8)))


def test_a_stopped_write_leaves_what_was_there(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"before")

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.png", Picture(smooth(4, 4, 3)), stop=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"before"


def test_resizing_keeps_constants_and_averages_areas():
    constant = np.full((7, 5, 3), 99, np.uint8)
    assert np.array_equal(resize(constant, 14, 11), np.full((14, 11, 3), 99))
    checkers = (np.indices((64, 64)).sum(axis=0) % 2 * 200).astype(np.float32)
    # Away from the border every new pixel averages as many black as white ones.
    inner = resize(checkers, 16, 16)[2:-2, 2:-2]
    assert inner == pytest.approx(np.full((12, 12), 100.0), abs=1.0)
    ids = np.array([[0, 5], [9, 2]], np.uint16)
    assert np.array_equal(resize(ids, 4, 4, "nearest"), ids.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize("size", [(100, 60), (100, 120), (160, 240), (50, 30), (64, 90), (33, 90)])
def test_centers_of_pixels_keep_their_places(size: tuple[int, int]):
    rows, columns = np.indices((50, 60), np.float32)
    ramps = np.stack([rows, columns], axis=2)
    places = [
        (np.arange(wanted) + 0.5) * given / wanted - 0.5
        for wanted, given in zip(size, (50, 60), strict=True)
    ]
    expected = np.stack(np.meshgrid(*places, indexing="ij"), axis=2)
    # Away from the border, beyond which the picture is repeated.
    inner = (slice(size[0] // 5, -(size[0] // 5)), slice(size[1] // 5, -(size[1] // 5)))
    assert resize(ramps, *size)[inner] == pytest.approx(expected[inner], abs=0.05)
    bands = np.concatenate([band for _, band in resized_bands(ramps, *size, 7)])
    assert np.array_equal(bands, resize(ramps, *size))
    # In training it is the same.
    trained = fitted(pyvips.Image.new_from_array(ramps), *size).numpy()
    assert trained[inner] == pytest.approx(expected[inner], abs=0.05)


def test_floats_are_made_of_bytes_without_rounding():
    steps = np.array([[0, 1]], np.uint8).repeat(3, axis=0)
    assert resize(steps, 3, 4, floats=True)[1, 1] == pytest.approx(0.203, abs=0.01)
    assert resize(steps, 3, 2, floats=True).dtype == np.float32


@pytest.mark.parametrize("size", [(4, 5), (27, 64), (300, 91), (1000, 7)])
def test_labels_are_those_under_the_centers_of_pixels(size: tuple[int, int]):
    rows, columns = np.indices((91, 300))
    ids = (rows * 300 + columns).astype(np.uint16)
    seen = resize(ids, *size, "nearest")
    # The pixels that the center of each new one falls into, in whole numbers.
    under = [
        [(2 * place + 1) * given // (2 * wanted) for place in range(wanted)]
        for wanted, given in zip(size, (91, 300), strict=True)
    ]
    assert np.array_equal(seen, np.add.outer(np.multiply(under[0], 300), under[1]))
    # What the networks were trained on.
    places = (rows % 251).astype(np.uint8)[:, :, None]
    assert np.array_equal(resize(places, *size, "nearest"), nearest(places, size, None))


def test_many_labels_are_resized_too():
    ids = np.array([[0, 70000]], np.int32)
    assert np.array_equal(resize(ids, 1, 4, "nearest"), [[0, 0, 70000, 70000]])


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (13, 2), (33, 65)])
def test_resizing_gives_exactly_the_size_asked_for(size: tuple[int, int]):
    for source in ((1, 1), (3, 100), (37, 41)):
        assert resize(np.zeros(source, np.uint8), *size).shape == size


def test_libvips_is_the_one_that_was_tested():
    assert (pyvips.version(0), pyvips.version(1)) >= (8, 16)


def test_too_many_channels_are_refused_before_they_are_decoded(tmp_path: Path):
    path = tmp_path / "deep.tif"
    image = pyvips.Image.black(64, 64, bands=40).copy()
    # Turned, so that the whole of it would be decoded before anything else is looked at.
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.tiffsave(str(path), compression="deflate")
    content = bytearray(path.read_bytes())
    content[8:40] = bytes(32)  # the pixels: whoever decodes them says "damaged"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="40 channels; expected grey or RGB"):
        read(path)
