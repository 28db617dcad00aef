"""Degradations in torch, against the workers' libraries and numbers worked out by hand."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from tests.photographs import Bytes, window
from translate.degradations.blur import bell, convolve
from translate.degradations.device.blur import Convolve, mirrored
from translate.degradations.device.plan import Plan, arrange, draw, not_on_device
from translate.degradations.device.resize import Resample, overlaps
from translate.degradations.device.work import Fields
from translate.degradations.noise import from_linear, to_linear
from translate.degradations.resize import KERNELS
from translate.degradations.step import DegradationError, Picture, Size
from translate.degradations.text import READERS
from translate.degrade import parse_degradation
from translate.pixels import to_batch, to_bytes, to_floats, to_picture

PHOTO = to_floats(window("coffee", 96, 120))
STEP = 1.001 / 255
NO_FIELDS = Fields(torch.Generator(), ())


def plan(text: str, size: Size, seeds: Sequence[int]) -> Plan:
    steps = parse_degradation(text).steps
    return arrange([draw(steps, np.random.default_rng(seed), size) for seed in seeds], size)


def degrade(
    text: str, picture: Picture, seeds: Sequence[int] = (0,)
) -> tuple[list[Picture], list[float]]:
    """The picture, degraded once for each seed, and the sigmas of the noise."""
    size = (picture.shape[0], picture.shape[1])
    made, sigmas = plan(text, size, seeds).carry_out(to_batch([picture] * len(seeds)))
    return [to_picture(made, index) for index in range(len(seeds))], sigmas.tolist()


def in_worker(text: str, picture: Picture, seed: int = 0) -> Picture:
    return parse_degradation(text).apply(picture, np.random.default_rng(seed)).source


def flat(value: float, side: int = 200) -> Picture:
    return np.full((side, side, 3), value, np.float32)


@pytest.mark.parametrize("text", ["blur:0.2-3;sinc=0.3", "sinc:0.33-1", "gaussian:0.5-2"])
def test_each_item_is_blurred_by_its_own_kernel(text: str) -> None:
    # The first step draws what the worker draws, so the kernels are the same.
    made, sigmas = degrade(text, PHOTO, range(8))
    for seed, one in enumerate(made):
        np.testing.assert_allclose(one, in_worker(text, PHOTO, seed), atol=1e-5)
    assert len({one.tobytes() for one in made}) == 8
    assert sigmas == [0] * 8


def test_gaussian_blur_is_scipys() -> None:
    expected = ndimage.gaussian_filter(PHOTO, (1.5, 1.5, 0), mode="mirror", radius=(6, 6, 0))
    np.testing.assert_allclose(degrade("gaussian:1.5", PHOTO)[0][0], expected, atol=1e-5)


def test_a_kernel_is_not_mirrored() -> None:
    kernel = bell(5, (3.0, 1.0), angle=0.5)
    work = Convolve(10)
    numbers = torch.from_numpy(work.numbers(kernel))[None]
    blurred, _ = work(to_batch([PHOTO]), numbers, NO_FIELDS)
    np.testing.assert_allclose(to_picture(blurred), convolve(PHOTO, kernel), atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (2, 3), (5, 30)])
def test_edges_are_mirrored_however_small_the_picture(height: int, width: int) -> None:
    picture = np.random.default_rng(0).random((height, width, 3), np.float32)
    expected = np.pad(picture, ((7, 7), (7, 7), (0, 0)), "reflect")
    assert np.array_equal(to_picture(mirrored(to_batch([picture]), 7)), expected)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_bicubic_is_pillows(scale: int, channels: int) -> None:
    photo = window("astronaut", 96, 120)[..., :channels]
    image = Image.fromarray(photo[..., 0] if channels == 1 else photo)
    expected = np.asarray(image.resize((120 // scale, 96 // scale), Image.Resampling.BICUBIC))
    [made], _ = degrade(f"bicubic:{scale}", to_floats(photo))
    differences = np.abs(to_bytes(made).astype(int) - expected.reshape(made.shape))
    assert differences.max() <= 1
    assert (differences > 0).mean() < 0.01


def test_shares_of_an_area_by_hand() -> None:
    # Two new pixels over three old ones: each covers one and a half.
    expected = np.array([[2, 1, 0], [0, 1, 2]]) / 3
    np.testing.assert_allclose(overlaps(3, 2, torch.zeros(1)), expected, atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("size", [(50, 77), (24, 30), (96, 120), (131, 120), (141, 199), (1, 2)])
def test_sizes_change_as_in_opencv(kernel: int, size: Size) -> None:
    expected = cv2.resize(PHOTO, size[::-1], interpolation=kernel)
    made, _ = Resample(size, kernel)(to_batch([PHOTO]), torch.zeros(1, 0), NO_FIELDS)
    np.testing.assert_allclose(to_picture(made), expected, atol=1e-4)


def test_noise_has_its_sigma() -> None:
    for sigma in (5.0, 25.0):
        [made, other], sigmas = degrade(f"noise:{sigma}", flat(0.0), (0, 1))
        # Of 120,000 numbers the deviation is known to 0.2 %.
        assert made.std() * 255 == pytest.approx(sigma, rel=0.01)
        assert made.mean() * 255 == pytest.approx(0, abs=0.02 * sigma)
        assert made.min() < 0, "what falls below black stays there"
        assert sigmas == [sigma, sigma]
        assert abs(np.corrcoef(made.ravel(), other.ravel())[0, 1]) < 0.02
        assert abs(np.corrcoef(made[..., 0].ravel(), made[..., 1].ravel())[0, 1]) < 0.02


def test_noises_add_in_variance() -> None:
    _, sigmas = degrade("noise:30,round@0.5,noise:40", flat(0.5, 8), range(6))
    assert sigmas == pytest.approx([50] * 6)


def test_strengths_are_drawn_item_by_item() -> None:
    made, sigmas = degrade("noise:10-50", flat(0.5), range(6))
    for seed, (one, sigma) in enumerate(zip(made, sigmas, strict=True)):
        assert sigma == pytest.approx(np.random.default_rng(seed).uniform(10, 50))
        assert one.std() * 255 == pytest.approx(sigma, rel=0.01)


def test_photons_vary_as_their_root() -> None:
    for value, strength in ((0.25, 1.0), (0.5, 2.0), (1.0, 0.5)):
        [made], [sigma] = degrade(f"poisson:{strength}", flat(value))
        expected = strength * np.sqrt(value / 255)
        assert made.std() == pytest.approx(expected, rel=0.02)
        assert made.mean() == pytest.approx(value, abs=0.01 * strength)
        assert sigma == pytest.approx(expected * 255, rel=1e-4)


def test_the_camera_adds_shot_and_read_noise_in_linear_light() -> None:
    # At shot = 0.01 the fitted read noise is exp(2.18 log 0.01 + 1.2) = 0.000145, give or take.
    picture = flat(float(from_linear(np.array(0.4))))
    [seen], [sigma] = degrade("camera:0.01", picture)
    light = to_linear(seen.astype(np.float64))
    assert light.mean() == pytest.approx(0.4, abs=0.002)
    assert light.var() == pytest.approx(0.01 * 0.4 + 0.000145, rel=0.05)
    assert sigma == pytest.approx((seen - picture).std() * 255, rel=0.01)


def test_gray_noise_moves_channels_alike() -> None:
    for text in ("noise:20;gray=1", "poisson:2;gray=1"):
        moved = degrade(text, flat(0.5))[0][0] - flat(0.5)
        np.testing.assert_allclose(moved[..., 0], moved[..., 1], atol=1e-6)
    # Of a red picture the brightness is counted: 0.299 * 255 photons, on average.
    red = np.zeros((200, 200, 3), np.float32)
    red[..., 0] = 1
    _, [sigma] = degrade("poisson:1;gray=1", red)
    assert sigma == pytest.approx(np.sqrt(0.299 * 255), rel=1e-4)
    assert degrade("poisson:1;gray=1", PHOTO[..., :1])[0][0].shape == (96, 120, 1)


def likeness(one: Picture, other: Picture) -> float:
    """PSNR."""
    return float(-10 * np.log10(np.mean(np.square(one - other)) + 1e-12))


def in_file(photo: Bytes, quality: int) -> Picture:
    buffer = io.BytesIO()
    image = Image.fromarray(photo[..., 0] if photo.shape[2] == 1 else photo)
    image.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return to_floats(np.asarray(Image.open(buffer))).reshape(photo.shape)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(96, 128), (101, 93)])
def test_jpeg_is_nearly_pillows(channels: int, height: int, width: int) -> None:
    photo = window("chelsea", height, width)[..., :channels]
    picture = to_floats(photo)
    for quality in (5, 10, 30, 49, 50, 75, 95):
        [made], _ = degrade(f"jpeg:{quality}", picture)
        expected = in_file(photo, quality)
        # What differs are coefficients that lie halfway between two steps.
        assert likeness(made, expected) > 42
        # That of kornia's differentiable codec is 0.4 to 0.9 dB off.
        assert likeness(made, picture) == pytest.approx(likeness(expected, picture), abs=0.15)
        assert np.array_equal(made, to_floats(to_bytes(made)))


def test_each_item_has_its_own_quality() -> None:
    made, _ = degrade("jpeg:5-95", PHOTO, range(6))
    for seed, one in enumerate(made):
        assert likeness(one, in_worker("jpeg:5-95", PHOTO, seed)) > 42


def test_blocks_that_are_not_full() -> None:
    for height, width in ((1, 1), (7, 17), (33, 8)):
        photo = window("chelsea", height, width)
        [made], _ = degrade("jpeg:100", to_floats(photo))
        assert likeness(made, in_file(photo, 100)) > 42


def test_rounding_is_numpys() -> None:
    picture = np.random.default_rng(0).normal(0.5, 0.5, (40, 30, 3)).astype(np.float32)
    assert np.array_equal(degrade("round", picture)[0][0], to_floats(to_bytes(picture)))


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_whole_pipeline_ends_at_its_scale(scale: int, channels: int) -> None:
    picture = to_floats(window("coffee", 96, 128))[..., :channels]
    made, sigmas = degrade(f"real:{scale}", picture, range(12))
    worked = [in_worker(f"real:{scale}", picture, seed) for seed in range(12)]
    for one in made:
        assert one.shape == (96 // scale, 128 // scale, channels)
        assert np.array_equal(one, to_floats(to_bytes(one))), "as in a file"
    assert len({one.tobytes() for one in made}) == 12
    assert min(sigmas) > 0
    # The chances are those of the workers, so what is lost on average is alike.
    lost = [
        np.mean([likeness(one, in_worker(f"fit:{scale}", picture)) for one in some])
        for some in (made, worked)
    ]
    assert lost[0] == pytest.approx(lost[1], abs=2)


def test_neighbors_change_nothing() -> None:
    """Sizes and orders differ within the batch, so some items go alone and some together."""
    text = "blur:0.2-3@0.5,resize:0.5-1.5,{noise:5|jpeg:60},(poisson:1|camera:0.001),fit:2,round"
    together, sigmas = degrade(text, PHOTO, range(8))
    jobs = plan(text, (96, 120), range(8)).jobs
    assert len({len(job.items) for job in jobs}) > 2
    for seed in range(8):
        [alone], [sigma] = degrade(text, PHOTO, [seed])
        assert sigma == pytest.approx(sigmas[seed], rel=1e-3)
        # Sums in another order may round to the next step.
        assert np.abs(alone - together[seed]).max() < 8 * STEP
        assert (np.abs(alone - together[seed]) > STEP / 2).mean() < 0.01


def test_what_agrees_is_done_at_once() -> None:
    jobs = plan("blur:0.2-3,noise:1-30,jpeg:30-95,bicubic:4", (96, 120), range(16)).jobs
    assert [job.items for job in jobs] == [tuple(range(16))] * 4


EXAMPLES = {
    "bicubic": "bicubic:2", "blur": "blur:1", "camera": "camera:0.01", "fit": "fit:2",
    "gaussian": "gaussian:1", "jpeg": "jpeg:50", "noise": "noise:5", "poisson": "poisson:1",
    "resize": "resize:0.5,fit:2", "round": "round", "sinc": "sinc:0.5",
}  # fmt: skip


def test_every_step_is_done_on_the_device() -> None:
    assert EXAMPLES.keys() == READERS.keys()
    for text in EXAMPLES.values():
        assert not not_on_device(parse_degradation(text).steps)
        degrade(text, PHOTO)


@dataclass(frozen=True)
class Smear:
    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return picture, 0.0


def test_what_is_not_is_told() -> None:
    with pytest.raises(DegradationError, match="smear is not done on the device"):
        draw((Smear(),), np.random.default_rng(0), (8, 8))


def test_a_side_that_does_not_divide_is_refused() -> None:
    for text in ("bicubic:4", "fit:4"):
        with pytest.raises(DegradationError, match="10x9 does not reduce by 4"):
            plan(text, (9, 10), [0])
