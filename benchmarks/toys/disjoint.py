"""Two distributions that do not touch: what the discriminator tells the generator."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from PIL.Image import Image
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.toys.drawing import curves, tile
from benchmarks.toys.ensemble import Draws, Ensemble, by_member, flat
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
from translate.losses.adversarial import Form, compare, discriminator_loss, generator_loss
from translate.losses.penalties import wgan_gp

DISTANCES = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
BATCH = 64
RATE = 2e-3
FAR = 2.0
"""Distance at which the discriminators of the second part are trained and then kept."""

FORMS: tuple[Form, ...] = ("plain", "relativistic", "average")


@dataclass(frozen=True)
class Critic:
    """What a discriminator is trained by."""

    loss: str
    form: Form = "plain"
    penalty: float = 0.0


CRITICS = {
    "non-saturating": Critic("non-saturating"),
    "lsgan": Critic("lsgan"),
    "wasserstein": Critic("wasserstein", penalty=10.0),
    "relativistic": Critic("non-saturating", "relativistic"),
    "average": Critic("non-saturating", "average"),
}
JUDGES = {
    "minimax": "non-saturating",
    "non-saturating": "non-saturating",
    "lsgan": "lsgan",
    "wasserstein": "wasserstein",
}
"""The generator's loss -> whose discriminator: minimax and non-saturating share theirs."""


def network() -> nn.Sequential:
    """Two hidden layers of 32."""
    return nn.Sequential(
        nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)
    )


def line(places: Tensor, draws: Draws, count: int = BATCH) -> Tensor:
    """Points ``(M, count, 2)`` on upright lines of length 1 at ``places`` ``(M,)``.

    Arjovsky et al. 2017, arXiv 1701.07875, example 1: two such lines have no common point, however
    near they are, and their Wasserstein distance is that between them.
    """
    heights = draws.uniform(count)
    return torch.stack([places[:, None].expand_as(heights), heights], dim=2)


def train(
    critic: Critic, distances: Tensor, seeds: list[int], steps: int
) -> tuple[Ensemble, float]:
    """Discriminators between lines at 0 and at ``distances`` ``(M,)``, and seconds a step."""
    judges = Ensemble(network, seeds)
    optimizer = torch.optim.Adam(judges.parameters(), lr=RATE, betas=(0.5, 0.99), fused=True)
    draws, places = Draws(seeds), torch.Generator().manual_seed(0)
    begun = time.process_time()
    for _ in range(steps):
        real, fake = line(torch.zeros_like(distances), draws), line(distances, draws)
        loss = by_member(
            lambda real, fake: discriminator_loss(critic.loss, critic.form, real, fake),
            judges(real),
            judges(fake),
        ).sum()
        if critic.penalty:
            points = (real.flatten(0, 1), fake.flatten(0, 1))
            penalty = wgan_gp(flat(judges, len(seeds)), *points, random=places)
            loss = loss + len(seeds) * critic.penalty * penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return judges, (time.process_time() - begun) / steps


def pull(kind: str, judges: Ensemble, distances: Tensor, draws: Draws) -> Tensor:
    """Size of the gradient of the generator's loss by the distance, its one parameter: ``(M,)``."""
    places = distances.clone().requires_grad_()
    real = judges(line(torch.zeros_like(distances), draws, 512))
    fake = judges(line(places, draws, 512))
    loss = by_member(lambda real, fake: generator_loss(kind, "plain", real, fake), real, fake)
    [gradient] = torch.autograd.grad(loss.sum(), places)
    return gradient.abs()


@torch.no_grad()
def said_of_real(form: Form, judges: Ensemble, distances: Tensor, draws: Draws) -> Tensor:
    """Mean probability that discriminators give real points, against fakes at distances: (M,)."""
    real = judges(line(torch.zeros_like(distances), draws, 512))
    fake = judges(line(distances, draws, 512))
    shown = by_member(lambda real, fake: compare(real, fake, form)[0], real, fake)
    return functional.sigmoid(shown).mean(dim=(1, 2))


def run(options: Options) -> Outcome:
    """Train discriminators at every distance at once, one a seed and distance."""
    steps = options.steps(1500, 300)
    seeds = [seed for seed in range(options.seeds) for _ in DISTANCES]
    distances = torch.tensor(DISTANCES).repeat(options.seeds)
    judges: dict[str, Ensemble] = {}
    seconds: dict[str, float] = {}
    for name, critic in CRITICS.items():
        judges[name], seconds[name] = train(critic, distances, seeds, steps)
        print(f"  {name}: {seconds[name] * 1000:.1f} ms", flush=True)
    pulls = {
        kind: by_distance(pull(kind, judges[name], distances, Draws(seeds, salt=3)))
        for kind, name in JUDGES.items()
    }
    trained = {"plain": "non-saturating", "relativistic": "relativistic", "average": "average"}
    retrained = {
        form: by_distance(said_of_real(form, judges[trained[form]], distances, Draws(seeds, 4)))
        for form in FORMS
    }
    kept = {form: frozen(form, judges[trained[form]], options.seeds, seeds) for form in FORMS}
    results: Results = {
        "steps": steps,
        "distances": list(DISTANCES),
        "pulls": pulls,
        "retrained": retrained,
        "kept": kept,
        "seconds": seconds,
    }
    return Outcome(results, picture(results), options.seeds)


