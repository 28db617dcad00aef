"""Feature matching by hand."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from translate.losses.features import batch_mean_matching, layer_matching

Matching = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]

REAL = torch.tensor([[1.0, 2.0], [3.0, 6.0]], dtype=torch.float64)
FAKE = torch.tensor([[0.0, 2.0], [0.0, 1.0], [3.0, 3.0]], dtype=torch.float64)
MAPS = torch.arange(8, dtype=torch.float64).reshape(2, 1, 2, 2)


def test_batch_means() -> None:
    # Means (2, 4) and (1, 2) of two pictures and of three.
    assert float(batch_mean_matching(REAL, FAKE)) == pytest.approx(1 + 4)
    # The maps' means are (2, 3, 4, 5); half of them is short by (1, 1.5, 2, 2.5).
    maps = 1 + 2.25 + 4 + 6.25
    assert float(batch_mean_matching(MAPS, MAPS / 2)) == pytest.approx(maps)
    both = batch_mean_matching([REAL, MAPS], (FAKE, MAPS / 2))
    assert float(both) == pytest.approx(5 + maps)


def test_batch_means_do_not_care_which_picture_is_which() -> None:
    assert float(batch_mean_matching(REAL, REAL.flip(0))) == 0
    assert float(layer_matching(REAL, REAL.flip(0))) == pytest.approx((2 + 4) / 2)


def test_layers() -> None:
    # (|2 - 1| + |4 - 2| + 0 + |7 - 6|) / 4, and half of (0 + ... + 7) / 8.
    fake = torch.tensor([[2.0, 4.0], [3.0, 7.0]], dtype=torch.float64)
    assert float(layer_matching([REAL], [fake])) == pytest.approx(1)
    assert float(layer_matching([REAL, MAPS], [fake, MAPS / 2])) == pytest.approx((1 + 1.75) / 2)


@pytest.mark.parametrize("matching", [batch_mean_matching, layer_matching])
def test_only_the_fake_learns(matching: Matching) -> None:
    real = [REAL.clone().requires_grad_(), MAPS.clone().requires_grad_()]
    fake = [(FAKE[:2] + 0.1).requires_grad_(), (MAPS / 3 - 0.1).requires_grad_()]
    assert torch.autograd.gradcheck(lambda *given: matching(real, given), fake)
    matching(real, fake).backward()
    assert all(one.grad is None for one in real)
    assert all(one.grad is not None for one in fake)


@pytest.mark.parametrize("matching", [batch_mean_matching, layer_matching])
def test_half_precision_is_summed_in_single(matching: Matching) -> None:
    # 1 + 2^-7 is the number after 1 in bfloat16; the squares of the differences are not its own.
    real, fake = torch.ones(4, 512), torch.full((4, 512), 1 + 2**-7)
    given = matching([real.bfloat16()], [fake.bfloat16()])
    assert given.dtype == torch.float32
    assert float(given) == float(matching([real], [fake]))


def test_layers_that_do_not_pair() -> None:
    with pytest.raises(ValueError, match="at least one; got 2 and 1"):
        layer_matching([REAL, MAPS], [REAL])
    with pytest.raises(ValueError, match="at least one; got 0 and 0"):
        batch_mean_matching([], [])
