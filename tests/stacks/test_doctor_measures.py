"""The doctor's measures against scikit-image and numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.registration import phase_cross_correlation

from stacks.doctor.alignment import edges, label_edges, shift_between
from stacks.doctor.duplicates import groups, hashes
from stacks.doctor.headers import read_header
from tests.photographs import photograph
from tests.stacks.faults import label_map, luma, photo


@pytest.mark.parametrize("moved", [(0, 0), (3, 5), (-4, 2), (0, -7)])
def test_a_shift_is_what_scikit_image_measures(moved: tuple[int, int]) -> None:
    whole = luma(photograph("astronaut"))
    down, across = moved
    first = edges(whole[100:228, 150:278])
    second = edges(whole[100 - down : 228 - down, 150 - across : 278 - across])
    shift = shift_between(first, second)
    assert shift is not None
    [theirs_down, theirs_across], *_ = phase_cross_correlation(second, first)
    assert (theirs_down, theirs_across) == moved
    assert (shift.down, shift.across) == pytest.approx(moved, abs=0.3)
    assert shift.off == (moved != (0, 0))


def test_pictures_of_different_scenes_are_not_out_of_alignment() -> None:
    found = []
    for index in range(24):
        found.append(shift_between(label_edges(label_map(index)), edges(luma(photo(index)))))
    assert not any(shift is not None and shift.off for shift in found)


def test_a_hash_says_where_it_grows_brighter() -> None:
    rising = np.tile(np.arange(9, dtype=np.uint8) * 10, (8, 1))
    # Rows of eight differences, the first in the highest bit.
    half = rising.copy()
    half[:, 5:] = half[:, 4:5]
    found = hashes(np.stack([rising, rising[:, ::-1], half])).view(np.uint8).reshape(3, 8)
    assert found.tolist() == [[0b11111111] * 8, [0] * 8, [0b11110000] * 8]


def test_groups_of_pictures_that_are_nearly_the_same() -> None:
    thumbs = np.random.default_rng(0).integers(0, 256, (50, 8, 9)).astype(np.uint8)
    thumbs[7] = thumbs[3]
    thumbs[21] = thumbs[3] ^ 1  # one level up or down
    thumbs[30] = 255 - thumbs[9]
    # Flat pictures have the hash 0 in common, and are told apart by their brightness.
    thumbs[40], thumbs[41] = 10, 200
    assert [sorted(group) for group in groups(thumbs)] == [[3, 7, 21]]


@pytest.mark.parametrize(("mode", "told"), [("P", "palette"), ("RGB", "rgb"), ("L", "gray")])
def test_a_color_that_is_see_through_is_alpha(tmp_path: Path, mode: str, told: str) -> None:
    path, clear = tmp_path / "a.png", (0, 0, 0) if mode == "RGB" else 0
    picture = Image.new(mode, (4, 3))
    picture.save(path)
    assert read_header(path).mode == f"{told} 8 bit"
    picture.save(path, transparency=clear)
    assert read_header(path).mode == f"{told} with alpha 8 bit"