def by_distance(values: Tensor) -> list[list[float]]:
    """``(S D,)`` -> for each distance the values of the seeds."""
    return values.unflatten(0, (-1, len(DISTANCES))).T.tolist()


def frozen(form: Form, judges: Ensemble, count: int, seeds: list[int]) -> list[list[float]]:
    """Discriminators trained at the distance `FAR`, asked while the fakes come nearer."""
    chosen = DISTANCES.index(FAR)
    answers = []
    for distance in DISTANCES:
        said = said_of_real(form, judges, torch.full((len(seeds),), distance), Draws(seeds, salt=5))
        answers.append(said.unflatten(0, (count, len(DISTANCES)))[:, chosen].tolist())
    return answers


def picture(results: Results) -> Image:
    """Gradients over the distance, and what is said of real points."""

    def means(part: str, keep: Callable[[float], bool]) -> dict[str, list[tuple[float, float]]]:
        return {
            name: [
                (distance, fmean(values))
                for distance, values in zip(DISTANCES, lists, strict=True)
                if keep(distance)
            ]
            for name, lists in results[part].items()
        }

    pulls = means("pulls", lambda distance: distance > 0)
    kept = means("kept", lambda distance: distance <= FAR)
    labels = ("distance of the fakes", "probability")
    return tile(
        [
            curves("the generator's gradient", pulls, ("distance", "size"), logarithmic=True),
            curves("said of real points, discriminator kept", kept, labels, y=(0.0, 1.0)),
        ],
        2,
    )


def section(results: Results) -> Section:
    """The page's words."""
    pulls, kept = results["pulls"], results["kept"]
    gradients = Table(
        ("generator's loss", *(f"distance {distance:g}" for distance in DISTANCES[1:]), "a step"),
        [
            (kind, *map(size, lists[1:]), milliseconds(results["seconds"][JUDGES[kind]]))
            for kind, lists in pulls.items()
        ],
        "Size of the generator's gradient by the distance between real and fake",
    )
    answers = Table(
        ("form", "discriminator", *(f"distance {distance:g}" for distance in DISTANCES)),
        [
            (form, how, *(spread(values, 3) for values in results[part][form]))
            for part, how in (
                ("kept", f"kept from distance {FAR:g}"),
                ("retrained", "trained anew"),
            )
            for form in FORMS
        ],
        "Probability that real points are given",
    )
    far, near = DISTANCES.index(4.0), DISTANCES.index(0.25)
    verdicts = [
        Verdict(
            "the minimax gradient vanishes with distance",
            max(pulls["minimax"][far]) < 0.1 * min(pulls["minimax"][near]),
            f"{size(pulls['minimax'][near])} at 0.25, {size(pulls['minimax'][far])} at 4",
        ),
        Verdict(
            "that of Wasserstein does not",
            min(pulls["wasserstein"][far]) > 0.5,
            f"{size(pulls['wasserstein'][near])} at 0.25, {size(pulls['wasserstein'][far])} at 4",
        ),
        Verdict(
            "that of the non-saturating loss stays larger than minimax's",
            min(pulls["non-saturating"][far]) > 10 * max(pulls["minimax"][far]),
            f"{size(pulls['non-saturating'][far])} against {size(pulls['minimax'][far])} at 4",
        ),
    ]
    for form in FORMS[1:]:
        verdicts.append(
            Verdict(
                f"{form}: what is said of real points tends to 0.5 as the fakes become real",
                all(abs(value - 0.5) < 0.05 for value in kept[form][0]),
                f"{spread(kept[form][0], 3)} at distance 0, where the plain form says "
                f"{spread(kept['plain'][0], 3)}",
            )
        )
    text = (
        "Two upright lines of length 1 side by side (Arjovsky et al. 2017, arXiv 1701.07875, "
        "example 1); the generator's one parameter is the distance. Discriminators of two hidden "
        f"layers of 32 are trained for {results['steps']} steps of Adam at {RATE:g} at each "
        "distance, close to their optimum, where Arjovsky and Bottou 2017 (arXiv 1701.04862, "
        "theorem 2.4) have the minimax gradient vanish; Wasserstein's critic is under WGAN-GP of "
        "weight 10. Minimax and non-saturating share their discriminators. The second table "
        "follows Jolicoeur-Martineau 2018, arXiv 1807.00734, section 3: the generator alone moves, "
        "the discriminator is kept. Trained anew at every distance, the plain form ends at 0.5 "
        "too. All distances and seeds train at once, and the time is that of a step of all."
    )
    title = "Distributions that do not touch"
    return Section(title, text, [gradients, answers], verdicts)


def size(values: Sequence[float]) -> str:
    """Mean over the seeds, of whatever magnitude."""
    return f"{fmean(values):.2g}"
