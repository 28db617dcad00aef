"""What tells that a run is collapsing, has diverged, or learns its pictures by heart.

Detectors are small pure functions over the history of one logged value. `Health` keeps the
histories, asks each detector what concerns it, and tells every alarm once, when it begins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor

from stacks.health_spec import HealthSpec
from stacks.stage_spec import StageSpec
from translate.losses.adversarial import ADVERSARIAL, discriminator_loss
from translate.objective import ObjectiveSpec

FATAL = ("nan", "divergence")
"""Alarms after which a run goes back to its last healthy checkpoint."""
JUDGED = 1.0
"""The unit of logits: adversarial losses, penalties and gradients may start near 0 and come to it,
where terms that compare pictures start at their highest."""
COMPARED = 0.01
PACE = 5
"""Looks over which the growth of weights is seen."""


@dataclass(frozen=True)
class Alarm:
    """What is wrong, where, and in one line why it is thought so."""

    name: str
    where: str
    said: str

    @property
    def fatal(self) -> bool:
        """Whether going on would be in vain."""
        return self.name in FATAL

    def __str__(self) -> str:
        return f"{self.name}: {self.where} {self.said}"


@dataclass(frozen=True)
class Costs:
    """What discriminators pay: the best there is, and the best that cannot tell and says one thing
    of every picture. Smoothed labels cost those something, too, that tell.
    """

    least: float
    chance: float


def not_finite(value: float) -> str:
    """What is wrong with a value that is no finite number; nothing otherwise."""
    return "" if math.isfinite(value) else f"is {value}"


def outgrown(
    value: float, history: Sequence[float], largest: float, factor: float, least: float
) -> str:
    """A value far above its running median, and far above all it has been before.

    Losses and gradients of adversaries jump about, by hundreds where one of them was nearly 0: the
    median alone would cry wolf.

    Args:
        value: the new one.
        history: the ones before.
        largest: magnitude so far, further back than the history.
        factor: of the median that is too much; a tenth of it of the largest.
        least: what the median is taken for where it is smaller.
    """
    if not history:
        return ""
    usual = max(least, median(map(abs, history)))
    if abs(value) <= max(factor * usual, factor / 10 * largest):
        return ""
    return f"is {value:.4g}, over {factor:g} times its running median of {usual:.4g}"


def grown(value: float, history: Sequence[float], factor: float) -> str:
    """The norm of a network's weights far above what it was a few looks ago.

    Weights that run away do so at a constant pace, which a median would lag behind by half.
    """
    if not history or not history[0] or value <= factor * history[0]:
        return ""
    return f"is {value:.4g}, over {factor:g} times the {history[0]:.4g} of {len(history)} looks ago"


def saturated(history: Sequence[float], window: int, costs: Costs, share: float) -> str:
    """Losses of a discriminator that have stayed near the least there is."""
    near = costs.least + share * (costs.chance - costs.least)
    if len(history) < window or max(history[-window:]) >= near:
        return ""
    return (
        f"has stayed below {near:.3f}, {share:.1%} of the way from {costs.least:.3f}, the least "
        f"there is, to {costs.chance:.3f}, the loss of a guess: the discriminator tells every "
        "picture and its generator learns little; lower its rate, add r1 or noise"
    )


def collapsed(history: Sequence[float], window: int, share: float) -> str:
    """Outputs that have long been far less diverse than the pictures they should be like."""
    if len(history) < window or max(history[-window:]) >= share:
        return ""
    return (
        f"has stayed below {share:g} of the data's: outputs for different inputs look alike; "
        "lower the rates, pack, or add minibatch stddev"
    )


def astray(history: Sequence[float], window: int, first: float, factor: float) -> str:
    """A Wasserstein estimate that keeps below 0, or grows where it should fall."""
    if len(history) < window:
        return ""
    if max(history[-window:]) < 0:
        return "has stayed below 0: the critic has truths and fakes the wrong way round"
    present = median(history[-window:])
    if first > 0 and present > factor * first:
        return f"is {present:.4g} by now, over {factor:g} times its first {first:.4g}"
    return ""


def drawn_apart(gap: float, closest: float, allowed: float) -> str:
    """Scores on training pictures that have drawn away from those on held-out ones.

    Where held-out pictures are the easier ones, the gap begins below 0: nothing is learned by heart
    until it is above.
    """
    widened = max(gap, 0.0) - max(closest, 0.0)
    if widened <= allowed:
        return ""
    return (
        f"has widened by {widened:.2f} standard deviations since they were closest: the "
        "training pictures are learned by heart; more pictures, more augmentation, or stop here"
    )


def chances(stages: Sequence[StageSpec]) -> dict[str, Costs]:
    """What discriminators pay that tell every picture, or none, by the names of their losses.

    A Wasserstein critic pays nothing for a guess, so that its loss says nothing of how well it
    tells.
    """
    return {
        f"{stage.name}/discriminator/adversarial": costs_of(
            stage.objective, getattr(stage.discriminator, "scales", 1)
        )
        for stage in stages
        if stage.discriminator is not None and stage.objective.adversarial != "wasserstein"
    }


def costs_of(objective: ObjectiveSpec, scales: int) -> Costs:
    """The costs of an objective's labels, by trying what may be said of real ones and of fakes."""
    kind, form = objective.adversarial, objective.form
    labels = objective.labels.typical(ADVERSARIAL[kind].labels_of(form))

    def cost(real: Tensor, fake: Tensor) -> Tensor:
        return discriminator_loss(kind, form, real, fake, labels)

    said = torch.linspace(-10, 10, 401)
    every = torch.vmap(torch.vmap(cost, (None, 0)), (0, None))(said, said)
    return Costs(float(every.min()) * scales, float(every.diagonal().min()) * scales)


