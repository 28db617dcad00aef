"""The small problems of the benchmarks, by hand: modes, games, ensembles, norms, gradients."""

import importlib
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.toys import cost, digits, disjoint
from benchmarks.toys.adversaries import Setting, train
from benchmarks.toys.ensemble import Draws, Ensemble, by_member, flat
from benchmarks.toys.games import GAMES, play
from benchmarks.toys.mixtures import coverage, grid, ring
from benchmarks.toys.networks import (
    packing_discriminator,
    packing_generator,
    unrolled_discriminator,
    unrolled_generator,
)
from benchmarks.toys.page import UnavailableError
from benchmarks.toys.spectral import circular_norm, matrix_norm
from benchmarks.toys.variants import Variant, everything, some
from translate.losses.penalties import wgan_gp

XY, BENT = GAMES


def test_modes_and_quality_by_hand() -> None:
    # Three sigma are 0.06: the third point is just outside; the last two are nowhere.
    points = [(2.0, 0.0), (2.05, 0.0), (2.07, 0.0), (0.0, -1.96), (0.0, 0.0), (math.nan, 0.0)]
    found = coverage(torch.tensor(points), ring())
    assert found.modes == 2
    assert found.quality == pytest.approx(3 / 6)


def test_a_stray_point_does_not_hold_a_mode() -> None:
    # Of 300 points one percent is 3.
    points = torch.zeros(300, 2)
    points[:3] = torch.tensor([2.0, 0.0])
    points[3:5] = torch.tensor([-2.0, 0.0])
    found = coverage(points, ring())
    assert (found.modes, found.held) == (2, 1)


def test_nothing_finite_is_no_mode() -> None:
    found = coverage(torch.full((4, 2), math.inf), grid())
    assert (found.modes, found.held, found.quality) == (0, 0, 0.0)


def test_centers() -> None:
    assert len(grid().centers) == 25
    assert {(-4.0, -4.0), (0.0, 0.0), (4.0, 2.0)} <= set(grid().centers)
    assert ring().centers[1] == pytest.approx((math.sqrt(2), math.sqrt(2)))


def test_the_real_points_have_every_mode() -> None:
    points = grid().sample(Draws(range(2)), 2500)
    assert points.shape == (2, 2500, 2)
    for own in points:
        found = coverage(own, grid())
        assert (found.modes, found.held) == (25, 25)
        # A Rayleigh variable is below three sigma with probability 1 - exp(-9/2).
        assert found.quality == pytest.approx(1 - math.exp(-4.5), abs=0.01)


@pytest.mark.parametrize(
    ("game", "start", "end"),
    [
        # x - 0.1 y and y + 0.1 x.
        (XY, (1.0, 2.0), (0.8, 2.1)),
        # f(2) = 4 with slope 4: 2 - 0.1 * 4 * (3 - 1) and 3 + 0.1 * (4 - 1).
        (BENT, (2.0, 3.0), (1.2, 3.3)),
        # f(-1) = -1 with slope 1: -1 - 0.1 * (0 - 1) and 0 + 0.1 * (-1 - 1).
        (BENT, (-1.0, 0.0), (-0.9, -0.2)),
    ],
)
def test_one_step_of_a_game(
    game: Any, start: tuple[float, float], end: tuple[float, float]
) -> None:
    at = torch.tensor(start, dtype=torch.float64)[:, None]
    assert play(game, at, 1, 0.1).last[:, 0].tolist() == pytest.approx(end)


@pytest.mark.parametrize("game", GAMES)
def test_equilibria_stay(game: Any) -> None:
    at = torch.tensor(game.equilibrium, dtype=torch.float64)[:, None]
    assert torch.equal(play(game, at, 5, 0.1, weight=0.1).last, at)


def test_descent_spirals_out_of_the_bilinear_game() -> None:
    at = torch.tensor([[3.0], [4.0]], dtype=torch.float64)
    track = play(XY, at, 200, 0.1)
    assert float(track.last.norm()) == pytest.approx(5 * 1.01**100)


def test_historical_averaging_step_by_step() -> None:
    x, y, rate, weight = 1.0, 2.0, 0.1, 0.25
    past: list[tuple[float, float]] = []
    for _ in range(30):
        mean = np.mean(past, axis=0) if past else np.array([x, y])
        x, y = (
            x - rate * (y + 2 * weight * (x - mean[0])),
            y + rate * (x - 2 * weight * (y - mean[1])),
        )
        past.append((x, y))
    track = play(XY, torch.tensor([[1.0], [2.0]], dtype=torch.float64), 30, rate, weight)
    assert track.last[:, 0].tolist() == pytest.approx([x, y])
    assert track.mean[:, 0].tolist() == pytest.approx(np.mean(past, axis=0).tolist())


def test_historical_averaging_forgets_at_the_rate_worked_out_by_hand() -> None:
    # The mean m turns and shrinks as dm / d log t = -m / (1 + a i), a = 2 weight: in size as
    # t ** (-1 / (1 + a^2)), which for weight 0.5 is the root.
    at = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    early, late = (float(play(XY, at, steps, 0.2, weight=0.5).mean.norm()) for steps in (500, 2000))
    assert early / late == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("minibatch", ["none", "discrimination", "stddev"])
@pytest.mark.parametrize("build", [unrolled_discriminator, packing_discriminator])
def test_an_ensemble_answers_as_its_members(build: Any, minibatch: Any) -> None:
    def make() -> nn.Sequential:
        return build(2, minibatch, True)

    inputs = torch.randn(3, 8, 4, generator=torch.Generator().manual_seed(0))
    answers = Ensemble(make, [4, 5, 6])(inputs)
    for seed, own, answer in zip([4, 5, 6], inputs, answers, strict=True):
        torch.manual_seed(seed)
        assert torch.allclose(make()(own), answer, atol=1e-5)


