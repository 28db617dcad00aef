"""Adversarial losses against the papers' formulas, written in numpy in float64.

Logits are C(x); sigmoid(C(x)) is the probability of being real. LSGAN is written with the factor of
one half of Mao et al. 2017, equation 9, in every form.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from translate.losses.adversarial import (
    ADVERSARIAL,
    Form,
    Labels,
    discriminator_loss,
    generator_loss,
)

Logits = NDArray[np.float64]
Losses = tuple[float, float]

REAL = np.array([[1.5, -0.25], [0.0, 3.0]])
FAKE = np.array([[-1.25, 0.5], [2.0, -0.75]])


def log_sigmoid(logit: Logits) -> Logits:
    return -np.log1p(np.exp(-logit))


def minimax(real: Logits, fake: Logits) -> Losses:
    """Goodfellow et al. 2014, equation 1: both sides play for one value, with opposite signs."""
    log_not = np.log(1 - 1 / (1 + np.exp(-fake)))
    return -log_sigmoid(real).mean() - log_not.mean(), log_not.mean()


def wasserstein(real: Logits, fake: Logits) -> Losses:
    """Arjovsky et al. 2017, algorithm 1."""
    return fake.mean() - real.mean(), -fake.mean()


def relativistic_minimax(real: Logits, fake: Logits) -> Losses:
    """Jolicoeur-Martineau 2018, equation 9; the generator plays against that very value."""
    return -log_sigmoid(real - fake).mean(), log_sigmoid(real - fake).mean()


def average_minimax(real: Logits, fake: Logits) -> Losses:
    """As above, each against the mean of the other side."""
    real, fake = real - fake.mean(), fake - real.mean()
    value = log_sigmoid(real).mean() + np.log(1 - 1 / (1 + np.exp(-fake))).mean()
    return -value, value


def non_saturating(real: Logits, fake: Logits) -> Losses:
    """Goodfellow et al. 2014, section 3: D maximizes log D(x) + log(1 - D(G)), G log D(G)."""
    discriminator = -log_sigmoid(real).mean() - np.log(1 - 1 / (1 + np.exp(-fake))).mean()
    return discriminator, -log_sigmoid(fake).mean()


def lsgan(real: Logits, fake: Logits) -> Losses:
    """Mao et al. 2017, equation 9."""
    return ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2, ((fake - 1) ** 2).mean() / 2


def hinge(real: Logits, fake: Logits) -> Losses:
    """Miyato et al. 2018, equations 16 and 17."""
    discriminator = -np.minimum(0, real - 1).mean() - np.minimum(0, -fake - 1).mean()
    return discriminator, -fake.mean()


def relativistic_non_saturating(real: Logits, fake: Logits) -> Losses:
    """Jolicoeur-Martineau 2018, equations 9 and 10."""
    return -log_sigmoid(real - fake).mean(), -log_sigmoid(fake - real).mean()


def relativistic_lsgan(real: Logits, fake: Logits) -> Losses:
    """Jolicoeur-Martineau 2018, equations 9 and 10 with f(y) = (y - 1)^2 / 2."""
    return ((real - fake - 1) ** 2).mean() / 2, ((fake - real - 1) ** 2).mean() / 2


def relativistic_hinge(real: Logits, fake: Logits) -> Losses:
    """Jolicoeur-Martineau 2018, equations 9 and 10 with f(y) = max(0, 1 - y)."""
    return (
        np.maximum(0, 1 - (real - fake)).mean(),
        np.maximum(0, 1 - (fake - real)).mean(),
    )


def average_non_saturating(real: Logits, fake: Logits) -> Losses:
    """RaSGAN, Jolicoeur-Martineau 2018, appendix D.3."""
    real, fake = real - fake.mean(), fake - real.mean()
    discriminator = -log_sigmoid(real).mean() - np.log(1 - 1 / (1 + np.exp(-fake))).mean()
    generator = -log_sigmoid(fake).mean() - np.log(1 - 1 / (1 + np.exp(-real))).mean()
    return discriminator, generator


def average_lsgan(real: Logits, fake: Logits) -> Losses:
    """RaLSGAN, Jolicoeur-Martineau 2018, appendix D.5: labels 1 and -1."""
    real, fake = real - fake.mean(), fake - real.mean()
    return (
        ((real - 1) ** 2).mean() / 2 + ((fake + 1) ** 2).mean() / 2,
        ((fake - 1) ** 2).mean() / 2 + ((real + 1) ** 2).mean() / 2,
    )


def average_hinge(real: Logits, fake: Logits) -> Losses:
    """RaHingeGAN, Jolicoeur-Martineau 2018, appendix D.6."""
    real, fake = real - fake.mean(), fake - real.mean()
    return (
        np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(),
        np.maximum(0, 1 - fake).mean() + np.maximum(0, 1 + real).mean(),
    )


PAPERS: dict[tuple[str, Form], Callable[[Logits, Logits], Losses]] = {
    ("minimax", "plain"): minimax,
    ("minimax", "relativistic"): relativistic_minimax,
    ("minimax", "average"): average_minimax,
    ("wasserstein", "plain"): wasserstein,
    ("non-saturating", "plain"): non_saturating,
    ("non-saturating", "relativistic"): relativistic_non_saturating,
    ("non-saturating", "average"): average_non_saturating,
    ("lsgan", "plain"): lsgan,
    ("lsgan", "relativistic"): relativistic_lsgan,
    ("lsgan", "average"): average_lsgan,
    ("hinge", "plain"): hinge,
    ("hinge", "relativistic"): relativistic_hinge,
    ("hinge", "average"): average_hinge,
}
CASES = list(PAPERS)


def test_every_loss_stands_against_a_paper() -> None:
    related = [(kind, "plain") for kind in ADVERSARIAL] + [
        (kind, form)
        for kind, loss in ADVERSARIAL.items()
        if loss.relates
        for form in ("relativistic", "average")
    ]
    assert sorted(PAPERS) == sorted(related)


@pytest.mark.parametrize(("kind", "form"), CASES)
def test_losses_are_the_papers(kind: str, form: Form) -> None:
    expected = PAPERS[kind, form](REAL, FAKE)
    real, fake = torch.from_numpy(REAL), torch.from_numpy(FAKE)
    given = (
        float(discriminator_loss(kind, form, real, fake)),
        float(generator_loss(kind, form, real, fake)),
    )
    assert given == pytest.approx(expected, rel=1e-12)


def test_a_few_by_hand() -> None:
    real, fake = torch.tensor([2.0]), torch.tensor([-1.0])
    assert float(discriminator_loss("lsgan", "plain", real, fake)) == pytest.approx(0.5 + 0.5)
    assert float(generator_loss("lsgan", "plain", real, fake)) == pytest.approx(2.0)
    assert float(discriminator_loss("hinge", "plain", real, fake)) == 0
    assert float(generator_loss("hinge", "relativistic", real, fake)) == pytest.approx(4.0)
    undecided = torch.zeros(3)
    for form in ("plain", "average"):
        loss = float(discriminator_loss("non-saturating", form, undecided, undecided))
        assert loss == pytest.approx(2 * np.log(2))


@pytest.mark.parametrize(("kind", "form"), CASES)
def test_gradients_are_those_of_finite_differences(kind: str, form: Form) -> None:
    # REAL and FAKE lie away from the kinks of the hinge in every form.
    real = torch.from_numpy(REAL).requires_grad_()
    fake = torch.from_numpy(FAKE).requires_grad_()
    for loss in (discriminator_loss, generator_loss):
        assert torch.autograd.gradcheck(
            lambda r, f, loss=loss: loss(kind, form, r, f) + 0 * r.sum(), (real, fake)
        )


@pytest.mark.parametrize(("kind", "form"), CASES)
def test_the_two_sides_pull_apart(kind: str, form: Form) -> None:
    real = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    fake = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    up = torch.autograd.grad(discriminator_loss(kind, form, real, fake), (real, fake), None, True)
    assert (up[0] < 0).all(), "descending raises what the discriminator says of the real ones"
    assert (up[1] >= 0).all()
    assert kind == "lsgan" or (up[1] > 0).all(), "at 0, LSGAN's label of a fake, it rests"
    [pull] = torch.autograd.grad(generator_loss(kind, form, real, fake), fake)
    assert (pull < 0).all(), "descending raises what the discriminator says of the fakes"


@pytest.mark.parametrize(("kind", "form"), CASES)
def test_losses_stay_finite_far_out(kind: str, form: Form) -> None:
    real = torch.tensor([-500.0, 500.0], requires_grad=True)
    fake = torch.tensor([500.0, -500.0], requires_grad=True)
    loss = discriminator_loss(kind, form, real, fake) + generator_loss(kind, form, real, fake)
    loss.backward()
    assert torch.isfinite(loss)
    for logits in (real, fake):
        assert logits.grad is not None
        assert torch.isfinite(logits.grad).all()


def test_the_average_takes_every_patch_for_a_sample() -> None:
    patches = np.random.default_rng(0).normal(size=(2, 3, 1, 4, 5))
    real, fake = torch.from_numpy(patches)
    expected = average_lsgan(*(patches.reshape(2, -1)))
    assert float(discriminator_loss("lsgan", "average", real, fake)) == pytest.approx(expected[0])
    assert float(generator_loss("lsgan", "average", real, fake)) == pytest.approx(expected[1])


@pytest.mark.parametrize("kind", ["non-saturating", "lsgan"])
def test_the_generator_trains_with_flipped_labels(kind: str) -> None:
    # Goodfellow et al. 2014, section 3: the generator pays what the discriminator would pay for
    # fakes that are called real; here they stand on both of its sides.
    fake = torch.from_numpy(FAKE)
    flipped = discriminator_loss(kind, "plain", fake, fake, Labels(real=1, fake=1, generator=1))
    assert float(generator_loss(kind, "plain", fake, fake)) == pytest.approx(float(flipped) / 2)


def test_minimax_starves_where_the_discriminator_is_sure() -> None:
    sure = torch.tensor([-8.0], requires_grad=True)
    slopes = {
        kind: float(torch.autograd.grad(generator_loss(kind, "plain", sure, sure), sure)[0])
        for kind in ("minimax", "non-saturating")
    }
    # -sigmoid(logit) against -(1 - sigmoid(logit)).
    assert slopes["minimax"] == pytest.approx(-1 / (1 + np.exp(8)))
    assert slopes["non-saturating"] == pytest.approx(-1 / (1 + np.exp(-8)))


def test_labels_of_least_squares_are_its_a_b_and_c() -> None:
    # Mao et al. 2017, equation 2, with a = -1, b = 1, c = 0: section 3.2.3's other choice.
    labels = Labels(real=1.0, fake=-1.0, generator=0.0)
    real, fake = torch.from_numpy(REAL), torch.from_numpy(FAKE)
    discriminator = ((REAL - 1) ** 2).mean() / 2 + ((FAKE + 1) ** 2).mean() / 2
    given = discriminator_loss("lsgan", "plain", real, fake, labels)
    assert float(given) == pytest.approx(discriminator)
    generator = generator_loss("lsgan", "plain", real, fake, labels)
    assert float(generator) == pytest.approx((FAKE**2).mean() / 2)


@pytest.mark.parametrize(("alpha", "beta"), [(0.9, 0.0), (0.7, 0.2)])
def test_the_optimum_under_smoothed_labels(alpha: float, beta: float) -> None:
    # Two points with densities p and q. Salimans et al. 2016, section 3.4: the best discriminator
    # is (alpha p + beta q) / (p + q), which for beta = 0 is alpha p / (p + q).
    p, q = torch.tensor([0.8, 0.2]).double(), torch.tensor([0.3, 0.7]).double()
    logits = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=0, tolerance_change=0)
    # Ten draws of each point in proportion to its density, so that the mean is the expectation.
    real = [0] * 8 + [1] * 2
    fake = [0] * 3 + [1] * 7

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = discriminator_loss(
            "non-saturating", "plain", logits[real], logits[fake], Labels(alpha, beta, 1)
        )
        value.backward()
        return value

    optimizer.step(loss)
    expected = (alpha * p + beta * q) / (p + q)
    assert torch.allclose(torch.sigmoid(logits), expected, atol=1e-5)
