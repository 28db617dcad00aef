"""Muon against PyTorch's own, which takes matrices alone, and against singular values."""

import copy

import pytest
import torch
from torch import nn

from translate.muon import LEAST, Muon, orthogonalized
from translate.optim import OptimizerSpec, Side
from translate.tables import TableError


@pytest.mark.parametrize("shape", [(32, 32), (24, 90), (90, 24)])
def test_steps_of_a_matrix_are_those_of_pytorch(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    start = torch.randn(shape)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizers = (
        Muon([ours], lr=0.02, betas=(0.95, 0.99), weight_decay=0.1),
        torch.optim.Muon(
            [theirs], lr=0.02, momentum=0.95, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
        ),
    )
    for _ in range(4):
        gradient = torch.randn(shape)
        for weight, optimizer in zip((ours, theirs), optimizers, strict=True):
            weight.grad = gradient.clone()
            optimizer.step()
    moved = (theirs - start).norm()
    # Both orthogonalize in bf16 where the hardware has it, PyTorch everywhere.
    assert (ours - theirs).norm() < 0.06 * moved


def test_a_kernel_is_the_matrix_of_its_output_channels() -> None:
    torch.manual_seed(0)
    kernel = nn.Parameter(torch.randn(32, 16, 3, 3))
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    gradient = torch.randn(32, 16, 3, 3)
    kernel.grad, matrix.grad = gradient, gradient.flatten(1)
    for weight in (kernel, matrix):
        Muon([weight], lr=0.02).step()
    assert torch.equal(kernel.flatten(1), matrix)


def test_every_direction_moves_alike() -> None:
    torch.manual_seed(0)
    values = torch.logspace(-2, 0, 20)
    left, _ = torch.linalg.qr(torch.randn(40, 20))
    right, _ = torch.linalg.qr(torch.randn(30, 20))
    made = orthogonalized(left * values @ right.T)
    reached = torch.linalg.svdvals(made.double())[:20]
    assert reached.min() > 0.6
    assert reached.max() < 1.3
    # Those of largest singular values point where they pointed.
    assert (left.T @ made @ right).diagonal().min() > 0.5


def test_thin_weights_learn_by_adam() -> None:
    torch.manual_seed(0)
    thin = torch.randn(LEAST - 1, 64, 3, 3)
    for start in (thin, thin.transpose(0, 1).contiguous(), torch.randn(64)):
        ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
        optimizers = (
            Muon([ours], lr=1e-2, betas=(0.9, 0.99), weight_decay=0.1),
            torch.optim.AdamW([theirs], lr=1e-2, betas=(0.9, 0.99), weight_decay=0.1),
        )
        for _ in range(3):
            gradient = torch.randn_like(start)
            for weight, optimizer in zip((ours, theirs), optimizers, strict=True):
                weight.grad = gradient.clone()
                optimizer.step()
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_going_on_from_a_state_changes_nothing() -> None:
    torch.manual_seed(0)
    gradients = [(torch.randn(16, 16, 3, 3), torch.randn(16)) for _ in range(4)]

    def steps(optimizer: Muon, weights: list[nn.Parameter], part: slice) -> None:
        for of_step in gradients[part]:
            for weight, gradient in zip(weights, of_step, strict=True):
                weight.grad = gradient.clone()
            optimizer.step()

    through = [nn.Parameter(torch.ones(16, 16, 3, 3)), nn.Parameter(torch.ones(16))]
    optimizer = Muon(through, lr=1e-2)
    steps(optimizer, through, slice(0, 2))
    resumed = [nn.Parameter(weight.detach().clone()) for weight in through]
    again = Muon(resumed, lr=1e-2)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    steps(optimizer, through, slice(2, 4))
    steps(again, resumed, slice(2, 4))
    assert all(torch.equal(one, other) for one, other in zip(through, resumed, strict=True))


def test_unrolled_discriminators_cannot_learn_by_it() -> None:
    with pytest.raises(TableError, match=r"discriminator\.kind: got 'muon'"):
        OptimizerSpec(discriminator=Side(kind="muon"), unroll=2)
