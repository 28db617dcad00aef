"""Protocols: how pictures are degraded, cut, compared and averaged."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from stacks.evaluate import (
    Protocol,
    Score,
    evaluate,
    fingerprint,
    means,
    output_of_scale,
    prepare,
    stack_predictor,
    subset,
)
from stacks.recipe import parse_recipe
from stacks.stack import Stack
from tests.photographs import window, write_pictures
from tests.stacks import tiny
from translate.layouts import Reading, find_items, match
from translate.pairs import Pairs, list_pictures
from translate.pixels import to_bytes, to_floats

PHOTOS = {
    "b": window("chelsea", 41, 55),
    "a": window("coffee", 36, 40),
    "c": window("coffee", 30, 31),
}


KINDS = Reading({"target": "rgb"})
BOTH = Reading({"source": "rgb", "target": "rgb"})


@pytest.fixture
def pairs(tmp_path: Path) -> Pairs:
    write_pictures(tmp_path, {f"{name}.png": photo for name, photo in PHOTOS.items()})
    return Pairs(find_items(tmp_path, "targets", KINDS))


def enlarge(scale: int) -> Any:
    """A baseline: Pillow's bicubic enlargement."""

    def predict(views: Mapping[str, Any]) -> dict[str, np.ndarray]:
        source = views["source"]
        size = (source.shape[1] * scale, source.shape[0] * scale)
        picture = Image.fromarray(to_bytes(source)).resize(size, Image.Resampling.BICUBIC)
        return {"out": to_floats(np.asarray(picture))}

    return predict


