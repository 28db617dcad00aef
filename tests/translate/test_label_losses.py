"""Losses of label views against SciPy and numbers worked out by hand."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from translate.losses.labels import cross_entropy, cross_entropy_of_probabilities, dice

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


LOGITS = random(2, 4, 3, 5)
LABELS = torch.randint(4, (2, 3, 5), generator=torch.Generator().manual_seed(1))


def test_cross_entropy_is_scipys() -> None:
    chances = log_softmax(LOGITS.numpy(), axis=1)
    expected = -np.take_along_axis(chances, LABELS.numpy()[:, None], axis=1).mean()
    assert float(cross_entropy(LOGITS, LABELS)) == pytest.approx(expected, rel=1e-12)
    assert float(cross_entropy(LOGITS, LABELS[:, None])) == pytest.approx(expected, rel=1e-12)
    given = cross_entropy_of_probabilities(LOGITS.softmax(dim=1), LABELS[:, None].int())
    assert float(given) == pytest.approx(expected, rel=1e-12)


def test_cross_entropy_by_hand() -> None:
    # Two pixels of three classes: the true ones have 1 / 2 and 1 / 8.
    probabilities = torch.tensor([[[[0.5, 0.5]], [[0.25, 0.125]], [[0.25, 0.375]]]])
    labels = torch.tensor([[[0, 1]]])
    expected = (math.log(2) + math.log(8)) / 2
    assert float(cross_entropy_of_probabilities(probabilities, labels)) == pytest.approx(expected)
    assert float(cross_entropy(probabilities.log(), labels)) == pytest.approx(expected)


def test_being_sure_and_wrong_stays_finite() -> None:
    probabilities = torch.tensor([[[[0.0]], [[1.0]]]], requires_grad=True)
    loss = cross_entropy_of_probabilities(probabilities, torch.tensor([[[0]]]))
    assert float(loss.detach()) == pytest.approx(-math.log(1e-7))
    loss.backward()
    assert probabilities.grad is not None
    assert probabilities.grad.isfinite().all()
    logits = torch.tensor([[[[-500.0]], [[500.0]]]])
    assert float(cross_entropy(logits, torch.tensor([[[0]]]))) == pytest.approx(1000)


def test_dice_by_hand() -> None:
    # Two pictures of one pixel, three classes of which the third is nowhere.
    probabilities = torch.tensor([[0.6, 0.4, 0.0], [0.2, 0.8, 0.0]], dtype=torch.float64)
    probabilities = probabilities[:, :, None, None]
    labels = torch.tensor([0, 1])[:, None, None]
    first = (2 * 0.6 + 1) / (0.6**2 + 0.2**2 + 1 + 1)
    second = (2 * 0.8 + 1) / (0.4**2 + 0.8**2 + 1 + 1)
    expected = 1 - (first + second + 1) / 3
    assert float(dice(probabilities, labels)) == pytest.approx(expected, rel=1e-12)
    # Without smoothing, over the two classes that are there.
    first, second = 1.2 / (0.4 + 1), 1.6 / (0.8 + 1)
    given = dice(probabilities[:, :2], labels, smooth=0)
    assert float(given) == pytest.approx(1 - (first + second) / 2, rel=1e-12)


def test_dice_from_right_to_wrong() -> None:
    right = torch.nn.functional.one_hot(LABELS, 4).movedim(-1, 1).double()
    assert float(dice(right, LABELS)) == pytest.approx(0, abs=1e-12)
    wrong = right.roll(1, dims=1)
    assert float(dice(wrong, LABELS, smooth=1e-9)) == pytest.approx(1)
    assert 0 < float(dice(LOGITS.softmax(dim=1), LABELS)) < 1


def test_gradients() -> None:
    logits = LOGITS[:, :, :2, :2].clone().requires_grad_()
    labels = LABELS[:, :2, :2]
    assert torch.autograd.gradcheck(lambda given: cross_entropy(given, labels), logits)
    for loss in (cross_entropy_of_probabilities, dice):
        assert torch.autograd.gradcheck(
            lambda given, loss=loss: loss(given.softmax(dim=1), labels), logits
        )


def test_half_precision_is_summed_in_single() -> None:
    # 4096 pixels: in bfloat16 a sum of ones stands still at 256.
    probabilities = torch.full((1, 2, 64, 64), 0.5)
    labels = torch.zeros(1, 64, 64, dtype=torch.long)
    for loss in (cross_entropy, cross_entropy_of_probabilities, dice):
        given = loss(probabilities.bfloat16(), labels)
        assert given.dtype == torch.float32
        assert float(given) == float(loss(probabilities, labels))


@pytest.mark.parametrize("loss", [cross_entropy, cross_entropy_of_probabilities, dice])
def test_what_is_refused(loss: Loss) -> None:
    with pytest.raises(ValueError, match=r"\(2, 5, 3\) do not fit planes of \(2, 4, 3, 5\)"):
        loss(LOGITS, LABELS.movedim(1, 2))
    with pytest.raises(ValueError, match=r"\(2, 2, 3, 5\) do not fit"):
        loss(LOGITS, LABELS[:, None].expand(2, 2, 3, 5))
    with pytest.raises(ValueError, match=r"whole numbers, class ids; got torch\.float32"):
        loss(LOGITS, LABELS.float())
