"""Measures against scikit-image, numpy and numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from tests.photographs import window
from translate.metrics import (
    band_energy,
    band_error,
    blocks,
    finest_band,
    luma,
    measure,
    ms_ssim,
    psnr,
    ssim,
)
from translate.pixels import to_floats

BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16


def noisy(photo: np.ndarray, sigma: float = 12) -> np.ndarray:
    """The photograph with noise, rounded to 8 bits."""
    noise = np.random.default_rng(0).normal(0, sigma, photo.shape)
    return np.clip(photo + noise, 0, 255).round().astype(np.uint8)


def test_luma_by_hand() -> None:
    colors = np.array(
        [[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [51, 102, 204]]],
        np.uint8,
    )
    expected = [
        16, 235, 16 + 65.481, 16 + 128.553, 16 + 24.966,
        16 + 0.2 * 65.481 + 0.4 * 128.553 + 0.8 * 24.966,
    ]  # fmt: skip
    assert luma(colors).shape == (1, 1, 1, 6)
    assert luma(colors)[0, 0, 0].tolist() == pytest.approx(expected, rel=1e-12)


def test_luma_of_gray_is_that_of_equal_colors() -> None:
    gray = window("coffee", 5, 6)[..., :1]
    assert torch.equal(luma(gray), luma(np.repeat(gray, 3, axis=2)))
    assert luma(np.full((1, 1, 1), 255, np.uint8)).item() == pytest.approx(235)


def test_psnr_by_hand_and_by_scikit_image() -> None:
    photo = window("chelsea", 40, 50)
    one_step = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    assert psnr(one_step + 1, one_step) == pytest.approx(20 * math.log10(255))
    expected = peak_signal_noise_ratio(photo, noisy(photo), data_range=255)
    measures = measure(to_floats(noisy(photo)), to_floats(photo))
    assert measures["psnr_rgb"] == pytest.approx(expected, abs=1e-4)
    y, noisy_y = (luma(pixels)[0, 0].numpy() for pixels in (photo, noisy(photo)))
    expected = peak_signal_noise_ratio(y, noisy_y, data_range=255)
    assert measures["psnr_y"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("size", [(11, 11), (12, 40), (64, 65)])
def test_ssim_is_scikit_images(size: tuple[int, int]) -> None:
    photo = window("astronaut", *size)
    y, noisy_y = (luma(pixels)[0, 0].numpy() for pixels in (photo, noisy(photo)))
    # Wang et al. 2004: population statistics over the windows that lie inside the picture.
    expected = structural_similarity(
        y, noisy_y, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    given = measure(to_floats(noisy(photo)), to_floats(photo))["ssim_y"]
    assert given == pytest.approx(expected, abs=1e-5)
    assert ssim(luma(noisy(photo)), luma(photo)) == pytest.approx(expected, abs=1e-5)


def test_ms_ssim_is_the_librarys_without_its_border() -> None:
    photo = window("astronaut", 192, 192)
    given, truth = luma(noisy(photo)), luma(photo)
    # Five scales; the library counts what it mirrored at the border of the coarsest one too.
    expected = multiscale_structural_similarity_index_measure(given, truth, data_range=255.0)
    assert ms_ssim(given, truth) == pytest.approx(float(expected), abs=5e-3)
    assert ms_ssim(truth, truth) == pytest.approx(1)
    small = luma(window("coffee", 16, 20))
    noise = luma(noisy(window("coffee", 16, 20)))
    assert ms_ssim(noise, small) == pytest.approx(ssim(noise, small)), "one scale is SSIM"


def test_a_picture_without_a_window_is_refused() -> None:
    small = np.zeros((10, 30, 3), np.float32)
    with pytest.raises(ValueError, match=r"30x10 .* at least 11x11"):
        measure(small, small)
    tiny = np.zeros((1, 1, 3), np.float32)
    with pytest.raises(ValueError, match=r"1x1 .* at least 11x11"):
        measure(tiny, tiny)
    with pytest.raises(ValueError, match=r"0x0 .* at least 11x11"):
        measure(np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 3), np.float32), border=4)


@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
def test_the_finest_band_is_the_binomial_pyramids(size: tuple[int, int]) -> None:
    y = luma(window("astronaut", *size))[0, 0].numpy()
    low = ndimage.convolve1d(ndimage.convolve1d(y, BINOMIAL, 0, mode="mirror"), BINOMIAL, 1,
                             mode="mirror")[::2, ::2]  # fmt: skip
    # Up: zeros between the pixels, then the same kernel with a gain of two along each side.
    between = np.zeros_like(y)
    between[::2, ::2] = low
    up = ndimage.convolve1d(ndimage.convolve1d(between, 2 * BINOMIAL, 0), 2 * BINOMIAL, 1)
    band = finest_band(torch.from_numpy(y)[None, None]).numpy()
    assert band.shape == y.shape
    # At the edge OpenCV has rules of its own.
    np.testing.assert_allclose(band[3:-3, 3:-3], (y - up)[3:-3, 3:-3], atol=1e-9)


def test_flat_pictures_and_slopes_have_no_finest_band() -> None:
    flat = torch.full((1, 1, 16, 16), 77.0, dtype=torch.float64)
    assert finest_band(flat).abs().max() < 1e-9
    slope = torch.arange(16, dtype=torch.float64).expand(1, 1, 16, 16)
    assert finest_band(slope)[4:-4, 4:-4].abs().max() < 1e-9


def test_band_energy_is_a_ratio_of_mean_squares() -> None:
    target = torch.tensor([[1.0, -3.0], [0.0, 2.0]], dtype=torch.float64)  # mean square 14 / 4
    result = torch.tensor([[2.0, 0.0], [0.0, 0.0]], dtype=torch.float64)  # mean square 1
    assert band_energy(result, target) == pytest.approx(4 / 14)
    assert band_energy(target * 2, target) == pytest.approx(4)


def test_band_error_by_hand() -> None:
    target = torch.zeros(64, 64, dtype=torch.float64)
    result = torch.zeros(64, 64, dtype=torch.float64)
    # Mean squares of the four blocks: (target, result) = (0, 0), (0.75, 0), (0, 1.75), (4, 4).
    target[:32, 32:] = math.sqrt(0.75)
    result[32:, :32] = math.sqrt(1.75)
    target[32:, 32:], result[32:, 32:] = 2, -2
    # |log2|: 0, log2(0.25 / 1) = 2, log2(2 / 0.25) = 3, 0.
    assert band_error(result, target) == pytest.approx((0 + 2 + 3 + 0) / 4)
    assert band_error(target, result) == pytest.approx(5 / 4)


def test_energy_in_the_wrong_place_is_an_error() -> None:
    target = torch.zeros(32, 64, dtype=torch.float64)
    target[:, :32] = 1
    moved = target.flip(1)
    assert band_energy(moved, target) == pytest.approx(1)
    assert band_error(moved, target) == pytest.approx(math.log2(1.25 / 0.25))


def test_blocks_are_whole() -> None:
    band = torch.zeros(70, 40, dtype=torch.float64)
    band[:32, :32], band[32:64, :32] = 3, 1
    band[64:], band[:, 32:] = 100, 100
    assert blocks(band).tolist() == [[9], [1]]
    assert blocks(band[:20, :20]).tolist() == [9], "a smaller picture is one block"


def test_a_perfect_result() -> None:
    photo = to_floats(window("coffee", 40, 40))
    assert measure(photo, photo.copy()) == {
        "psnr_y": 100, "psnr_rgb": 100, "ssim_y": pytest.approx(1),
        "band_energy": pytest.approx(1), "band_error": 0,
    }  # fmt: skip


def test_results_are_rounded_to_8_bits_and_clipped() -> None:
    photo = to_floats(window("coffee", 40, 40))
    assert measure(photo + 0.4 / 255, photo)["psnr_rgb"] == 100
    assert measure(photo + 0.6 / 255, photo)["psnr_rgb"] == pytest.approx(48.13, abs=0.2)
    black = np.zeros((16, 16, 3), np.float32)
    assert measure(black - 3, black)["psnr_y"] == 100


@pytest.mark.parametrize("border", [1, 4])
def test_the_border_does_not_count(border: int) -> None:
    photo = to_floats(window("coffee", 48, 56))
    result = to_floats(noisy(window("coffee", 48, 56)))
    inner = slice(border, -border)
    expected = measure(result[inner, inner], photo[inner, inner])
    result[:border], result[-border:] = 9, -9
    result[:, :border], result[:, -border:] = -9, 9
    assert measure(result, photo, border) == expected
    assert measure(result, photo)["psnr_y"] < expected["psnr_y"]


def test_sharpening_raises_the_energy_but_not_the_error_alone() -> None:
    # What line 3 of the measures rests on: the same energy in the right places beats it anywhere.
    photo = window("astronaut", 128, 128)
    band = finest_band(luma(photo))
    shuffled = band.flatten()[torch.randperm(band.numel(), generator=torch.Generator())]
    shuffled = shuffled.reshape(band.shape)
    assert band_energy(shuffled, band) == pytest.approx(1)
    assert band_error(shuffled, band) > 1
    assert band_error(band * 0.9, band) < 0.35


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"result is \(4, 5, 3\), target \(5, 4, 3\)"):
        measure(np.zeros((4, 5, 3), np.float32), np.zeros((5, 4, 3), np.float32))
