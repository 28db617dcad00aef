"""Minibatch discrimination and standard deviation, by hand and by loops in NumPy."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from translate.layers.minibatch import MinibatchDiscrimination, MinibatchStddev


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_closeness_by_hand() -> None:
    module = MinibatchDiscrimination(1, kernels=2, dimensions=1)
    # The first kernel measures the feature itself, the second twice the feature.
    module.tensor.data.copy_(torch.tensor([1.0, 2.0]).reshape(1, 2, 1))
    features = torch.tensor([[0.0], [math.log(2)], [math.log(4)]])
    # Apart by ln 2: exp(-ln 2) = 1/2, and 1/4 by the second kernel; by ln 4: 1/4 and 1/16.
    expected = torch.tensor([[0.75, 0.3125], [1.0, 0.5], [0.75, 0.3125]])
    assert torch.allclose(module(features)[:, 1:], expected)
    assert torch.equal(module(features)[:, :1], features)


def test_closeness_by_the_paper() -> None:
    module = MinibatchDiscrimination(5, kernels=3, dimensions=4).double()
    features = random(6, 5)
    tensor = module.tensor.detach().numpy()
    matrices = np.einsum("na,abc->nbc", features.numpy(), tensor)
    expected = np.zeros((6, 3))
    for i in range(6):
        for j in range(6):
            if j != i:
                expected[i] += np.exp(-np.abs(matrices[i] - matrices[j]).sum(axis=1))
    output = module(features)
    assert output.shape == (6, 5 + 3)
    np.testing.assert_allclose(output[:, 5:].detach().numpy(), expected, rtol=1e-9)


def test_a_collapsed_batch_is_as_close_as_can_be() -> None:
    module = MinibatchDiscrimination(4, kernels=3)
    collapsed = module(torch.ones(5, 4))[:, 4:]
    assert torch.allclose(collapsed, torch.full((5, 3), 4.0))
    alone = module(torch.ones(1, 4))[:, 4:]
    assert torch.equal(alone, torch.zeros(1, 3))


@pytest.mark.parametrize(("features", "dimensions"), [(16, 5), (400, 16)])
def test_distances_start_at_one(features: int, dimensions: int) -> None:
    torch.manual_seed(0)
    module = MinibatchDiscrimination(features, kernels=50, dimensions=dimensions)
    matrices = np.einsum(
        "na,abc->nbc", random(40, features).numpy(), module.tensor.detach().numpy()
    )
    distances = np.abs(matrices[:20] - matrices[20:]).sum(axis=2)
    assert distances.mean() == pytest.approx(1, abs=0.1)


def test_deviation_by_hand() -> None:
    features = torch.zeros(2, 2, 1, 2)
    features[1, 0] = 2
    # The first channel has values 0 and 2 at both places, deviation 1; the second does not vary.
    output = MinibatchStddev()(features)
    assert output.shape == (2, 3, 1, 2)
    assert torch.allclose(output[:, 2], torch.full((2, 1, 2), 0.5), atol=1e-4)
    assert torch.equal(output[:, :2], features)


@pytest.mark.parametrize(("count", "size"), [(8, 4), (4, 4), (6, 3), (10, 2), (2, 2), (5, 5)])
def test_deviation_by_the_paper(count: int, size: int) -> None:
    features = random(count, 3, 2, 4)
    output = MinibatchStddev(group=4).double()(features)
    for start in range(0, count, size):
        group = features.numpy()[start : start + size]
        expected = group.std(axis=0).mean()
        np.testing.assert_allclose(output[start : start + size, 3].numpy(), expected, rtol=1e-6)


def test_deviation_has_a_gradient_where_all_samples_are_alike() -> None:
    features = torch.ones(4, 2, 3, 3, requires_grad=True)
    output = MinibatchStddev()(features)
    output[:, 2].sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_deviation_in_half_precision() -> None:
    features = torch.zeros(4, 1, 2, 2, dtype=torch.float16, requires_grad=True)
    output = MinibatchStddev()(features)
    assert output.dtype == torch.float16
    output.sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_groups_of_one_are_refused() -> None:
    with pytest.raises(ValueError, match="group: got 1; allowed: 2 or more"):
        MinibatchStddev(group=1)


def test_first_and_second_derivatives() -> None:
    torch.manual_seed(0)
    discrimination = MinibatchDiscrimination(3, kernels=2, dimensions=2).double()
    vectors = random(3, 3).requires_grad_()
    assert gradcheck(discrimination, (vectors,))
    assert gradgradcheck(discrimination, (vectors,))
    maps = random(4, 2, 1, 2).requires_grad_()
    assert gradcheck(MinibatchStddev(2), (maps,))
    assert gradgradcheck(MinibatchStddev(2), (maps,))
