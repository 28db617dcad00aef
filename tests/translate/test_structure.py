"""Structural terms against scikit-image, SciPy and numbers worked out by hand."""

from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.metrics import structural_similarity
from torch import Tensor

from tests.photographs import window
from translate.losses.structure import (
    LEAST,
    SCALE_WEIGHTS,
    blur,
    color_consistency,
    edge,
    laplacian,
    ms_ssim_loss,
    scales,
    ssim_loss,
    total_variation,
)

Plane = NDArray[np.float64]
Loss = Callable[[Tensor, Tensor], Tensor]


def photo(height: int, width: int, name: str = "astronaut") -> Tensor:
    """``(1, 3, H, W)`` float64 in [0, 1]."""
    pixels = torch.from_numpy(window(name, height, width).copy()).double() / 255
    return pixels.permute(2, 0, 1)[None]


def noisy(picture: Tensor, sigma: float = 0.05) -> Tensor:
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(0)).double()
    return picture + sigma * noise


def blurred(plane: Plane) -> Plane:
    """Means over the 11x11 Gaussian windows inside a plane."""
    offsets = np.arange(-5, 6)
    taps = np.exp(-(offsets**2) / (2 * 1.5**2))
    taps /= taps.sum()
    for axis in (0, 1):
        plane = ndimage.correlate1d(plane, taps, axis)
    return plane[5:-5, 5:-5]


def parts(x: Plane, y: Plane) -> tuple[float, float]:
    """Means over windows of SSIM, and of its contrast and structure (Wang et al. 2004)."""
    first, second = 0.01**2, 0.03**2
    x_mean, y_mean = blurred(x), blurred(y)
    x_variance, y_variance = blurred(x * x) - x_mean**2, blurred(y * y) - y_mean**2
    covariance = blurred(x * y) - x_mean * y_mean
    contrast = (2 * covariance + second) / (x_variance + y_variance + second)
    light = (2 * x_mean * y_mean + first) / (x_mean**2 + y_mean**2 + first)
    return float((light * contrast).mean()), float(contrast.mean())


