"""Penalties against critics whose gradients are known by hand."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from translate.losses.penalties import (
    Critic,
    around,
    clip_weights_,
    dragan,
    gradient_norms,
    interpolates,
    r1,
    r2,
    weight_histogram,
    weight_l2,
    wgan_gp,
    zero_centered,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 4, seed: int = 0, size: int = 3) -> Tensor:
    return torch.rand(count, 2, size, size, generator=seeded(seed), dtype=torch.float64)


REAL, FAKE = pictures(seed=1), pictures(seed=2)
# Of norm 5, whatever the picture.
DIRECTION = torch.zeros(2, 3, 3, dtype=torch.float64)
DIRECTION[0, 0, 1], DIRECTION[1, 2, 2] = 3, -4


def value(penalty: Tensor) -> float:
    """A penalty has a graph, even where the critic has no weights."""
    return penalty.detach().item()


def linear(points: Tensor) -> tuple[Tensor, ...]:
    """<w, x>: the gradient is w."""
    return ((points * DIRECTION).flatten(1).sum(dim=1, keepdim=True),)


def quadratic(points: Tensor) -> tuple[Tensor, ...]:
    """3/2 |x|^2: the gradient is 3 x."""
    return (points.square().flatten(1).sum(dim=1, keepdim=True) * 1.5,)


def convolutional(weights: tuple[Tensor, Tensor]) -> Critic:
    """A smooth critic of two layers with a map of patches."""

    def critic(points: Tensor) -> tuple[Tensor, ...]:
        hidden = functional.conv2d(points, weights[0], padding=1).tanh()
        return (functional.conv2d(hidden, weights[1]),)

    return critic


def random_weights(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    shapes = ((3, 2, 3, 3), (1, 3, 2, 2))
    first, second = (torch.randn(shape, generator=seeded(9), dtype=dtype) for shape in shapes)
    return first.requires_grad_(), second.requires_grad_()


PENALTIES: dict[str, Callable[[Critic, Tensor, Tensor], Tensor]] = {
    "wgan_gp": lambda critic, real, fake: wgan_gp(critic, real, fake, random=seeded()),
    "one_sided": lambda critic, real, fake: wgan_gp(
        critic, real, fake, 0.1, one_sided=True, random=seeded()
    ),
    "dragan": lambda critic, real, fake: dragan(critic, real, random=seeded()),
    "r1": lambda critic, real, fake: r1(critic, real),
    "r2": lambda critic, real, fake: r2(critic, fake),
    "zero_centered": lambda critic, real, fake: zero_centered(critic, real, fake, seeded()),
}


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        (lambda: wgan_gp(linear, REAL, FAKE), (5 - 1) ** 2),
        (lambda: wgan_gp(linear, REAL, FAKE, norm=7.0), (5 - 7) ** 2),
        (lambda: wgan_gp(linear, REAL, FAKE, norm=7.0, one_sided=True), 0),
        (lambda: wgan_gp(linear, REAL, FAKE, norm=2.0, one_sided=True), (5 - 2) ** 2),
        (lambda: dragan(linear, REAL, norm=3.0), (5 - 3) ** 2),
        (lambda: dragan(linear, REAL, norm=6.0, one_sided=True), 0),
        (lambda: r1(linear, REAL), 25 / 2),
        (lambda: r2(linear, FAKE), 25 / 2),
        (lambda: zero_centered(linear, REAL, FAKE), 25),
    ],
)
def test_a_linear_critic(penalty: Callable[[], Tensor], expected: float) -> None:
    assert value(penalty()) == pytest.approx(expected, rel=1e-10)


def test_a_quadratic_critic() -> None:
    squares = (REAL.numpy() ** 2).sum(axis=(1, 2, 3)), (FAKE.numpy() ** 2).sum(axis=(1, 2, 3))
    assert value(r1(quadratic, REAL)) == pytest.approx(9 * squares[0].mean() / 2, rel=1e-12)
    assert value(r2(quadratic, FAKE)) == pytest.approx(9 * squares[1].mean() / 2, rel=1e-12)
    places = torch.rand((4, 1, 1, 1), generator=seeded(5), dtype=torch.float64).numpy()
    between = places * REAL.numpy() + (1 - places) * FAKE.numpy()
    norms = 3 * np.sqrt((between**2).sum(axis=(1, 2, 3)))
    expected = np.mean((norms - 2) ** 2)
    given = wgan_gp(quadratic, REAL, FAKE, norm=2.0, random=seeded(5))
    assert value(given) == pytest.approx(expected, rel=1e-10)
    expected = np.mean(norms**2)
    given = zero_centered(quadratic, REAL, FAKE, random=seeded(5))
    assert value(given) == pytest.approx(expected, rel=1e-10)


def test_a_picture_is_the_mean_of_its_patches_and_the_sum_of_its_scales() -> None:
    def patches(points: Tensor) -> tuple[Tensor, ...]:
        # Nine patches, each twice its pixel of the first channel: of the mean, 2 / 9 a pixel.
        return (2 * points[:, :1],)

    norm = math.sqrt(9 * (2 / 9) ** 2)
    assert gradient_norms(patches, REAL).tolist() == pytest.approx([norm] * 4)

    def scales(points: Tensor) -> tuple[Tensor, ...]:
        # The scales' gradients add up at the pixels before their norm is taken.
        return (2 * points[:, :1], points[:, :1, 0, 0])

    norm = math.sqrt(8 * (2 / 9) ** 2 + (2 / 9 + 1) ** 2)
    assert gradient_norms(scales, REAL).tolist() == pytest.approx([norm] * 4)


def test_packed_pictures_are_one_sample() -> None:
    def packed(points: Tensor) -> tuple[Tensor, ...]:
        """<w, first> + 2 <w, second> of each pair: the gradient's norm is 5 sqrt(1 + 4)."""
        pairs = points.reshape(2, 2, 2, 3, 3)
        values = (pairs * DIRECTION).flatten(2).sum(dim=2)
        return (values[:, :1] + 2 * values[:, 1:],)

    assert gradient_norms(packed, REAL).tolist() == pytest.approx([5 * math.sqrt(5)] * 2)
    assert value(r1(packed, REAL)) == pytest.approx(125 / 2)
    assert value(wgan_gp(packed, REAL, FAKE, pack=2)) == pytest.approx((math.sqrt(125) - 1) ** 2)