def identity(views: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {"out": views["source"]}


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_super_resolution_step_by_step(pairs: Pairs, scale: int) -> None:
    scores = list(evaluate(enlarge(scale), pairs, Protocol(f"bicubic:{scale}"), "out"))
    assert [score.name for score in scores] == ["a", "b", "c"]
    for score in scores:
        photo = PHOTOS[score.name]
        height, width = (side // scale * scale for side in photo.shape[:2])
        target = photo[:height, :width]
        small = Image.fromarray(target).resize(
            (width // scale, height // scale), Image.Resampling.BICUBIC
        )
        result = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
        inner = slice(scale, -scale)
        expected = peak_signal_noise_ratio(target[inner, inner], result[inner, inner])
        assert score.measures["psnr_rgb"] == pytest.approx(expected, abs=1e-3)
        weights = np.array([65.481, 128.553, 24.966]) / 255
        y, result_y = (16 + pixels[inner, inner] @ weights for pixels in (target, result))
        expected = peak_signal_noise_ratio(y, result_y, data_range=255)
        assert score.measures["psnr_y"] == pytest.approx(expected, abs=1e-3)


def test_noise_is_keyed_by_seed_and_index_in_name_order(pairs: Pairs) -> None:
    for seed in (0, 5):
        for index, name in enumerate(("a", "b", "c")):
            source, target = prepare(pairs, index, Protocol("noise:25", seed))
            photo = PHOTOS[name] / 255
            noise = np.random.default_rng([seed, index]).standard_normal(photo.shape)
            np.testing.assert_allclose(source, photo + noise * 25 / 255, atol=1e-6)
            assert np.array_equal(target, to_floats(PHOTOS[name])), "nothing is cut"


def test_denoising_cuts_nothing_and_rounds(pairs: Pairs) -> None:
    [score, *_] = evaluate(identity, pairs, Protocol("noise:25"), "out")
    photo = PHOTOS["a"]
    noise = np.random.default_rng([0, 0]).standard_normal(photo.shape) * 25
    result = np.clip(photo + noise, 0, 255).round().astype(np.uint8)
    expected = peak_signal_noise_ratio(photo, result)
    assert score.measures["psnr_rgb"] == pytest.approx(expected, abs=2e-3)


def test_scale_then_jpeg_cuts_by_the_scale(pairs: Pairs) -> None:
    protocol = Protocol("bicubic:2,jpeg:60")
    assert protocol.describe() == {
        "degrade": "bicubic:2,jpeg:60", "seed": 0, "border": 2, "luma": "BT.601 studio range",
        "rounded": "8 bits",
    }  # fmt: skip
    assert Protocol().describe()["border"] == 0
    source, target = prepare(pairs, 1, protocol)
    assert (source.shape, target.shape) == ((20, 27, 3), (40, 54, 3))


def test_pairs_bring_their_own_source(tmp_path: Path) -> None:
    write_pictures(tmp_path / "A", {"1.png": 255 - PHOTOS["a"]})
    write_pictures(tmp_path / "B", {"1.png": PHOTOS["a"]})
    pairs = Pairs(find_items(tmp_path, "views", Reading({"source": "rgb", "target": "rgb"})))

    def negative(views: Mapping[str, Any]) -> dict[str, np.ndarray]:
        return {"out": 1 - views["source"]}

    [score] = evaluate(negative, pairs, Protocol(), "out")
    assert score.measures["psnr_rgb"] == 100


def test_further_inputs_reach_the_predictor(pairs: Pairs) -> None:
    seen = []

    def told(views: Mapping[str, Any]) -> dict[str, np.ndarray]:
        seen.append(views["strength"])
        return {"out": views["source"]}

    scores = list(evaluate(told, pairs, Protocol("noise:5"), "out", {"strength": 5.0}))
    assert seen == [5.0] * 3
    assert all(score.seconds >= 0 for score in scores)


def test_a_picture_that_cannot_be_measured_is_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"fine.png": PHOTOS["a"], "tiny.png": PHOTOS["a"][:2, :30]})
    pairs = Pairs(find_items(tmp_path, "targets", Reading({"target": "rgb"})))
    for degrade, predict in (("bicubic:4", enlarge(4)), ("noise:5", identity)):
        with pytest.raises(ValueError, match=r"^tiny: "):
            list(evaluate(predict, pairs, Protocol(degrade), "out"))


def test_a_picture_that_cannot_be_predicted_is_named(pairs: Pairs) -> None:
    def predict(views: Mapping[str, Any]) -> dict[str, Any]:
        raise ValueError("the picture is too small")

    with pytest.raises(ValueError, match=f"^{pairs.items[0].name}: the picture is too small$"):
        list(evaluate(predict, pairs, Protocol("noise:25"), "target"))


def test_means_are_over_pictures() -> None:
    scores = [
        Score("a", {"psnr_y": 30.0, "ssim_y": 0.5}, 0.1),
        Score("b", {"psnr_y": 33.0, "ssim_y": 0.75}, 0.1),
        Score("c", {"psnr_y": 36.0, "ssim_y": 1.0}, 0.1),
    ]
    assert means(scores) == {"psnr_y": 33.0, "ssim_y": 0.75}


def test_a_subset_by_name(pairs: Pairs) -> None:
    some = subset(pairs, ["c", "a", "c"])
    assert [item.name for item in some.items] == ["a", "c"]
    # The noise of a picture follows its place among those measured.
    noise = np.random.default_rng([0, 1]).standard_normal(PHOTOS["c"].shape)
    source, _ = prepare(some, 1, Protocol("noise:10"))
    np.testing.assert_allclose(source, PHOTOS["c"] / 255 + noise * 10 / 255, atol=1e-6)
    with pytest.raises(ValueError, match="no picture is named 'd' among the 3 targets"):
        subset(pairs, ["a", "d"])
    with pytest.raises(ValueError, match="no names of pictures were given"):
        subset(pairs, [])


def test_targets_are_told_apart_by_name_and_file(tmp_path: Path) -> None:
    def told(folder: str, pictures: dict[str, np.ndarray]) -> str:
        write_pictures(tmp_path / folder, {f"{name}.png": one for name, one in pictures.items()})
        return fingerprint(Pairs(find_items(tmp_path / folder, "targets", KINDS)))

    first = told("first", PHOTOS)
    assert first == told("second", PHOTOS)
    changed = PHOTOS["b"].copy()
    changed[0, 0, 0] ^= 1
    others = [
        {**PHOTOS, "b": changed},
        {**PHOTOS, "b": PHOTOS["c"], "c": PHOTOS["b"]},
        {"d" if name == "c" else name: photo for name, photo in PHOTOS.items()},
    ]
    found = {told(f"other{index}", other) for index, other in enumerate(others)}
    assert len({first, *found}) == 4


def test_targets_are_the_same_whatever_their_sources_are_called(tmp_path: Path) -> None:
    for folder, name in (("clean", "clean-{}"), ("wet", "rainy-{}"), ("again", "clean-{}")):
        pictures = {f"{name.format(one)}.png": photo for one, photo in PHOTOS.items()}
        write_pictures(tmp_path / folder, pictures)
    targets = list_pictures(tmp_path / "clean")
    marks = {
        fingerprint(
            Pairs(match({"source": list_pictures(tmp_path / one), "target": targets}, BOTH))
        )
        for one in ("wet", "again")
    }
    assert len(marks) == 1


def test_a_subset_has_every_picture_of_a_name(pairs: Pairs) -> None:
    twice = Pairs([*pairs.items, *pairs.items])
    assert [item.name for item in subset(twice, ["b"]).items] == ["b", "b"]


def test_a_stack_as_a_predictor_at_odd_sizes() -> None:
    stack = Stack(parse_recipe(tiny.DENOISING)).eval()
    assert stack.multiple == 4
    source = to_floats(window("coffee", 13, 18))
    predict = stack_predictor(stack)
    written = predict({"source": source, "strength": 25.0})
    assert {name: view.shape for name, view in written.items()} == {
        "noise_map": (13, 18, 1), "target": (13, 18, 3),
    }  # fmt: skip
    assert written["noise_map"] == pytest.approx(np.full((13, 18, 1), 25 / 255))
    # Padded by hand to a multiple of 4, mirroring the edge.
    padded = np.pad(source, ((0, 3), (0, 2), (0, 0)), "symmetric").transpose(2, 0, 1)[None]
    with torch.inference_mode():
        expected = stack({"source": torch.from_numpy(padded), "strength": torch.tensor([25.0])})
    cut = expected["target"][0, :, :13, :18].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(written["target"], cut, atol=1e-6)
    blind = predict({"source": source})
    assert not np.allclose(blind["noise_map"], written["noise_map"])


def test_a_stack_of_two_scales_as_a_predictor() -> None:
    stack = Stack(parse_recipe(tiny.SUPER_RESOLUTION)).eval()
    written = stack_predictor(stack)({"source": to_floats(window("coffee", 7, 9))})
    assert written["x2"].shape == (14, 18, 3)
    assert written["x4"].shape == (28, 36, 3)
    assert output_of_scale(stack, 2) == "x2"
    assert output_of_scale(stack, 4) == "x4"
    with pytest.raises(
        ValueError, match="no output of scale 3; this stack writes x2 of scale 2, x4 of scale 4"
    ):
        output_of_scale(stack, 3)


def test_the_last_output_of_a_scale_is_measured() -> None:
    assert output_of_scale(Stack(parse_recipe(tiny.DENOISING)), 1) == "target"
