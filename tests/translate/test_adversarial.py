"""Adversarial losses against the papers' formulas, written in numpy in float64.

Logits are C(x); sigmoid(C(x)) is the probability of being real. LSGAN is written with the factor of
one half of Mao et al. 2017, equation 9, in every form.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from translate.losses.adversarial import ADVERSARIAL, Form, discriminator_loss, generator_loss

Logits = NDArray[np.float64]
Losses = tuple[float, float]

REAL = np.array([[1.5, -0.25], [0.0, 3.0]])
FAKE = np.array([[-1.25, 0.5], [2.0, -0.75]])


def log_sigmoid(logit: Logits) -> Logits:
    return -np.log1p(np.exp(-logit))


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
    assert {kind for kind, _ in PAPERS} == set(ADVERSARIAL)


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