def test_a_gradient_norm_is_that_of_each_picture() -> None:
    norms = 3 * REAL.flatten(1).norm(dim=1)
    assert torch.allclose(gradient_norms(quadratic, REAL), norms, rtol=1e-10)


def test_interpolates_lie_on_the_lines() -> None:
    real, fake = torch.ones(64, 3, 2, 2), torch.zeros(64, 3, 2, 2)
    points = interpolates(real, fake, seeded())
    places = points[:, 0, 0, 0]
    assert torch.equal(points, places[:, None, None, None].expand_as(points)), "one a picture"
    assert len(set(places.tolist())) == 64
    assert 0 <= float(places.min()) < 0.1
    assert 0.9 < float(places.max()) < 1
    assert torch.equal(interpolates(real, fake, seeded()), points), "a seed is one draw"
    packed = interpolates(real, fake, seeded(), pack=4)[:, 0, 0, 0].reshape(16, 4)
    assert torch.equal(packed, packed[:, :1].expand(16, 4))
    assert len(set(packed[:, 0].tolist())) == 16


def test_what_real_and_fake_share_stays() -> None:
    condition = pictures(size=9).float()
    assert torch.equal(interpolates(condition, condition.clone(), seeded()), condition)


def test_around_the_data() -> None:
    real = torch.rand(20, 3, 16, 16, generator=seeded(), dtype=torch.float64)
    deviation = np.std(real.numpy())
    offsets = (around(real, seeded(1)) - real).numpy()
    assert np.abs(offsets).max() <= deviation / 2
    # Of 15360 evenly drawn ones.
    assert np.abs(offsets).max() > 0.499 * deviation
    assert abs(offsets.mean()) < 0.01 * deviation
    assert np.std(offsets) == pytest.approx(deviation / math.sqrt(12), rel=0.02)
    wide = (around(real, seeded(1), spread=2.0) - real).numpy()
    np.testing.assert_allclose(wide, 4 * offsets, atol=1e-12)
    assert torch.equal(around(real, seeded(), spread=0.0), real)


@pytest.mark.parametrize("name", sorted(PENALTIES))
def test_gradients_reach_the_weights(name: str) -> None:
    weights = random_weights()
    assert value(PENALTIES[name](convolutional(weights), REAL, FAKE)) > 0.01
    assert torch.autograd.gradcheck(
        lambda *given: PENALTIES[name](convolutional((given[0], given[1])), REAL, FAKE), weights
    )


def test_gradients_reach_a_fake_with_a_graph_as_unrolling_needs() -> None:
    weights = random_weights()
    fake = FAKE.clone().requires_grad_()
    for penalty in (
        lambda picture: r2(convolutional(weights), picture),
        lambda picture: wgan_gp(convolutional(weights), REAL, picture, random=seeded()),
    ):
        assert torch.autograd.gradcheck(penalty, fake)
    assert not REAL.requires_grad


