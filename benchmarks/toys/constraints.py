"""Clipping and gradient penalties: slopes of the critic, and where its weights end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor, nn

from benchmarks.toys.drawing import histogram, tile
from benchmarks.toys.ensemble import Draws, Ensemble, by_member, flat
from benchmarks.toys.mixtures import ring
from benchmarks.toys.page import (
    Options,
    Outcome,
    Results,
    Section,
    Table,
    Verdict,
    milliseconds,
    spread,
)
from translate.losses.adversarial import discriminator_loss
from translate.losses.penalties import (
    around,
    clip_weights_,
    dragan,
    gradient_norms,
    interpolates,
    weight_histogram,
    wgan_gp,
)

MIXTURE = ring()
BATCH = 64
HIDDEN = 64
BINS = 40


@dataclass(frozen=True)
class Constraint:
    """What holds a critic's slope."""

    name: str
    loss: str = "wasserstein"
    clip: float = 0.0
    interpolated: float = 0.0
    """Weight of WGAN-GP."""
    perturbed: float = 0.0
    """Weight of DRAGAN."""


CONSTRAINTS = (
    Constraint("clipping at 0.01", clip=0.01),
    Constraint("clipping at 0.1", clip=0.1),
    Constraint("WGAN-GP", interpolated=10.0),
    Constraint("DRAGAN", "non-saturating", perturbed=10.0),
    Constraint("none", "non-saturating"),
)


def network() -> nn.Sequential:
    """Three hidden layers."""
    return nn.Sequential(
        nn.Linear(2, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, 1),
    )


def pair(draws: Draws, count: int) -> tuple[Tensor, Tensor]:
    """Real points and fixed fakes, real ones with normal noise of sigma 1, ``(S, count, 2)``."""
    real = MIXTURE.sample(draws, count)
    return real, MIXTURE.sample(draws, count) + draws.normal(count, 2)


def train(constraint: Constraint, seeds: range, steps: int) -> Results:
    """Train critics of a fixed generator and look at their slopes and weights."""
    critics = Ensemble(network, seeds)
    critic = flat(critics, len(seeds))
    optimizer = torch.optim.Adam(critics.parameters(), lr=1e-3, betas=(0.0, 0.9), fused=True)
    draws, places = Draws(seeds), torch.Generator().manual_seed(0)
    begun = time.process_time()
    for _ in range(steps):
        real, fake = pair(draws, BATCH)
        loss = by_member(
            lambda real, fake: discriminator_loss(constraint.loss, "plain", real, fake),
            critics(real),
            critics(fake),
        ).sum()
        # Penalties are means over all members, the loss is their sum.
        points, others = real.flatten(0, 1), fake.flatten(0, 1)
        if constraint.interpolated:
            penalty = wgan_gp(critic, points, others, random=places)
            loss = loss + len(seeds) * constraint.interpolated * penalty
        if constraint.perturbed:
            penalty = dragan(critic, points, random=places)
            loss = loss + len(seeds) * constraint.perturbed * penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if constraint.clip:
            clip_weights_(critics.parameters(), constraint.clip)
    seconds = (time.process_time() - begun) / steps
    real, fake = (points.flatten(0, 1) for points in pair(draws, 512))
    places_of = {
        "real": real,
        "around": around(real, places),
        "between": interpolates(real, fake, places),
    }
    bound = constraint.clip or largest(critics)
    spreads = weight_histogram(critics.parameters(), bound, BINS)
    counts = spreads.counts.double()
    return {
        "slopes": {
            name: summary(gradient_norms(critic, points).detach().unflatten(0, (len(seeds), -1)))
            for name, points in places_of.items()
        },
        "at_bounds": [at_bounds(critics, member, bound) for member in range(len(seeds))],
        "histogram": (counts / counts.sum()).tolist(),
        "bound": bound,
        "seconds": seconds,
    }


def summary(slopes: Tensor) -> dict[str, list[float]]:
    """Mean and standard deviation of each seed's slopes ``(S, N)``."""
    return {"mean": slopes.mean(dim=1).tolist(), "deviation": slopes.std(dim=1).tolist()}


