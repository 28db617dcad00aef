"""Reconstruction terms by hand."""

import math

import pytest
import torch

from translate.losses.reconstruction import RECONSTRUCTION

FAKE = torch.tensor([[0.0, 0.5], [1.0, 0.25]], dtype=torch.float64)
TRUTH = torch.tensor([[0.25, 0.5], [0.0, 0.5]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("l1", (0.25 + 0 + 1 + 0.25) / 4),
        ("l2", (0.0625 + 0 + 1 + 0.0625) / 4),
        # Lai et al. 2017, equation 3: sqrt(d^2 + epsilon^2) with epsilon 1e-3.
        ("charbonnier", (2 * math.sqrt(0.0625 + 1e-6) + 1e-3 + math.sqrt(1 + 1e-6)) / 4),
    ],
)
def test_values(name: str, expected: float) -> None:
    assert float(RECONSTRUCTION[name](FAKE, TRUTH)) == pytest.approx(expected, rel=1e-12)
    assert float(RECONSTRUCTION[name](TRUTH, FAKE)) == pytest.approx(expected, rel=1e-12)


def test_every_term_is_known_here() -> None:
    assert set(RECONSTRUCTION) == {
        "l1", "l2", "charbonnier", "ssim", "ms_ssim", "edge", "color", "texture", "total_variation",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(RECONSTRUCTION))
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    random = torch.Generator().manual_seed(0)
    # Two scales of multi-scale similarity need a side of 22, the other terms next to nothing.
    side = 22 if name == "ms_ssim" else 11 if name == "ssim" else 4
    shape = (1, 1, side, side) if side > 4 else (2, 3, 4, 4)
    truth = torch.rand(shape, generator=random, dtype=torch.float64)
    # Alike enough for a structure that is no negative one, and nowhere equal.
    fake = truth * 0.7 + 0.2 * torch.rand(shape, generator=random, dtype=torch.float64)
    fake.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda picture: RECONSTRUCTION[name](picture, truth), fake, fast_mode=side > 4
    )


@pytest.mark.parametrize("name", sorted(set(RECONSTRUCTION) - {"total_variation"}))
def test_a_perfect_picture_costs_nothing(name: str) -> None:
    random = torch.Generator().manual_seed(0)
    truth = torch.rand(2, 3, 24, 30, generator=random, dtype=torch.float64)
    floor = 1e-3 if name == "charbonnier" else 0
    assert float(RECONSTRUCTION[name](truth, truth)) == pytest.approx(floor, abs=1e-12)
    assert float(RECONSTRUCTION[name](truth * 0.8, truth)) > 2 * floor


def test_total_variation_looks_at_the_fake_alone() -> None:
    stripes = torch.tensor([0.0, 1.0]).repeat(4, 2)[None, None]
    assert float(RECONSTRUCTION["total_variation"](stripes, stripes)) == 3 / 4
    assert float(RECONSTRUCTION["total_variation"](stripes * 0, stripes)) == 0


def test_charbonnier_has_a_gradient_where_pictures_agree() -> None:
    fake = torch.zeros(3, requires_grad=True)
    RECONSTRUCTION["charbonnier"](fake, torch.zeros(3)).backward()
    assert fake.grad is not None
    assert torch.equal(fake.grad, torch.zeros(3)), "0, not the nan of a bare square root"
