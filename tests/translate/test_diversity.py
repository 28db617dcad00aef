"""Diversity of a set of pictures, against torchmetrics and the windows of the paper by SciPy."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchmetrics.image import MultiScaleStructuralSimilarityIndexMeasure

from tests.photographs import photograph
from tests.translate.test_structure import expected_ms_ssim
from translate.diversity import diversity, draw_pairs, pair_similarities
from translate.losses.structure import SCALE_WEIGHTS, ms_ssim_loss


def picture(name: str, side: int) -> Tensor:
    pixels = photograph(name)[50 : 50 + side, 60 : 60 + side]
    return torch.from_numpy(pixels / np.float32(255)).permute(2, 0, 1)


def pictures(side: int) -> Tensor:
    return torch.stack([picture(name, side) for name in ("astronaut", "chelsea", "coffee")])


def test_two_photographs_as_torchmetrics_has_them() -> None:
    both = pictures(200)[:2]
    metric: Any = MultiScaleStructuralSimilarityIndexMeasure(data_range=1.0, normalize="relu")
    # A group of two holds one pair, whichever way round.
    assert diversity([both], pairs=5) == pytest.approx(float(metric(both[:1], both[1:])), abs=1e-3)


@pytest.mark.parametrize("side", [16, 32, 90])
def test_pairs_by_the_windows_inside(side: int) -> None:
    # Pictures much alike, so that no scale is cut off at 0.
    one = pictures(side)
    other = (0.8 * one + 0.2 * one.flip(0)).clamp(0, 1)
    found = pair_similarities(torch.cat([one, other]), [(0, 3), (1, 4), (2, 5)])
    weights = SCALE_WEIGHTS[: {16: 1, 32: 2, 90: 4}[side]]
    weights = tuple(weight / sum(weights) for weight in weights)
    doubles = [(one[at : at + 1].double(), other[at : at + 1].double()) for at in range(3)]
    expected = [expected_ms_ssim(*pair, weights) for pair in doubles]
    assert found.tolist() == pytest.approx(expected, abs=1e-4)
    # The loss is of the same values.
    assert 1 - float(ms_ssim_loss(one, other)) == pytest.approx(np.mean(expected), abs=1e-4)


def test_what_is_turned_around_is_not_alike() -> None:
    one = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert pair_similarities(torch.cat([one, 1 - one]), [(0, 1)]).tolist() == [0]


def test_copies_are_alike_and_unrelated_pictures_are_not() -> None:
    copies = pictures(64)[:1].expand(4, -1, -1, -1)
    assert diversity([copies]) == pytest.approx(1)
    noise = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert diversity([noise]) < 0.05
    assert diversity([pictures(64)]) < 0.5
    # The mean over groups, whatever their number of pictures.
    mixed = diversity([copies, noise])
    assert mixed == pytest.approx((1 + diversity([noise])) / 2, abs=0.01)


def test_pairs_are_of_two_different_pictures() -> None:
    pairs = draw_pairs(5, 2_000, np.random.default_rng(0))
    assert all(first != second for first, second in pairs)
    counts = np.bincount([5 * first + second for first, second in pairs], minlength=25)
    counts = counts.reshape(5, 5)[~np.eye(5, dtype=bool)]
    # Each of the 20 ordered pairs 100 times, give or take five deviations of such a count.
    assert counts.min() > 50
    assert counts.max() < 150


def test_a_seed_names_a_draw() -> None:
    group = torch.rand(9, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert diversity([group], 7, seed=1) == diversity([group], 7, seed=1)
    assert diversity([group], 7, seed=1) != diversity([group], 7, seed=2)


def test_what_has_no_diversity() -> None:
    with pytest.raises(ValueError, match="got none"):
        diversity([])
    with pytest.raises(ValueError, match="two pictures of a group; got 1"):
        diversity([torch.rand(1, 3, 32, 32)])
    with pytest.raises(ValueError, match="11x11 pixels or more; the picture has 8x8"):
        diversity([torch.rand(2, 3, 8, 8)])
