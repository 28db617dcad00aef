"""One descent: accumulated, scaled, measured; with numbers that can be written down."""

import pytest
import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler

from translate.descent import Part, descend


def weight() -> tuple[nn.Parameter, torch.optim.Optimizer]:
    one = nn.Parameter(torch.tensor([1.0, 1.0]))
    return one, torch.optim.SGD([one], lr=1.0)


def test_gradients_of_the_parts_are_averaged() -> None:
    one, optimizer = weight()
    factors = (torch.tensor([1.0, 0.0]), torch.tensor([3.0, 2.0]))
    for index, factor in enumerate(factors):
        assert one.tolist() == [1, 1], "it moves after the last part"
        descend([(factor * one).sum()], optimizer, 0.0, lambda _: None, Part(index, 2))
    # The mean of (1, 0) and (3, 2) is (2, 1).
    assert one.tolist() == [-1, 0]
    descend([(factors[0] * one).sum()], optimizer, 0.0, lambda _: None)
    assert one.tolist() == [-2, 0], "earlier gradients are forgotten"


def test_a_part_without_a_term_counts_as_zero() -> None:
    one, optimizer = weight()
    descend([2 * one.sum()], optimizer, 0.0, lambda _: None, Part(0, 2))
    descend([], optimizer, 0.0, lambda _: None, Part(1, 2))
    assert one.tolist() == [0, 0]


def test_the_norm_is_measured_before_clipping() -> None:
    one, optimizer = weight()
    loss = (torch.tensor([3.0, 4.0]) * one).sum()
    norm = descend([loss], optimizer, 1.0, lambda _: None, measured=True)
    assert norm is not None
    assert float(norm) == 5
    assert one.tolist() == pytest.approx([1 - 0.6, 1 - 0.8], abs=1e-5)
    assert descend([one.sum()], optimizer, 0.0, lambda _: None) is None


def test_scaled_gradients_are_unscaled_and_those_that_overflow_left_out() -> None:
    one, optimizer = weight()
    scaler = GradScaler("cpu", init_scale=1024.0)
    seen: list[float] = []

    def look(parameters) -> None:  # type: ignore[no-untyped-def]
        seen.append(float(parameters[0].grad[0]))

    descend([0.5 * one.sum()], optimizer, 0.0, look, scaler=scaler)
    assert seen == [512.0]
    assert one.tolist() == [0.5, 0.5]
    descend([one.sum() * float("inf")], optimizer, 0.0, look, scaler=scaler)
    assert one.tolist() == [0.5, 0.5]
    assert scaler.get_scale() == 512.0
