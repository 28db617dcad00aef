"""Steps of pipelines for real photographs, against SciPy and numbers worked out by hand."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

from tests.photographs import window
from translate.degradations.blur import bell, convolve, sinc
from translate.degradations.noise import Camera, from_linear, to_linear
from translate.degradations.order import OneOf, Shuffled
from translate.degradations.step import Picture, Range, Size
from translate.degradations.text import read_steps
from translate.degrade import Degradation, DegradationError, parse_degradation
from translate.pixels import to_bytes, to_floats

PHOTO = to_floats(window("coffee", 96, 128))


def degrade(text: str, picture: Picture, seed: int = 0) -> Picture:
    return parse_degradation(text).apply(picture, np.random.default_rng(seed)).source


def flat(value: float, side: int = 200) -> Picture:
    return np.full((side, side, 3), value, np.float32)


def test_gaussian_blur_is_scipys() -> None:
    expected = ndimage.gaussian_filter(PHOTO, (1.5, 1.5, 0), mode="mirror", radius=(6, 6, 0))
    np.testing.assert_allclose(degrade("gaussian:1.5", PHOTO), expected, atol=1e-5)


def test_a_small_bell_by_hand() -> None:
    side, corner = np.exp(-0.5), np.exp(-1.0)
    expected = np.array([[corner, side, corner], [side, 1, side], [corner, side, corner]])
    np.testing.assert_allclose(bell(1, (1.0, 1.0)), expected / (1 + 4 * side + 4 * corner))
    # The flat-topped one: 1 / (1 + d), at squared distances of 0, 1 and 2.
    expected = np.array([[1 / 3, 1 / 2, 1 / 3], [1 / 2, 1, 1 / 2], [1 / 3, 1 / 2, 1 / 3]])
    np.testing.assert_allclose(bell(1, (1.0, 1.0), profile="plateau"), expected / (13 / 3))


def test_an_ellipse_turns_with_its_angle() -> None:
    level = bell(8, (3.0, 1.0))
    assert level[8, 12] > level[12, 8], "wider along the horizontal"
    np.testing.assert_allclose(bell(8, (3.0, 1.0), np.pi / 2), level.T, atol=1e-12)


def test_an_exponent_sharpens_or_flattens() -> None:
    pointed, plain, blunt = (
        bell(10, (3.0, 3.0), exponent=exponent) for exponent in (0.5, 1.0, 4.0)
    )
    # Half of the variance lies within a flat top; a pointed one has long tails.
    assert pointed[10, 0] > plain[10, 0] > blunt[10, 0]
    assert blunt[10, 12] / blunt[10, 10] > plain[10, 12] / plain[10, 10]


def test_the_sinc_passes_low_waves_and_stops_high_ones() -> None:
    kernel = sinc(10, 0.5)
    assert kernel.sum() == pytest.approx(1)
    places = np.arange(128, dtype=np.float32)

    def passed(frequency: float) -> float:
        """What is left of a wave of this share of the highest frequency."""
        wave = np.broadcast_to(np.cos(np.pi * frequency * places), (64, 128))[..., None]
        inner = convolve(wave.astype(np.float32), kernel)[20:-20, 20:-20]
        return float(inner.std() / wave[20:-20, 20:-20].std())

    assert passed(0.15) == pytest.approx(1, abs=0.1)
    assert passed(0.85) < 0.1
    assert np.abs(sinc(10, 1 / 3) - sinc(10, 1.0)).max() > 0.1


def test_photons_vary_as_their_root() -> None:
    for value, strength in ((0.25, 1.0), (0.5, 2.0), (1.0, 0.5)):
        degradation = parse_degradation(f"poisson:{strength}")
        degraded = degradation.apply(flat(value), np.random.default_rng(0))
        expected = strength * np.sqrt(value / 255)
        # Of 120,000 numbers the deviation is known to 0.2 %.
        assert degraded.source.std() == pytest.approx(expected, rel=0.02)
        assert degraded.sigma == pytest.approx(expected * 255, rel=1e-5)


def test_the_camera_adds_shot_and_read_noise_in_linear_light() -> None:
    # At shot = 0.01 the fitted read noise is exp(2.18 log 0.01 + 1.2) = 0.000145, give or take.
    seen = degrade("camera:0.01", flat(float(from_linear(np.array(0.4)))))
    light = to_linear(seen.astype(np.float64))
    assert light.mean() == pytest.approx(0.4, abs=0.002)
    assert light.var() == pytest.approx(0.01 * 0.4 + 0.000145, rel=0.05)
    dark = to_linear(degrade("camera:0.01", flat(float(from_linear(np.array(0.1))))).astype(float))
    assert dark.var() / light.var() == pytest.approx(0.26, abs=0.03)


def test_the_curve_of_srgb() -> None:
    # Middle gray of 8 bits is 21.4 % of the light; below 0.04045 the curve is a line.
    assert to_linear(np.array(0.5)) == pytest.approx(0.21404, abs=1e-5)
    assert to_linear(np.array(0.02)) == pytest.approx(0.02 / 12.92)
    values = np.linspace(0, 1, 101)
    np.testing.assert_allclose(from_linear(to_linear(values)), values, atol=1e-6)


def test_gray_noise_moves_channels_alike() -> None:
    for text in ("noise:20;gray=1", "poisson:2;gray=1"):
        moved = degrade(text, flat(0.5)) - flat(0.5)
        np.testing.assert_allclose(moved[..., 0], moved[..., 1], atol=1e-7)
    apart = degrade("noise:20", flat(0.5)) - flat(0.5)
    assert abs(np.corrcoef(apart[..., 0].ravel(), apart[..., 1].ravel())[0, 1]) < 0.02


def test_a_chance_is_one() -> None:
    degradation, random = parse_degradation("noise:50@0.3"), np.random.default_rng(0)
    struck = [degradation.apply(flat(0.5, 8), random).sigma > 0 for _ in range(1000)]
    assert 0.26 < np.mean(struck) < 0.34  # three deviations of 0.0145


@dataclass(frozen=True)
class Plus:
    amount: float

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return picture + np.float32(self.amount), 0.0


@dataclass(frozen=True)
class Times:
    factor: float

    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return picture * np.float32(self.factor), 0.0


@pytest.mark.parametrize(
    ("group", "outcomes"), [(OneOf, {1.0, 0.0}), (Shuffled, {1.0 * 2, 0.0 * 2 + 1.0})]
)
def test_groups_draw(group: type, outcomes: set[float]) -> None:
    degradation = Degradation("test", (group(((Plus(1.0),), (Times(2.0),))),))
    random = np.random.default_rng(0)
    found = [
        float(degradation.apply(np.zeros((1, 1, 1), np.float32), random).source[0, 0, 0])
        for _ in range(200)
    ]
    assert set(found) == outcomes
    assert 70 < found.count(1.0) < 130


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_whole_pipeline_ends_at_its_scale(scale: int, channels: int) -> None:
    degradation = parse_degradation(f"real:{scale}")
    assert degradation.scale == scale
    assert degradation.margin % scale == 0
    picture = PHOTO[:, :, :channels]
    made = [degradation.apply(picture, np.random.default_rng([7, key])) for key in range(12)]
    for one in made:
        assert one.source.shape == (96 // scale, 128 // scale, channels)
        assert one.source.dtype == np.float32
        assert np.array_equal(one.source, to_floats(to_bytes(one.source))), "as in a file"
        assert one.sigma > 0
    again = degradation.apply(picture, np.random.default_rng([7, 3])).source
    assert np.array_equal(again, made[3].source)
    assert len({one.source.tobytes() for one in made}) == len(made)


def test_a_drawn_size_grows_and_shrinks_as_often_as_told() -> None:
    [resize, _] = parse_degradation("resize:0.5-1.5;grow=0.25;shrink=0.5,fit:2").plain_steps
    random = np.random.default_rng(0)
    drawn = np.array([resize.draw(random) for _ in range(2000)])  # type: ignore[attr-defined]
    assert drawn.min() >= 0.5
    assert drawn.max() <= 1.5
    assert np.mean(drawn > 1) == pytest.approx(0.25, abs=0.03)
    assert np.mean(drawn == 1) == pytest.approx(0.25, abs=0.03)


def test_the_second_size_is_a_share_of_the_small_one() -> None:
    # Half of a fourth of 96x128, then exactly a fourth.
    degradation = parse_degradation("resize:0.5;of=4,fit:4")
    small = degradation.steps[0].apply(PHOTO, np.random.default_rng(0), (96, 128))[0]
    assert small.shape == (12, 16, 3)
    assert degrade("resize:0.5;of=4,fit:4", PHOTO).shape == (24, 32, 3)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("camera:1e-5", 1e-5, 1e-5),
        ("camera:1e-5-1e-3", 1e-5, 1e-3),
        ("camera:0.0001-1E-2", 1e-4, 1e-2),
        ("camera:1e-2-0.1", 1e-2, 0.1),
    ],
)
def test_ranges_in_scientific_notation(text: str, low: float, high: float) -> None:
    assert read_steps(text) == (Camera(Range(low, high)),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("resize:0.5-1", "add fit:S behind it"),
        ("fit:2,resize:0.5", "resize must stand before fit:S"),
        ("{fit:2|resize:0.5}", "resize must stand before fit:S"),
        ("fit:2,fit:2", "sets the size once"),
        ("bicubic:2,fit:2", "sets the size once"),
        ("(fit:2|bicubic:2)", "sets the size once"),
        ("(fit:2|noise:5)", "they happen always"),
        ("bicubic:4@0.5", "they happen always"),
        ("real:4@0.5", "they happen always"),
        ("{(bicubic:2|jpeg:5)|round}", "they happen always"),
        ("real", "real takes a whole factor of 1 to 16, got ''"),
        ("real:4;sinc=1", "real has no option 'sinc'"),
        ("noise:5;grey=1", "noise has no option 'grey'"),
        ("noise:5;gray=2", "noise;gray takes a number of 0 to 1, got '2'"),
        ("noise:5@", "@ takes a number of 0 to 1, got ''"),
        ("(noise:5|jpeg:5", "a group is not closed by ')'"),
        ("{noise:5)", "a group is not closed by '}'"),
        ("noise:5)", "unexpected ')'"),
        ("noise:5|jpeg:5", "unexpected '|'"),
        ("(noise:5)jpeg:5", "unexpected 'jpeg:5'"),
        ("(" * 10000, "more than 8 groups nested"),
        ("camera:1e-3-1e-5", "within 1e-06 to 1, got '1e-3-1e-5'"),
        ("camera:1e-5-", "got '1e-5-'"),
        ("round:3", "round takes no number, got '3'"),
        ("resize:0.5-2;grow=0.8;shrink=0.7,fit:2", "together above 1"),
        ("resize:0.5;of=2.9,fit:2", "of is the scale of the result, a whole number; got 2.9"),
        ("sharpen:3", "unknown step 'sharpen'; known: bicubic, blur, camera, classical, fit,"),
    ],
)
def test_what_cannot_be_is_told(text: str, told: str) -> None:
    with pytest.raises(DegradationError) as error:
        parse_degradation(text)
    assert told in str(error.value)
