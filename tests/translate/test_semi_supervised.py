"""The K-logit form against the softmax over K + 1 classes that it stands for."""

import math

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from translate.losses.semi_supervised import supervised_loss, unsupervised_loss

REAL = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.0, -1.0]], dtype=torch.float64)
FAKE = torch.tensor([[-1.0, -4.0, 2.0], [0.0, 0.0, 0.0], [1.0, 1.0, -7.0]], dtype=torch.float64)


def with_fake_class(logits: torch.Tensor) -> np.ndarray:
    """Log-probabilities of K + 1 classes; the last, the fake one, has the logit 0."""
    return log_softmax(np.pad(logits.numpy(), ((0, 0), (0, 1))), axis=1)


def test_it_is_the_softmax_over_one_class_more() -> None:
    real, fake = with_fake_class(REAL), with_fake_class(FAKE)
    chances = np.exp(real[:, :3]).sum(axis=1)
    expected = -np.log(chances).mean() - fake[:, 3].mean()
    assert float(unsupervised_loss(REAL, FAKE)) == pytest.approx(expected, rel=1e-12)


def test_by_hand() -> None:
    # Three logits of 0: Z = 3, D = 3 / 4; with log(1 / 3) each, Z = 1 and D = 1 / 2.
    zeros = torch.zeros(1, 3, dtype=torch.float64)
    thirds = zeros - math.log(3)
    expected = -math.log(3 / 4) - math.log(1 / 2)
    assert float(unsupervised_loss(zeros, thirds)) == pytest.approx(expected)
    assert float(supervised_loss(zeros, torch.tensor([1]))) == pytest.approx(math.log(3))


def test_the_supervised_part_is_given_that_the_sample_is_real() -> None:
    labels = torch.tensor([2, 0])
    log_real = with_fake_class(REAL)
    given_real = log_real[:, :3] - np.log(np.exp(log_real[:, :3]).sum(axis=1, keepdims=True))
    expected = -(given_real[0, 2] + given_real[1, 0]) / 2
    assert float(supervised_loss(REAL, labels)) == pytest.approx(expected, rel=1e-12)
    # So it does not say how real a sample is: all logits may move together.
    moved = supervised_loss(REAL + 5, labels)
    assert float(moved) == pytest.approx(expected, rel=1e-12)


def test_gradients() -> None:
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    assert torch.autograd.gradcheck(unsupervised_loss, (real, fake))
    assert torch.autograd.gradcheck(lambda one: supervised_loss(one, torch.tensor([2, 0])), real)


def test_logits_of_any_size() -> None:
    # exp(1000) is no number; the loss of being sure and wrong is the logit itself.
    huge = torch.tensor([[1000.0, -1000.0]], requires_grad=True)
    loss = unsupervised_loss(-huge.abs(), huge)
    assert float(loss.detach()) == pytest.approx(1000 - math.log(2) + 1000)
    loss.backward()
    assert huge.grad is not None
    assert huge.grad.isfinite().all()
    assert unsupervised_loss(huge, -huge.abs()).item() == pytest.approx(0, abs=1e-6)