@dataclass
class Health:
    """The histories of a run's values, and the alarms that are on.

    Args:
        spec: thresholds.
        chances: what discriminators pay for telling and for guessing, by the names of their losses.
    """

    spec: HealthSpec
    chances: Mapping[str, Costs] = field(default_factory=dict)
    began: int = 0
    """The first step of the phase."""
    series: dict[str, list[float]] = field(default_factory=dict)
    largest: dict[str, float] = field(default_factory=dict)
    """Magnitudes in this phase."""
    first: dict[str, float] = field(default_factory=dict)
    """Medians of the first window after the warm-up."""
    closest: float | None = None
    """The smallest gap so far."""
    active: list[str] = field(default_factory=list)
    """Alarms that are on, as ``name: where``."""

    def begin(self, step: int, weights: Mapping[str, float]) -> None:
        """Forget the phase before, whose losses were others, and start from these weights."""
        self.began, self.closest = step, None
        self.series = {name: [value] for name, value in weights.items()}
        self.largest, self.first, self.active = {}, {}, []

    def look(self, step: int, values: Mapping[str, float]) -> list[Alarm]:
        """Take in the values of a step; returns the alarms that begin with it."""
        begun: list[Alarm] = []
        for name, value in values.items():
            history = self.series.setdefault(name, [])
            begun += self.judge("nan", name, not_finite(value))
            if not math.isfinite(value):
                continue
            begun += self.judge("divergence", name, self.diverged(name, value, history))
            # A long window still needs no more than this.
            history[:] = [*history, value][-self.spec.window :]
            self.largest[name] = max(self.largest.get(name, 0.0), abs(value))
            if step - self.began >= self.spec.warmup:
                begun += self.lasting(name, history)
        return begun

    def diverged(self, name: str, value: float, history: Sequence[float]) -> str:
        """Whether a value has run away; logits have no scale, and diversity is a share."""
        kind = name.rsplit("/", 1)[-1]
        if kind == "weights":
            return grown(value, history[-PACE:], self.spec.weights)
        if kind in ("real", "fake", "diversity"):
            return ""
        compared = "/generator/" in name and kind != "adversarial"
        least = COMPARED if compared else JUDGED
        return outgrown(value, history, self.largest.get(name, 0.0), self.spec.divergence, least)

    def lasting(self, name: str, history: Sequence[float]) -> list[Alarm]:
        """What takes a whole window to be seen."""
        spec = self.spec
        if name in self.chances:
            said = saturated(history, spec.window, self.chances[name], spec.saturation)
            return self.judge("saturation", name, said)
        if name.endswith("/diversity"):
            return self.judge("collapse", name, collapsed(history, spec.window, spec.collapse))
        if name.endswith("/discriminator/distance"):
            if len(history) >= spec.window:
                self.first.setdefault(name, median(history))
            said = astray(history, spec.window, self.first.get(name, 0.0), spec.distance)
            return self.judge("distance", name, said)
        return []

    def compare(self, metric: str, gap: float) -> list[Alarm]:
        """Take in how much better training pictures score, in standard deviations."""
        self.closest = gap if self.closest is None else min(self.closest, gap)
        return self.judge("gap", metric, drawn_apart(gap, self.closest, self.spec.gap))

    def forget_gap(self) -> None:
        """Begin to compare anew: by another measure, or on other pictures, the gap is another."""
        self.closest = None
        self.active = [key for key in self.active if not key.startswith("gap: ")]

    def listen(self, step: int, distances: Mapping[str, float]) -> list[Alarm]:
        """Take in the distances between outputs for one input and several noises, by view."""
        if step - self.began < self.spec.warmup:
            return []
        begun: list[Alarm] = []
        for view, distance in distances.items():
            deaf = distance < self.spec.noise
            said = f"differs by {distance:.2g} only between noises: they are not listened to"
            begun += self.judge("noise", view, said if deaf else "")
        return begun

    def judge(self, name: str, where: str, said: str) -> list[Alarm]:
        """The alarm, where it begins; it is on for as long as something is said of it."""
        key = f"{name}: {where}"
        was, on = key in self.active, bool(said)
        if on and not was:
            self.active.append(key)
            return [Alarm(name, where, said)]
        if was and not on:
            self.active.remove(key)
        return []

    def facts(self) -> dict[str, Any]:
        """What a resumed run needs to judge as this one would have; plain JSON."""
        kept = ("began", "series", "largest", "first", "closest", "active")
        return {name: getattr(self, name) for name in kept}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Go on from `facts`; a run from before there were any has none."""
        for name in self.facts().keys() & facts.keys():
            setattr(self, name, facts[name])
