"""What is computed at every step takes its numbers from the device, and none of them back."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from stacks.derive import together
from tests.translate.waiting import Watch
from translate.adam import FusedAdam
from translate.constants import constant
from translate.joints import Drawing, draw
from translate.losses.structure import ms_ssim_loss
from translate.losses.texture import texture
from translate.unroll import unroll

PICTURE = torch.rand(2, 3, 24, 24, dtype=torch.float64)
"""Of another type than constants come in: to bring them to it stands for a copy to a GPU."""


def test_the_watch_sees_what_waits() -> None:
    with Watch() as watch:
        PICTURE[:, [0, 2]]
        PICTURE.float()
        float(PICTURE.sum())
        mask = PICTURE > 0.5
        PICTURE[mask]
        PICTURE.masked_select(mask)
        mask.nonzero()
        PICTURE.equal(PICTURE)
    assert watch.waits == [
        *("lift_fresh", "_to_copy", "_local_scalar_dense"),
        *("index", "masked_select", "nonzero", "equal"),
    ]
    assert watch.seen > len(watch.waits)


@pytest.mark.parametrize(
    "compute",
    [
        lambda: draw(PICTURE[..., :3, 0], Drawing(limbs=((0, 1), (1, 2))), (8, 8)),
        lambda: together(PICTURE, [[0, 2], [1]]),
        lambda: texture(PICTURE, 1 - PICTURE),
        lambda: ms_ssim_loss(PICTURE, 1 - PICTURE),
    ],
    ids=["limbs", "groups", "texture", "ms_ssim"],
)
def test_nothing_waits_from_the_second_step_on(compute: Callable[[], Tensor]) -> None:
    compute()
    with Watch() as watch:
        compute()
    assert watch.waits == []


def test_looking_ahead_reads_no_step_by_itself() -> None:
    network = nn.Linear(24, 2).double()
    optimizer = FusedAdam(network.parameters(), fused=True)
    network(PICTURE).sum().backward()
    optimizer.step()

    def loss(weights: dict[str, Tensor]) -> Tensor:
        return functional_call(network, weights, (PICTURE,)).sum()

    with Watch() as watch:
        unroll(network, loss, optimizer, 1)
    assert watch.waits == []


def test_a_constant_that_was_first_wanted_in_inference_can_be_learned_through() -> None:
    with torch.inference_mode():
        constant((0.5, 2.0), torch.float64, torch.device("cpu"))
    weight = torch.ones(2, requires_grad=True)
    (weight * constant((0.5, 2.0), torch.float64, torch.device("cpu"))).sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [0.5, 2.0]


def test_a_constant_outlives_an_export() -> None:
    class Network(nn.Module):
        def forward(self, picture: Tensor) -> Tensor:
            return picture * constant((3.0, 4.0, 5.0), torch.float64, picture.device)[:, None, None]

    traced = torch.export.export(Network(), (PICTURE,)).module()
    given = constant((3.0, 4.0, 5.0), torch.float64, torch.device("cpu"))
    assert given.tolist() == [3, 4, 5]
    assert torch.equal(traced(PICTURE), PICTURE * given[:, None, None])
