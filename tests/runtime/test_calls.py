"""A translator called as a function: everything a run takes, and what it refuses."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from export.runtime import (
    Cancelled,
    ImageError,
    InputError,
    ModelError,
    PixstackError,
    ProviderError,
    Translator,
)
from export.runtime.images import Picture, write


def test_a_call_takes_what_a_run_takes_and_alpha_too(adder: Translator):
    picture = np.full((12, 16, 4), 100, np.uint8)
    picture[..., 3] = 50
    given = {"layout": np.zeros((12, 16), np.uint8), "noise": np.zeros((3, 12, 16), np.float32)}
    seen: list[tuple[int, int]] = []
    result = adder(picture, given | {"strength": 0}, progress=lambda *at: seen.append(at))
    assert result.shape == (12, 16, 4)
    assert (result[..., 3] == 50).all()
    assert seen[0][0] == 0
    assert seen[-1][0] == seen[-1][1] > 0
    bare = adder.run({"image": picture[..., :3], **given, "strength": 0}, "result")["result"]
    assert np.array_equal(result[..., :3], bare)
    first, again, other = (adder(picture, {"layout": given["layout"]}, seed=seed)
                           for seed in (1, 1, 2))  # fmt: skip
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    with pytest.raises(Cancelled):
        adder(picture, given, cancel=lambda: True)
    with pytest.raises(InputError, match="unknown output 'none'"):
        adder(picture, given, "none")


def test_another_process_opens_the_file_anew(enlarger: Translator):
    copy = pickle.loads(pickle.dumps(enlarger))
    assert (copy.path, copy.provider) == (enlarger.path, enlarger.provider)
    array = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert np.array_equal(copy(array), enlarger(array))


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.full((4, 4, 3), 255.0), "has values up to 255; floats are expected in [0, 1]: divide"),
        (np.full((4, 4, 3), np.nan), "has values that are no finite numbers"),
        (np.full((4, 4, 3), -np.inf), "has values that are no finite numbers"),
        (np.zeros((3, 40, 40), np.uint8), "it looks like (C, H, W): move the channels to the end"),
    ],
)
def test_pictures_of_another_convention_are_told(
    enlarger: Translator, array: np.ndarray, told: str
):
    with pytest.raises(InputError, match=re.escape(told)):
        enlarger(array)
    # Noise that is not clipped passes: five deviations of the strongest are no more than this.
    enlarger(np.full((4, 4, 3), 1 + 5 * 75 / 255, np.float32))


def test_alpha_is_sent_to_the_call(enlarger: Translator):
    with pytest.raises(InputError, match=r"with alpha it goes to the translator itself"):
        enlarger.run({"image": np.zeros((4, 4, 4), np.uint8)})


@pytest.mark.parametrize(
    ("views", "seed", "words"),
    [
        ({"noise": "abc"}, 0, "'noise' is 'abc'; expected numbers"),
        ({"noise": {}}, 0, "'noise' is '{}'; expected numbers"),
        ({"noise": [[1], [2, 3]]}, 0, "'noise' is no array"),
        ({"noise": np.full((3, 4, 4), np.nan)}, 0, "'noise' holds values that are no numbers"),
        ({"image": [[1], [2, 3]]}, 0, "'image' is no array"),
        ({}, -1, "the seed is '-1'; expected a whole number from 0 on"),
        ({}, 1.5, "the seed is '1.5'"),
    ],
)
def test_what_is_no_array_and_no_seed_is_told(adder: Translator, views, seed, words: str):
    given = {"image": np.zeros((4, 4, 3), np.uint8), "layout": np.zeros((4, 4), np.uint8)} | views
    with pytest.raises(InputError, match=re.escape(words)):
        adder.run(given, seed=seed)


def test_everything_it_refuses_has_one_base(tmp_path: Path):
    for error in (Cancelled, ImageError, InputError, ModelError, ProviderError):
        assert issubclass(error, PixstackError)
    with pytest.raises(PixstackError):
        Translator(tmp_path / "none.onnx")


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_a_quality_that_is_none_is_refused_before_the_run(
    enlarger: Translator, tmp_path: Path, quality: int
):
    write(tmp_path / "a.png", Picture(np.zeros((4, 4, 3), np.uint8)))
    with pytest.raises(ImageError, match=f"quality is {quality}; expected 1 to 100"):
        enlarger.file(tmp_path / "a.png", tmp_path / "b.jpg", quality=quality)
    assert not (tmp_path / "b.jpg").exists()