def test_buffers_are_refused() -> None:
    with pytest.raises(ValueError, match="buffers"):
        Ensemble(lambda: nn.Sequential(nn.BatchNorm1d(2)), [0])


def test_a_penalty_of_an_ensemble_is_the_mean_of_its_members() -> None:
    critics = Ensemble(lambda: nn.Sequential(nn.Linear(2, 1)), [0, 1])
    weight = next(critics.parameters())
    with torch.no_grad():
        weight.copy_(torch.tensor([[[3.0, 4.0]], [[0.0, 2.0]]]))
    real, fake = torch.randn(2, 10, 2)
    # Slopes of 5 and of 2: the mean of 16 and of 1.
    penalty = wgan_gp(flat(critics, 2), real, fake)
    assert float(penalty.detach()) == pytest.approx(8.5, rel=1e-4)


VARIANTS = (
    Variant("plain"),
    Variant("unrolled", unroll=2),
    Variant("packed", pack=2, loss="hinge", form="average"),
    Variant("steadied", history=0.01, discriminator_steps=2, real_labels=(0.7, 1.2), noise=0.1),
    Variant("mixed", norm=True, apart=False, minibatch="stddev"),
)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_seed_trains_as_it_would_alone(variant: Variant) -> None:
    setting = Setting(ring(), unrolled_generator, unrolled_discriminator, noise=4, steps=10)
    together = train(setting, variant, range(2), 10)
    alone = train(setting, variant, range(1, 2), 10)
    assert torch.isfinite(together.points).all()
    assert torch.allclose(together.points[1], alone.points[0], atol=1e-3)
    assert not torch.allclose(together.points[0], together.points[1], atol=0.1)


def test_what_is_tried_is_named_once() -> None:
    names = [variant.name for variant in everything()]
    assert len(set(names)) == len(names)
    assert names[0].startswith("plain")
    assert {"unrolled, k = 5", "packing, m = 2"} <= {variant.name for variant in some()}
    # Four losses in three forms, of which plain non-saturating is plain training itself.
    assert len([name for name in names if name.split(",")[0] in LOSSES]) == 11


LOSSES = {"minimax", "non-saturating", "lsgan", "hinge"}


def test_norm_of_a_convolution_against_its_dense_matrix() -> None:
    weight = np.random.default_rng(0).normal(size=(3, 2, 3, 3))
    side = 5
    columns = []
    for channel in range(2):
        for row in range(side):
            for column in range(side):
                picture = np.zeros((2, side, side))
                picture[channel, row, column] = 1
                answer = sum(
                    np.roll(np.tensordot(weight[:, :, i, j], picture, 1), (i, j), (1, 2))
                    for i in range(3)
                    for j in range(3)
                )
                columns.append(np.ravel(answer))
    expected = np.linalg.svd(np.array(columns).T, compute_uv=False)[0]
    assert circular_norm(weight, side) == pytest.approx(expected)
    assert matrix_norm(weight) == pytest.approx(
        math.sqrt(np.linalg.eigvalsh(np.einsum("oihw,pihw->op", weight, weight))[-1])
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # The critic says -3 x; the generator's losses by the distance d, at d = 0.5.
        ("minimax", 3 / (1 + math.exp(1.5))),
        ("non-saturating", 3 / (1 + math.exp(-1.5))),
        ("wasserstein", 3.0),
        ("lsgan", 3 * (1.5 + 1)),
    ],
)
def test_gradient_of_the_distance(kind: str, expected: float) -> None:
    judges = Ensemble(lambda: nn.Sequential(nn.Linear(2, 1)), [0])
    with torch.no_grad():
        for parameter, value in zip(judges.parameters(), ([[[-3.0, 0.0]]], [[0.0]]), strict=True):
            parameter.copy_(torch.tensor(value))
    found = disjoint.pull(kind, judges, torch.tensor([0.5]), Draws([0]))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_losses_of_members_do_not_mix() -> None:
    logits = torch.tensor([[[1.0], [3.0]], [[10.0], [30.0]]])
    assert by_member(Tensor.mean, logits).tolist() == [2.0, 20.0]


def test_labels_are_as_many_of_each_class() -> None:
    classes = torch.arange(900) % 10
    pictures = torch.arange(900.0)[:, None]
    found = digits.split(pictures, classes, [20, 100], [0, 1])
    for count, labeled, labels in zip([20, 100], found.labeled, found.labels, strict=True):
        assert len(labeled.unique()) == count
        assert torch.equal(labels.bincount(), torch.full((10,), 10))
        assert torch.equal(labeled[:, 0].long() % 10, labels)
    assert not set(found.held_out[0, :, 0].tolist()) & set(found.unlabeled[0, :, 0].tolist())


def test_without_the_digits_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(UnavailableError, match="scikit-learn"):
        digits.load()


def test_the_memory_of_a_lazy_penalty_is_that_of_a_step_in_which_it_is_due() -> None:
    # All at once, as one that is freed while another is measured would count as less memory.
    names = ("none", "R1", "R1 every 16 steps")
    trials = [cost.Trial(cost.VARIANTS[name]) for name in names]
    for trial in trials:
        trial.step()
    plain, every, lazy = (cost.held(trial) for trial in trials)
    assert lazy == pytest.approx(every, rel=0.02)
    assert lazy > 1.2 * plain


def test_the_generator_of_packing_needs_no_buffers() -> None:
    points = Ensemble(lambda: packing_generator(2), range(2))(torch.randn(2, 12, 2))
    assert points.shape == (2, 12, 2)
