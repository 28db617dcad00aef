"""Degradations, held against Pillow and numpy."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.photographs import photograph, window
from translate.batches import trim
from translate.degrade import DegradationError, parse_degradation, reduce
from translate.pixels import to_bytes, to_floats


def degrade(text: str, picture: np.ndarray, seed: int = 0) -> np.ndarray:
    return parse_degradation(text).apply(picture, np.random.default_rng(seed)).source


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_is_pillows(scale: int) -> None:
    photo = window("astronaut", 96, 120)
    expected = Image.fromarray(photo).resize((120 // scale, 96 // scale), Image.Resampling.BICUBIC)
    assert (to_bytes(degrade(f"bicubic:{scale}", to_floats(photo))) == np.asarray(expected)).all()


def test_a_gray_picture_stays_gray() -> None:
    gray = window("astronaut", 32, 48)[..., :1]
    expected = Image.fromarray(gray[..., 0]).resize((24, 16), Image.Resampling.BICUBIC)
    reduced = degrade("bicubic:2", to_floats(gray))
    assert reduced.shape == (16, 24, 1)
    assert (to_bytes(reduced)[..., 0] == np.asarray(expected)).all()


@pytest.mark.parametrize("text", ["bicubic:2", "bicubic:3", "bicubic:4", "bicubic:2,bicubic:2"])
def test_the_margin_makes_a_crop_equal_to_the_whole(text: str) -> None:
    degradation = parse_degradation(text)
    scale, margin = degradation.scale, degradation.margin
    photo = to_floats(photograph("astronaut")[:504, :504])
    whole = degrade(text, photo)
    # A multiple of the scale, far from the edges of the picture.
    top, left, side = 12 * scale, 17 * scale, 15 * scale
    part = photo[top - margin : top + side + margin, left - margin : left + side + margin]
    cut = trim(degrade(text, part), margin // scale)
    assert np.array_equal(cut, whole[12:27, 17:32])
    if scale == 4:
        without = degrade(text, photo[top : top + side, left : left + side])
        assert not np.array_equal(without, whole[12:27, 17:32]), "the margin is needed"


@pytest.mark.parametrize(
    ("text", "margin"),
    [
        # 4 (3 + reach / 4): before the reduction a blur reaches target pixels, behind it fourfold.
        ("gaussian:2,bicubic:4", 4 * (3 + 2)),
        ("bicubic:4,gaussian:2", 4 * (3 + 8)),
        ("bicubic:4,gaussian:8", 4 * (3 + 32)),
        ("bicubic:2,gaussian:2,bicubic:2,gaussian:1", 4 * (3 + 4 + 4)),
        ("{bicubic:4|gaussian:1}", 4 * (3 + 4)),
        ("{bicubic:2,gaussian:1|bicubic:2,gaussian:1}", 4 * (3 + 4 + 4)),
        ("bicubic:4,(gaussian:1|gaussian:2@0.5)", 4 * (3 + 8)),
        ("(gaussian:1|gaussian:2@0.5)", 8),
    ],
)
def test_a_blur_behind_a_reduction_reaches_further(text: str, margin: int) -> None:
    degradation = parse_degradation(text)
    assert degradation.margin == margin
    photo = to_floats(photograph("astronaut")[:504, :504])
    top, left, side, scale = 200, 240, 40, degradation.scale
    part = photo[top - margin : top + side + margin, left - margin : left + side + margin]
    # Whatever is drawn, the same for both.
    for seed in range(4):
        whole = degrade(text, photo, seed)
        cut = trim(degrade(text, part, seed), margin // scale)
        there = whole[top // scale :, left // scale :][: side // scale, : side // scale]
        np.testing.assert_allclose(cut, there, atol=1e-5)


def test_the_margin_serves_the_pictures_in_between() -> None:
    # The crop of the half-size picture must be what the whole picture's half size would show.
    degradation = parse_degradation("bicubic:4")
    photo = to_floats(photograph("astronaut"))
    part = photo[80 - degradation.margin : 160 + degradation.margin, :160]
    half = reduce(part, 2)
    border = degradation.margin // 2
    assert np.array_equal(half[border:-border, 10:60], reduce(photo, 2)[40:80, 10:60])


def test_noise_is_keyed_and_unclipped() -> None:
    photo = to_floats(window("coffee", 40, 30))
    noise = np.random.default_rng([7, 3]).standard_normal((40, 30, 3)) * 25 / 255
    degraded = parse_degradation("noise:25").apply(photo, np.random.default_rng([7, 3]))
    assert degraded.sigma == 25.0
    assert degraded.source.dtype == np.float32
    np.testing.assert_allclose(degraded.source, photo + noise, atol=1e-7)
    assert degraded.source.min() < 0, "what falls below black stays there"
    again = degrade("noise:25", photo, seed=1)
    assert not np.allclose(again, degraded.source)


def test_a_range_is_drawn_uniformly() -> None:
    degradation, random = parse_degradation("noise:10-50"), np.random.default_rng(0)
    flat = np.full((64, 64, 3), 0.5, np.float32)
    drawn = [degradation.apply(flat, random) for _ in range(200)]
    sigmas = np.array([one.sigma for one in drawn])
    assert 10 <= sigmas.min() < 12
    assert 48 < sigmas.max() <= 50
    assert abs(sigmas.mean() - 30) < 3
    for one in drawn[:20]:
        # The sample deviation of 12288 numbers lies within 3 % of the true one.
        assert abs(one.source.std() * 255 / one.sigma - 1) < 0.03


def test_noises_add_in_variance() -> None:
    flat = np.full((8, 8, 1), 0.5, np.float32)
    degraded = parse_degradation("noise:30,noise:40").apply(flat, np.random.default_rng(0))
    assert degraded.sigma == pytest.approx(50)


def test_jpeg_is_pillows_with_half_resolution_chroma() -> None:
    photo = window("chelsea", 48, 64)
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=40, subsampling=2)
    expected = np.asarray(Image.open(buffer))
    assert (to_bytes(degrade("jpeg:40", to_floats(photo))) == expected).all()


def test_a_lower_quality_differs_more() -> None:
    photo = to_floats(window("chelsea", 64, 64))
    errors = [np.abs(degrade(f"jpeg:{quality}", photo) - photo).mean() for quality in (90, 50, 10)]
    assert errors[0] < errors[1] < errors[2]


def test_steps_apply_in_their_order() -> None:
    photo = to_floats(window("coffee", 32, 32))
    small_then_noisy = parse_degradation("bicubic:4, noise:25")
    assert (small_then_noisy.scale, small_then_noisy.margin) == (4, 12)
    result = small_then_noisy.apply(photo, np.random.default_rng(5)).source
    noise = np.random.default_rng(5).standard_normal((8, 8, 3)) * 25 / 255
    np.testing.assert_allclose(result, reduce(photo, 4) + noise, atol=1e-6)
    # Reduced afterwards, the noise is averaged and the picture is rounded to 8 bits.
    noisy_then_small = degrade("noise:25,bicubic:4", photo, seed=5)
    assert np.array_equal(noisy_then_small, to_floats(to_bytes(noisy_then_small)))


def test_what_needs_no_reduction_needs_no_margin() -> None:
    for text in ("noise:25", "jpeg:30", "jpeg:30-90,noise:5"):
        degradation = parse_degradation(text)
        assert (degradation.scale, degradation.margin) == (1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "", " , ", "smear:2", "bicubic", "bicubic:1", "bicubic:17", "bicubic:2.5", "bicubic:-2",
        "bicubic:²", "noise", "noise:", "noise:x", "noise:-5", "noise:300", "noise:50-10",
        "noise:nan", "noise:inf", "noise:25-", "noise:-", "noise:1-2-3", "jpeg:0", "jpeg:101",
        "jpeg:90-", "bicubic:4;noise:5",
    ],
)  # fmt: skip
def test_what_is_written_wrongly_is_told_whole(text: str) -> None:
    with pytest.raises(DegradationError, match="degradation ") as error:
        parse_degradation(text)
    assert repr(text) in str(error.value)


def test_a_side_that_does_not_divide_is_refused() -> None:
    with pytest.raises(DegradationError, match="10x9 does not reduce by 4; cut it to a multiple"):
        reduce(np.zeros((9, 10, 3), np.float32), 4)


def test_a_picture_smaller_than_the_factor_is_refused() -> None:
    # Cut to a multiple of 4, a picture of 3x30 pixels has no pixels left.
    with pytest.raises(DegradationError, match="0x28 is too small to reduce by 4"):
        reduce(np.zeros((28, 0, 3), np.float32), 4)
