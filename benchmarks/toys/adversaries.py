"""Train a generator and a discriminator of points, all seeds at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks.toys.ensemble import Draws, Ensemble, by_member, flat
from benchmarks.toys.mixtures import Coverage, Mixture, coverage
from benchmarks.toys.variants import Variant
from translate.losses.adversarial import ADVERSARIAL, Labels, discriminator_loss, generator_loss
from translate.losses.history import HistoricalAverage
from translate.losses.penalties import clip_weights_, wgan_gp
from translate.optim import MovingAverage
from translate.unroll import unroll

SAMPLES = 2500
"""Points that modes are counted in, as in PacGAN and VEEGAN."""
BLOCK = 50
"""Steps whose random numbers are drawn at once."""
PENALTY, BOUND = 10.0, 0.01
"""Weight of WGAN-GP and bound of weight clipping, those of their papers."""


@dataclass(frozen=True)
class Setting:
    """What all variants of an experiment share."""

    mixture: Mixture
    generator: Callable[[int], nn.Sequential]
    """Of the size of the noise."""
    discriminator: Callable[..., nn.Sequential]
    """Of ``pack``, ``minibatch`` and ``norm``."""
    noise: int
    steps: int
    batch: int = 96
    """Divides by 2, 3 and 4, so that packing sees as many points a step as the others."""
    rate: float = 1e-3
    betas: tuple[float, float] = (0.5, 0.999)
    average: float = 0.999


@dataclass
class Run:
    """What came out, a list entry a seed."""

    final: list[Coverage]
    averaged: list[Coverage]
    """Of the moving average of the generator's weights."""
    curve: list[list[int]]
    """Modes at every tenth of the steps."""
    seconds: float
    """Processor seconds a step, all seeds together."""
    points: Tensor = field(repr=False)
    """``(S, 2500, 2)``."""


