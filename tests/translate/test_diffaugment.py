"""Differentiable augmentation: what Zhao et al. 2020 do to a picture, and how often."""

import pytest
import torch

from translate.diffaugment import color, cutout, translation


def test_brightness_moves_a_gray_picture_by_up_to_a_half() -> None:
    torch.manual_seed(0)
    gray = torch.full((2000, 3, 4, 4), 0.4)
    moved = color(gray)
    # It stays one gray: there is no color to saturate, and no contrast.
    assert float((moved - moved[:, :1, :1, :1]).abs().max()) < 1e-6
    steps = moved[:, 0, 0, 0] - 0.4
    assert float(steps.min()) == pytest.approx(-0.5, abs=0.01)
    assert float(steps.max()) == pytest.approx(0.5, abs=0.01)
    # Uniform: five standard errors of the mean.
    assert abs(float(steps.mean())) < 5 * (1 / 12 / 2000) ** 0.5


def test_saturation_and_contrast_leave_the_mean_and_scale_what_differs_from_it() -> None:
    torch.manual_seed(0)
    picture = torch.zeros(2000, 3, 2, 2)
    # A pixel that is brighter than the others, without color, and two of opposite colors.
    picture[:, :, 0, 0] += 0.6
    picture[:, 0, 1] += torch.tensor([0.3, -0.3])
    moved = color(picture)
    base = moved[:, 2, 0, 1]
    contrast = (moved[:, :, 0, 0].mean(dim=1) - moved[:, :, 0, 1].mean(dim=1)) / 0.6
    assert float(contrast.min()) == pytest.approx(0.5, abs=0.01)
    assert float(contrast.max()) == pytest.approx(1.5, abs=0.01)
    saturation = (moved[:, 0, 1, 0] - moved[:, 1, 1, 0]) / 0.3 / contrast
    assert float(saturation.min()) == pytest.approx(0, abs=0.01)
    assert float(saturation.max()) == pytest.approx(2, abs=0.01)
    assert torch.allclose(moved[:, 0, 0, 1], base, atol=1e-6)
    means = moved.mean(dim=(1, 2, 3)) - picture.mean(dim=(1, 2, 3))
    assert float(means.abs().max()) <= 0.5 + 1e-6


def test_pictures_move_by_whole_pixels_up_to_an_eighth() -> None:
    torch.manual_seed(0)
    numbers = torch.arange(1.0, 16 * 24 + 1).reshape(1, 1, 16, 24).repeat(400, 2, 1, 1)
    shifts: set[tuple[int, int]] = set()
    for before, after in zip(numbers, translation(numbers), strict=True):
        assert torch.equal(after[0], after[1])
        # The middle of the picture is always in sight, and tells how far it went.
        place = (before[0] == after[0, 8, 12]).nonzero()[0]
        down, right = 8 - int(place[0]), 12 - int(place[1])
        shifts.add((down, right))
        whole = torch.zeros(2, 16 + 4, 24 + 6)
        whole[:, 2 + down : 18 + down, 3 + right : 27 + right] = before
        assert torch.equal(after, whole[:, 2:18, 3:27])
    assert shifts == {(down, right) for down in range(-2, 3) for right in range(-3, 4)}


def test_half_of_each_side_is_cut_around_any_place() -> None:
    torch.manual_seed(0)
    cut = cutout(torch.ones(4000, 2, 32, 64)) == 0
    assert torch.equal(cut[:, 0], cut[:, 1])
    rows, columns = cut[:, 0].any(dim=2).sum(dim=1), cut[:, 0].any(dim=1).sum(dim=1)
    assert torch.equal(cut[:, 0].sum(dim=(1, 2)), rows * columns), "a rectangle"
    assert (int(rows.min()), int(rows.max())) == (8, 16)
    assert (int(columns.min()), int(columns.max())) == (16, 32)
    # Centers from 0 to 8 of 33 rows, and from 0 to 16 of 65 columns, take the corner away.
    share = 9 / 33 * 17 / 65
    corner = float(cut[:, 0, 0, 0].float().mean())
    assert abs(corner - share) < 5 * (share * (1 - share) / 4000) ** 0.5
