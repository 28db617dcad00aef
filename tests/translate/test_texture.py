"""The texture term by hand: what it sees, and what it does not care about."""

import math

import pytest
import torch

from translate.losses.texture import FLOOR, laws_masks, texture, texture_energy


def stripes(size: int = 34, contrast: float = 0.25) -> torch.Tensor:
    """Rows alternately lighter and darker than the middle by ``contrast``: (1, 3, H, W)."""
    rows = 0.5 + contrast * (-1.0) ** torch.arange(size, dtype=torch.float64)
    return rows[:, None].expand(1, 3, size, size).clone()


def test_masks_are_those_of_laws_without_the_level() -> None:
    masks = laws_masks()
    assert masks.shape == (8, 1, 3, 3)
    assert torch.allclose(masks.square().sum(dim=(1, 2, 3)), torch.ones(8))
    assert torch.allclose(masks.sum(dim=(1, 2, 3)), torch.zeros(8), atol=1e-6), "blind to light"
    # Spot by level: (-1, 2, -1) down, (1, 2, 1) across, each over its norm, sqrt(6).
    expected = torch.outer(torch.tensor([-1.0, 2.0, -1.0]), torch.tensor([1.0, 2.0, 1.0])) / 6
    assert any(torch.allclose(mask, expected) for mask in masks[:, 0])


def test_energy_of_stripes() -> None:
    energy = texture_energy(stripes(contrast=0.25))
    # Only spot by level answers: 4 / sqrt(6) times the contrast down, 4 / sqrt(6) across.
    expected = (0.25 * 4 / math.sqrt(6) * 4 / math.sqrt(6)) ** 2
    assert energy.shape == (1, 8, 3, 3)
    sums = energy.sum(dim=1)
    assert torch.allclose(sums, torch.full_like(sums, expected))
    assert int((energy.mean(dim=(0, 2, 3)) > 1e-6).sum()) == 1


def test_the_same_texture_elsewhere_costs_nothing() -> None:
    picture = stripes()
    negative = 1 - picture
    assert float((picture - negative).abs().mean()) == pytest.approx(0.5)
    assert float(texture(negative, picture)) == pytest.approx(0, abs=1e-9)


def test_half_the_contrast() -> None:
    # One of eight energies differs: by four, but for what is added to both.
    energy = (0.25 * 16 / 6) ** 2
    expected = math.log((energy + FLOOR) / (energy / 4 + FLOOR)) / 8
    assert float(texture(stripes(contrast=0.125), stripes())) == pytest.approx(expected, rel=1e-4)


def test_texture_in_the_wrong_place_costs() -> None:
    left = torch.full((1, 3, 34, 50), 0.5, dtype=torch.float64)
    left[..., :17] = stripes()[..., :17]
    right = left.flip(3)
    # Of the five windows across, the first and the last hold stripes in one picture, next to
    # nothing in the other; their energy is at least that of the 15 columns beside which all is
    # striped.
    energy = 15 / 16 * (0.25 * 16 / 6) ** 2
    assert float(texture(left, right)) > 2 / 5 * math.log(energy / FLOOR) / 8


@pytest.mark.parametrize("size", [3, 4, 17, 40])
def test_any_size_from_three(size: int) -> None:
    picture = torch.rand(2, 3, size, size + 1, generator=torch.Generator().manual_seed(0))
    assert float(texture(picture, picture)) == 0
    assert float(texture(picture / 2, picture)) > 0