def halved(plane: Plane) -> Plane:
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    return plane[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean(axis=(1, 3))


def expected_ms_ssim(fake: Tensor, truth: Tensor, weights: tuple[float, ...]) -> float:
    """Of one picture: channels are averaged before the powers are taken."""
    planes = [(x, y) for x, y in zip(fake[0].numpy(), truth[0].numpy(), strict=True)]
    product = 1.0
    for index, weight in enumerate(weights):
        given = np.array([parts(x, y) for x, y in planes])
        product *= given[:, 0 if index == len(weights) - 1 else 1].mean() ** weight
        planes = [(halved(x), halved(y)) for x, y in planes]
    return product


@pytest.mark.parametrize("size", [(11, 11), (12, 31), (64, 50)])
def test_ssim_is_scikit_images(size: tuple[int, int]) -> None:
    truth = photo(*size)
    fake = noisy(truth)
    similarity = structural_similarity(
        fake[0].numpy(), truth[0].numpy(), data_range=1, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, channel_axis=0,
    )  # fmt: skip
    expected = 1 - cast(float, similarity)
    assert float(ssim_loss(fake, truth)) == pytest.approx(expected, abs=1e-10)
    assert float(ssim_loss(truth, truth)) == pytest.approx(0, abs=1e-12)


def test_ssim_of_flat_pictures() -> None:
    # No contrast: only lightness is left, (2 a b + c) / (a^2 + b^2 + c) with c = 0.01^2.
    low, high = (torch.full((1, 1, 16, 16), value, dtype=torch.float64) for value in (0.2, 0.8))
    expected = (2 * 0.2 * 0.8 + 1e-4) / (0.2**2 + 0.8**2 + 1e-4)
    assert float(ssim_loss(low, high)) == pytest.approx(1 - expected)


@pytest.mark.parametrize(
    ("size", "count"), [((176, 180), 5), ((175, 200), 4), ((50, 45), 3), ((22, 60), 2)]
)
def test_ms_ssim_is_that_of_the_paper(size: tuple[int, int], count: int) -> None:
    truth = photo(*size)
    fake = noisy(truth)
    assert scales(*size) == count
    weights = SCALE_WEIGHTS[:count]
    weights = tuple(weight / sum(weights) for weight in weights)
    expected = expected_ms_ssim(fake, truth, weights)
    assert 0.3 < expected < 0.99
    # torch's convolutions of single channels take seconds in float64.
    if count > 3:
        given = float(ms_ssim_loss(fake.float(), truth.float()))
        assert given == pytest.approx(1 - expected, abs=1e-5)
    else:
        assert float(ms_ssim_loss(fake, truth)) == pytest.approx(1 - expected, abs=1e-9)


def test_ms_ssim_is_the_mean_over_pictures() -> None:
    truth = photo(22, 30)
    fake = noisy(truth)
    both = ms_ssim_loss(torch.cat([fake, truth]), torch.cat([truth, truth]))
    assert float(both) == pytest.approx(float(ms_ssim_loss(fake, truth)) / 2)


def test_ms_ssim_at_one_scale_is_ssim() -> None:
    truth = photo(21, 40)
    fake = noisy(truth)
    assert scales(21, 40) == 1
    assert float(ms_ssim_loss(fake, truth)) == pytest.approx(float(ssim_loss(fake, truth)))


def test_ms_ssim_of_a_negative() -> None:
    # Structure turned around has no power of a fraction; it counts as next to nothing.
    truth = photo(48, 48)
    fake = (1 - truth).requires_grad_()
    loss = ms_ssim_loss(fake, truth)
    total = sum(SCALE_WEIGHTS[:3])
    fine = (SCALE_WEIGHTS[0] + SCALE_WEIGHTS[1]) / total
    least = LEAST**fine
    assert 1 - least <= float(loss.detach()) < 1
    loss.backward()
    assert fake.grad is not None
    assert fake.grad.isfinite().all()


@pytest.mark.parametrize("loss", [ssim_loss, ms_ssim_loss])
def test_pictures_without_a_window_are_refused(loss: Loss) -> None:
    small = torch.zeros(1, 3, 10, 64)
    with pytest.raises(ValueError, match=r"needs 11x11 pixels or more; the picture has 64x10"):
        loss(small, small)


@pytest.mark.parametrize("loss", [ssim_loss, ms_ssim_loss])
def test_half_precision_around_does_not_reach_the_variances(loss: Loss) -> None:
    truth = photo(48, 48).float()
    fake = noisy(truth, 0.01).float()
    expected = float(loss(fake, truth))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert float(loss(fake, truth)) == expected


def test_total_variation_by_hand() -> None:
    picture = torch.tensor([[[[0.0, 1.0, 1.0], [0.5, 0.0, 1.0]]]], dtype=torch.float64)
    across, down = 1 + 0 + 0.5 + 1, 0.5 + 1 + 0
    assert float(total_variation(picture)) == pytest.approx((across + down) / 6)
    assert float(total_variation(torch.full((2, 3, 4, 5), 0.7))) == 0
    assert float(total_variation(torch.rand(1, 1, 1, 1))) == 0, "a pixel has no neighbor"


def test_edges_by_scipy_and_by_hand() -> None:
    truth = photo(20, 30)
    fake = noisy(truth)
    planes = (truth - fake).reshape(3, 20, 30).numpy()
    expected = np.abs([ndimage.laplace(plane, mode="nearest") for plane in planes]).mean()
    assert float(edge(fake, truth)) == pytest.approx(expected, rel=1e-10)
    point = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    point[0, 0, 2, 2] = 1
    assert laplacian(point)[0, 0, 2].tolist() == [0, 1, -4, 1, 0]
    assert float(edge(point, torch.zeros_like(point))) == pytest.approx(8 / 25)
    assert float(edge(fake + 0.3, fake)) == pytest.approx(0, abs=1e-12), "blind to light"


@pytest.mark.parametrize("sigma", [0.7, 3**0.5, 5.0])
def test_colors_are_compared_after_a_gaussian_blur(sigma: float) -> None:
    truth = photo(20, 33)
    fake = noisy(truth, 0.2)
    fake[:, 0] += 0.1
    planes = [
        ndimage.gaussian_filter(plane, sigma, mode="nearest", radius=int(np.ceil(4 * sigma)))
        for plane in (fake - truth)[0].numpy()
    ]
    np.testing.assert_allclose(blur(fake - truth, sigma)[0].numpy(), planes, atol=1e-12)
    expected = np.square(planes).mean()
    assert float(color_consistency(fake, truth, sigma)) == pytest.approx(expected, rel=1e-10)


def test_the_blur_is_that_of_the_paper() -> None:
    point = torch.zeros(1, 1, 41, 41, dtype=torch.float64)
    point[0, 0, 20, 20] = 1
    # Ignatov et al. 2017, section 3.1.1: A exp(-k^2 / (2 sigma) - l^2 / (2 sigma)), A = 0.053,
    # sigma = 3.
    rows, columns = np.mgrid[-20:21, -20:21]
    expected = 0.053 * np.exp(-(rows**2) / 6 - columns**2 / 6)
    given = blur(point, 3**0.5)[0, 0].numpy()
    np.testing.assert_allclose(given, expected, atol=1e-4)
    loss = color_consistency(point, torch.zeros_like(point))
    assert float(loss) == pytest.approx((given**2).mean())


def test_blurring_takes_texture_away_and_leaves_color() -> None:
    truth = photo(32, 32)
    places = torch.arange(32)
    checkers = (places[:, None] + places) % 2 * 0.2 - 0.1
    assert float(color_consistency(truth + checkers, truth)) < 1e-5
    assert float(color_consistency(truth + 0.1, truth)) == pytest.approx(0.01)
    with pytest.raises(ValueError, match="sigma: got 0; it must be above 0"):
        color_consistency(truth, truth, 0)
