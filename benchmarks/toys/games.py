"""Two games of two numbers, whose equilibria simultaneous gradient descent does not find."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.toys.drawing import curves, tile
from benchmarks.toys.ensemble import Draws
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
from translate.losses.history import HistoricalAverage

RATE = 0.01
WEIGHT = 0.1
"""Of historical averaging. By hand, in the bilinear game the distance to the equilibrium falls as
``t ** (-1 / (1 + 4 weight^2))``: what steadies faster forgets the start more slowly."""
NEAR = 0.05
CURVE = 200
"""Points of a curve that are kept."""


@dataclass(frozen=True)
class Game:
    """x makes the value small, y makes it large.

    Args:
        name: for the page.
        value: of both players' numbers, element by element.
        equilibrium: where neither gains by moving.
        why: how that is found by hand.
    """

    name: str
    value: Callable[[Tensor, Tensor], Tensor]
    equilibrium: tuple[float, float]
    why: str


def bend(x: Tensor) -> Tensor:
    """Salimans et al. 2016, section 3.3: x below 0, its square from 0 on."""
    return torch.where(x < 0, x, x.square())


GAMES = (
    Game(
        "xy",
        lambda x, y: x * y,
        (0.0, 0.0),
        "dV/dx = y and dV/dy = x are both 0 at (0, 0) alone",
    ),
    Game(
        "(f(x) - 1)(y - 1)",
        lambda x, y: (bend(x) - 1) * (y - 1),
        (1.0, 1.0),
        "dV/dy = f(x) - 1 is 0 at x = 1 alone, where dV/dx = f'(1)(y - 1) = 2(y - 1) is 0 at y = 1",
    ),
)


@dataclass
class Track:
    """The way of all starts through a game."""

    last: Tensor
    """``(2, S)``: x and y in the end."""
    mean: Tensor
    """``(2, S)``: means of x and of y over all steps."""
    distances: list[Tensor]
    """Now and then the distances to the equilibrium, ``(S,)`` each."""
    seconds: float


def play(game: Game, start: Tensor, steps: int, rate: float, weight: float = 0.0) -> Track:
    """Simultaneous gradient descent of x and ascent of y, with historical averaging if asked.

    Args:
        game: what is played.
        start: ``(2, S)``, x and y.
        steps: how many.
        rate: of descent.
        weight: of each player's |theta - mean|^2 (Salimans et al. 2016, section 3.3).
    """
    x, y = (line.clone().requires_grad_() for line in start)
    goal = torch.tensor(game.equilibrium, dtype=start.dtype)[:, None]
    history, mean, distances = HistoricalAverage(), torch.zeros_like(start), []
    begun = time.process_time()
    for step in range(steps):
        pull = weight * history.penalty([x, y]) if weight else 0.0
        value = game.value(x, y).sum()
        # Each player has its own cost; both gradients are taken before either moves.
        [down] = torch.autograd.grad(value + pull, x, retain_graph=True)
        [up] = torch.autograd.grad(pull - value, y)
        with torch.no_grad():
            x -= rate * down
            y -= rate * up
            here = torch.stack([x, y])
            mean += (here - mean) / (step + 1)
            if step % max(1, steps // CURVE) == 0:
                distances.append((here - goal).norm(dim=0))
        if weight:
            history.update([x, y])
    seconds = (time.process_time() - begun) / steps
    return Track(torch.stack([x, y]).detach(), mean, distances, seconds)


def run(options: Options) -> Outcome:
    """Play both games from the same random starts, by descent alone and with averaging."""
    steps = options.steps(20000, 8000)
    seeds = range(options.seeds)
    results: Results = {"steps": steps, "rate": RATE, "weight": WEIGHT, "games": {}}
    panels = []
    for game in GAMES:
        goal = torch.tensor(game.equilibrium, dtype=torch.float64)[:, None]
        start = goal + Draws(seeds).uniform(2).double().T * 2 - 1
        tracks = {
            "descent": play(game, start, steps, RATE),
            "history": play(game, start, steps, RATE, WEIGHT),
        }
        ends = {
            "start": start,
            "simultaneous descent": tracks["descent"].last,
            "mean of its iterates": tracks["descent"].mean,
            "historical averaging": tracks["history"].last,
        }
        results["games"][game.name] = {
            "distances": {name: (end - goal).norm(dim=0).tolist() for name, end in ends.items()},
            "mean": tracks["descent"].mean.mean(dim=1).tolist(),
            "seconds": {name: track.seconds for name, track in tracks.items()},
        }
        lines = {
            name: [
                (index * steps / len(track.distances), float(distance.mean()))
                for index, distance in enumerate(track.distances)
            ]
            for name, track in tracks.items()
        }
        panels.append(curves(game.name, lines, ("step", "distance"), logarithmic=True))
    return Outcome(results, tile(panels, 2), options.seeds)


def section(results: Results) -> Section:
    """The page's words."""
    rows, verdicts = [], []
    for game in GAMES:
        found = results["games"][game.name]
        distances = found["distances"]
        for name, values in distances.items():
            key = "history" if name == "historical averaging" else "descent"
            time_a_step = "" if name == "start" else milliseconds(found["seconds"][key])
            rows.append([game.name, name, spread(values, 4), f"{max(values):.4f}", time_a_step])
        for name, reaches in (
            ("simultaneous descent", False),
            ("historical averaging", True),
            ("mean of its iterates", True),
        ):
            worst = max(distances[name])
            best = min(distances[name])
            verdicts.append(
                Verdict(
                    f"{game.name}: {name} {'ends' if reaches else 'does not end'} within {NEAR} of "
                    f"{game.equilibrium}",
                    worst <= NEAR if reaches else best > NEAR,
                    f"distances from {best:.4f} to {worst:.4f}",
                )
            )
    reasons = "; ".join(f"of {game.name} it is {game.equilibrium}, as {game.why}" for game in GAMES)
    text = (
        "Games of Salimans et al. 2016, arXiv 1606.03498, section 3.3, where f(x) is x below 0 and "
        "its square above: x makes the value small, y makes it large. The equilibria by hand: "
        f"{reasons}. {results['steps']} steps at a rate of {results['rate']}, from starts in the "
        "square of side 2 around the equilibrium. In the bilinear game a step turns by a right "
        "angle what it adds, so that the distance grows by sqrt(1 + rate^2) each time. Historical "
        f"averaging has weight {results['weight']}. The mean of descent's iterates need not reach "
        "the second game's equilibrium: along an orbit it is f(x), not x, whose mean is 1, "
        "and the orbits grow. All starts play at once, and the time is that of a step of all."
    )
    table = Table(("game", "method", "distance", "worst", "time a step"), rows)
    return Section("Two games", text, [table], verdicts)