class Pair:
    """A generator and a discriminator under one variant; S of each."""

    def __init__(self, setting: Setting, variant: Variant, seeds: range) -> None:
        self.setting, self.variant, self.members = setting, variant, len(seeds)
        self.generator = Ensemble(lambda: setting.generator(setting.noise), seeds)
        self.discriminator = Ensemble(
            lambda: setting.discriminator(variant.pack, variant.minibatch, variant.norm), seeds
        )
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.Adam(module.parameters(), lr=rate, betas=setting.betas, fused=True)
            for module, rate in (
                (self.generator, setting.rate),
                (self.discriminator, setting.rate * variant.discriminator_rate),
            )
        )
        self.histories = (HistoricalAverage(), HistoricalAverage())
        """Of the discriminator's weights and of the generator's."""
        self.draws = Draws(seeds, salt=1)
        self.places = torch.Generator().manual_seed(0)

    def show(self, points: Tensor, sigma: float) -> Tensor:
        """Points as the discriminator takes them: noisy, packed ``(S, N / m, 2 m)``."""
        if sigma:
            points = points + sigma * self.draws.normal(*points.shape[1:])
        return points.reshape(self.members, -1, 2 * self.variant.pack)

    def logits(
        self, real: Tensor, fake: Tensor, weights: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Of both sides ``(S, N, 1)``, by the present weights or by those given."""

        def call(points: Tensor) -> Tensor:
            if weights is None:
                return self.discriminator(points)
            return functional_call(self.discriminator, dict(weights), (points,))

        if self.variant.apart:
            return call(real), call(fake)
        together = call(torch.cat([real, fake], dim=1))
        return together[:, : real.shape[1]], together[:, real.shape[1] :]

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The members' losses of logits, summed."""
        kind, form = self.variant.loss, self.variant.form
        own = ADVERSARIAL[kind].labels_of(form)
        # Labels are drawn for every sample; where they are not, all get the loss's own.
        labels = [
            torch.full_like(logits, float(default))
            if given is None
            else given[0] + (given[1] - given[0]) * self.draws.uniform(*logits.shape[1:])
            for given, logits, default in (
                (self.variant.real_labels, real, own.real),
                (self.variant.fake_labels, fake, own.fake),
            )
        ]

        def member(real: Tensor, fake: Tensor, says_real: Tensor, says_fake: Tensor) -> Tensor:
            return discriminator_loss(
                kind, form, real, fake, Labels(says_real, says_fake, own.generator)
            )

        return by_member(member, real, fake, *labels).sum()

    def discriminator_step(self, real: Tensor, fake: Tensor, sigma: float) -> None:
        """One update on fakes that are given."""
        shown_real, shown_fake = self.show(real, sigma), self.show(fake, sigma)
        loss = self.discriminator_loss(*self.logits(shown_real, shown_fake))
        if self.variant.constraint == "penalty":
            critic = flat(self.discriminator, self.members)
            points = (shown_real.flatten(0, 1), shown_fake.flatten(0, 1))
            # A mean over all members: each pays its own share again.
            loss = loss + self.members * PENALTY * wgan_gp(critic, *points, random=self.places)
        self.update(loss, self.discriminator, self.discriminator_optimizer, self.histories[0])
        if self.variant.constraint == "clip":
            clip_weights_(self.discriminator.parameters(), BOUND)

    def update(
        self,
        loss: Tensor,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        history: HistoricalAverage,
    ) -> None:
        """Descend on the loss, and on the distance to the weights' past where that is asked for."""
        if self.variant.history:
            loss = loss + self.variant.history * history.penalty(module.parameters())
        optimizer.zero_grad()
        loss.backward(inputs=list(module.parameters()))
        optimizer.step()
        if self.variant.history:
            history.update(module.parameters())

    def generator_step(self, real: Tensor, fake: Tensor, sigma: float) -> None:
        """One update through fakes that have their graph."""
        kind, form = self.variant.loss, self.variant.form
        shown_real, shown_fake = self.show(real, sigma), self.show(fake, sigma)
        weights = None
        if self.variant.unroll:
            weights = unroll(
                self.discriminator,
                lambda weights: self.discriminator_loss(
                    *self.logits(shown_real, shown_fake, weights)
                ),
                self.discriminator_optimizer,
                self.variant.unroll,
            )
        logits = self.logits(shown_real, shown_fake, weights)
        loss = by_member(lambda real, fake: generator_loss(kind, form, real, fake), *logits).sum()
        self.update(loss, self.generator, self.generator_optimizer, self.histories[1])

    @torch.no_grad()
    def sample(self, generator: nn.Module, noise: Tensor) -> list[Coverage]:
        """Modes and quality of every member."""
        return [coverage(points, self.setting.mixture) for points in generator(noise)]


def batches(setting: Setting, draws: Draws) -> Iterator[tuple[Tensor, Tensor]]:
    """Real points ``(S, N, 2)`` and noise ``(S, N, Z)``, without end."""
    while True:
        real = setting.mixture.sample(draws, BLOCK * setting.batch)
        noise = draws.normal(BLOCK * setting.batch, setting.noise)
        yield from zip(
            real.split(setting.batch, dim=1), noise.split(setting.batch, dim=1), strict=True
        )


def train(setting: Setting, variant: Variant, seeds: range, steps: int) -> Run:
    """Train all seeds of a variant and count what they found."""
    pair = Pair(setting, variant, seeds)
    average = MovingAverage(pair.generator, setting.average)
    fixed = Draws(seeds, salt=2).normal(SAMPLES, setting.noise)
    stream = batches(setting, Draws(seeds))
    curve: list[list[int]] = []
    spent = 0.0
    for step in range(steps):
        start = time.process_time()
        sigma = variant.noise * (1 - step / steps)
        for _ in range(variant.discriminator_steps - 1):
            real, noise = next(stream)
            with torch.no_grad():
                fake = pair.generator(noise)
            pair.discriminator_step(real, fake, sigma)
        real, noise = next(stream)
        fake = pair.generator(noise)
        pair.discriminator_step(real, fake.detach(), sigma)
        pair.generator_step(real, fake, sigma)
        spent += time.process_time() - start
        average.update(pair.generator, step)
        if (step + 1) % (steps // 10) == 0:
            curve.append([found.modes for found in pair.sample(pair.generator, fixed)])
    with torch.no_grad():
        points = pair.generator(fixed)
    return Run(
        final=pair.sample(pair.generator, fixed),
        averaged=pair.sample(average.module, fixed),
        curve=[list(seed) for seed in zip(*curve, strict=True)],
        seconds=spent / steps,
        points=points,
    )