@pytest.mark.parametrize("name", sorted(PENALTIES))
def test_autocast_changes_nothing(name: str) -> None:
    real, fake = REAL.float(), FAKE.float()
    weights = random_weights(torch.float32)
    critic = convolutional(weights)
    plain = PENALTIES[name](critic, real, fake)
    expected = torch.autograd.grad(plain, weights)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert critic(real)[0].dtype == torch.bfloat16, "autocast is at work"
        given = PENALTIES[name](critic, real, fake)
        assert critic(real)[0].dtype == torch.bfloat16, "and still is"
    gradients = torch.autograd.grad(given, weights)
    assert given.dtype == torch.float32
    assert torch.equal(given, plain)
    assert all(torch.equal(one, other) for one, other in zip(gradients, expected, strict=True))


def test_pictures_in_half_precision_are_judged_in_single() -> None:
    real, fake = REAL.bfloat16(), FAKE.bfloat16()
    critic = convolutional(random_weights(torch.float32))
    given = wgan_gp(critic, real, fake, random=seeded())
    assert given.dtype == torch.float32
    assert torch.equal(given, wgan_gp(critic, real.float(), fake.float(), random=seeded()))


def test_a_critic_that_is_flat_somewhere() -> None:
    bias = torch.tensor(-9.0, dtype=torch.float64, requires_grad=True)

    def dead(points: Tensor) -> tuple[Tensor, ...]:
        return ((points.flatten(1).sum(dim=1, keepdim=True) * bias).relu(),)

    assert gradient_norms(dead, REAL).tolist() == pytest.approx([0] * 4, abs=1e-5)
    penalty = wgan_gp(dead, REAL, FAKE)
    assert value(penalty) == pytest.approx(1, abs=1e-5)
    # A bare root is not a number here, at the latest in the gradient of the gradient.
    [gradient] = torch.autograd.grad(penalty, bias, create_graph=True)
    [second] = torch.autograd.grad(gradient, bias)
    assert gradient.isfinite()
    assert second.isfinite()


def test_a_penalty_can_be_logged_where_no_gradients_are_kept() -> None:
    with torch.no_grad():
        assert value(r1(linear, REAL)) == pytest.approx(12.5)


@pytest.mark.parametrize("norm", ["spectral", "layer"])
def test_normalized_critics(norm: str) -> None:
    torch.manual_seed(0)
    first, second = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 1, 3)
    if norm == "spectral":
        network = nn.Sequential(
            parametrizations.spectral_norm(first), nn.LeakyReLU(0.2),
            parametrizations.spectral_norm(second),
        )  # fmt: skip
    else:
        network = nn.Sequential(first, nn.GroupNorm(1, 4), nn.LeakyReLU(0.2), second)
    real, fake = REAL.float(), FAKE.float()
    # As in a step: one backward through a loss and a penalty, each with a forward of its own.
    loss = network(fake).mean() - network(real).mean()
    loss = loss + 10 * wgan_gp(lambda points: (network(points),), real, fake) + r1(
        lambda points: (network(points),), real
    )  # fmt: skip
    loss.backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    assert gradients[0] is not None
    assert gradients[0].abs().sum() > 0


def test_weight_l2() -> None:
    weights = [
        torch.tensor([[1.0, -2.0]], requires_grad=True),
        torch.tensor([3.0], requires_grad=True),
    ]
    penalty = weight_l2(weights)
    assert value(penalty) == (1 + 4 + 9) / 2
    for weight, gradient in zip(weights, torch.autograd.grad(penalty, weights), strict=True):
        assert torch.equal(gradient, weight)


def test_clipping_by_hand() -> None:
    weight = nn.Parameter(torch.tensor([-3.0, -0.005, 0.0, 0.01, 0.02]))
    clip_weights_([weight], 0.01)
    expected = torch.tensor([-0.01, -0.005, 0.0, 0.01, 0.01])
    assert torch.equal(weight.detach(), expected)
    assert weight.requires_grad
    with pytest.raises(ValueError, match=r"bound: got 0; it must be above 0"):
        clip_weights_([weight], 0)


def test_the_histogram_of_weights() -> None:
    weights = [
        torch.tensor([[-0.01, -0.0075], [-0.001, 0.0025]]),
        torch.tensor([0.01, 0.01, 0.5, 0.0099]),
    ]
    histogram = weight_histogram(weights, 0.01, bins=4)
    # [-0.01, -0.005), [-0.005, 0), [0, 0.005), [0.005, 0.01].
    assert histogram.counts.tolist() == [2, 1, 1, 4]
    assert histogram.edges.tolist() == pytest.approx([-0.01, -0.005, 0, 0.005, 0.01])
    assert histogram.at_bounds == 4 / 8
    clip_weights_(weights, 0.01)
    assert weight_histogram(weights, 0.01).at_bounds == 4 / 8, "the bound itself counts"
    with pytest.raises(ValueError, match="bound: got -1"):
        weight_histogram(weights, -1)
    with pytest.raises(ValueError, match="bins: got 0"):
        weight_histogram(weights, 1, bins=0)