def largest(critics: Ensemble) -> float:
    """The largest weight."""
    return max(float(weight.detach().abs().max()) for weight in critics.parameters())


def at_bounds(critics: Ensemble, member: int, bound: float) -> float:
    """Share of one critic's weights that lie on a bound."""
    own = [weight[member] for weight in critics.parameters()]
    return weight_histogram(own, bound, BINS).at_bounds


def run(options: Options) -> Outcome:
    """Train under every constraint."""
    steps = options.steps(1500, 300)
    found: Results = {}
    for constraint in CONSTRAINTS:
        found[constraint.name] = train(constraint, range(options.seeds), steps)
        print(f"  {constraint.name}: {found[constraint.name]['seconds'] * 1000:.1f} ms", flush=True)
    panels = [
        histogram(f"{name}: weights", one["histogram"], (-one["bound"], one["bound"]), "weight")
        for name, one in found.items()
        if name in (CONSTRAINTS[0].name, "WGAN-GP")
    ]
    results: Results = {"steps": steps, "constraints": found}
    return Outcome(results, tile(panels, 2), options.seeds)


def section(results: Results) -> Section:
    """The page's words."""
    found = results["constraints"]
    places = ("real", "around", "between")
    rows = [
        (
            name,
            *(slopes_of(one["slopes"][place]) for place in places),
            f"{one['bound']:.2g}",
            spread([100 * share for share in one["at_bounds"]]) + " %",
            milliseconds(one["seconds"]),
        )
        for name, one in found.items()
    ]
    columns = (
        "constraint",
        "slope at real points",
        "around them",
        "between real and fake",
        "largest weight",
        "weights at the bound",
        "a step",
    )
    clipped, penalized, perturbed = (
        found[name] for name in (CONSTRAINTS[0].name, "WGAN-GP", "DRAGAN")
    )
    slopes = {
        name: one["slopes"][place]["mean"]
        for name, one, place in (
            ("clipped", clipped, "between"),
            ("penalized", penalized, "between"),
            ("perturbed", perturbed, "around"),
        )
    }
    verdicts = [
        Verdict(
            "clipping at 0.01 leaves a critic of several layers next to no slope",
            max(slopes["clipped"]) < 0.1,
            f"{spread(slopes['clipped'], 5)} between real and fake",
        ),
        Verdict(
            "clipping piles the weights up at its bounds",
            min(clipped["at_bounds"]) > 0.25,
            f"{spread([100 * share for share in clipped['at_bounds']])} % of the weights lie there",
        ),
        Verdict(
            "WGAN-GP holds the slope near 1 between real and fake",
            all(abs(slope - 1) < 0.2 for slope in slopes["penalized"]),
            spread(slopes["penalized"], 3),
        ),
        Verdict(
            "DRAGAN holds it near 1 around the data",
            all(abs(slope - 1) < 0.2 for slope in slopes["perturbed"]),
            spread(slopes["perturbed"], 3),
        ),
    ]
    text = (
        "A critic of three hidden layers of 64 between the ring of eight Gaussians and a fixed "
        "generator, the ring with normal noise of sigma 1 (as Gulrajani et al. 2017, arXiv "
        "1704.00028, section 3 and figure 1, hold theirs), "
        f"{results['steps']} steps of Adam at 0.001. Clipping: Arjovsky et al. 2017, arXiv "
        "1701.07875, algorithm 1; WGAN-GP of weight 10: Gulrajani, equation 3; DRAGAN of weight 10 "
        "with the non-saturating loss: Kodali et al. 2017, arXiv 1705.07215. Slopes are norms of "
        "the critic's gradient at 512 points a seed: mean and spread of the seeds' means, and in "
        "brackets the deviation within a seed. All seeds train at once, and the time is that of a "
        "step of all."
    )
    return Section("Slopes under clipping and penalties", text, [Table(columns, rows)], verdicts)


def slopes_of(found: dict[str, list[float]]) -> str:
    """Of the seeds' means their mean and spread; in brackets the deviation within a seed."""
    return f"{spread(found['mean'], 3)} ({fmean(found['deviation']):.3f})"
