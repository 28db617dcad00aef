"""What each technique costs: seconds a step and memory, relative to none, side by side."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, cast

import torch
from torch import nn

from benchmarks.toys.bars import bars
from benchmarks.toys.page import Options, Outcome, Results, Section, Table
from translate.discriminators.patch import PatchSpec
from translate.losses.history import HistoricalAverage
from translate.objective import ObjectiveSpec
from translate.optim import MovingAverage, OptimizerSpec, Side
from translate.presentation import Presentation, PresentationSpec
from translate.step import Case, Settings, discriminator_step, generator_step

BATCH, SIDE = 8, 64


@dataclass(frozen=True)
class Variant:
    """One technique in place of none."""

    norm: Any = "none"
    attention: tuple[int, ...] = ()
    diversity: Any = "none"
    generator: Mapping[str, Any] = field(default_factory=lambda: {"l1": 1.0})
    discriminator: Mapping[str, Any] = field(default_factory=dict[str, Any])
    presentation: PresentationSpec = field(default_factory=PresentationSpec)
    discriminator_steps: int = 1
    weight_clip: float = 0.0
    unroll: int = 0
    average: bool = False


PLAIN = Variant()
VARIANTS: dict[str, Variant] = {
    "none": PLAIN,
    "batch normalization": replace(PLAIN, norm="batch"),
    "instance normalization": replace(PLAIN, norm="instance"),
    "layer normalization": replace(PLAIN, norm="layer"),
    "spectral normalization": replace(PLAIN, norm="spectral"),
    "equalized rate": replace(PLAIN, norm="equalized"),
    "self-attention at 16x16": replace(PLAIN, attention=(2,)),
    "minibatch discrimination": replace(PLAIN, diversity="discrimination"),
    "minibatch standard deviation": replace(PLAIN, diversity="stddev"),
    "packing of 2": replace(PLAIN, presentation=PresentationSpec(pack=2)),
    "real and fake apart": replace(PLAIN, presentation=PresentationSpec(apart=True)),
    "instance noise": replace(PLAIN, presentation=PresentationSpec(noise=0.1)),
    "image pool of 50": replace(PLAIN, presentation=PresentationSpec(pool=50)),
    "augmentation": replace(
        PLAIN, presentation=PresentationSpec(augment=("color", "translation", "cutout"))
    ),
    "weight clipping": replace(PLAIN, weight_clip=0.01),
    "WGAN-GP": replace(PLAIN, discriminator={"wgan_gp": 10.0}),
    "DRAGAN": replace(PLAIN, discriminator={"dragan": 10.0}),
    "R1": replace(PLAIN, discriminator={"r1": 10.0}),
    "R1 every 16 steps": replace(PLAIN, discriminator={"r1": {"weight": 10.0, "every": 16}}),
    "R2": replace(PLAIN, discriminator={"r2": 10.0}),
    "zero-centered between": replace(PLAIN, discriminator={"zero_centered": 10.0}),
    "L2 on weights": replace(PLAIN, discriminator={"weight_l2": 1e-4}),
    "historical averaging": replace(
        PLAIN, generator={"l1": 1.0, "history": 1.0}, discriminator={"history": 1.0}
    ),
    "feature matching, layers": replace(PLAIN, generator={"l1": 1.0, "feature_matching": 10.0}),
    "feature matching, means": replace(
        PLAIN, generator={"l1": 1.0, "feature_matching": {"weight": 1.0, "form": "means"}}
    ),
    "average of the generator": replace(PLAIN, average=True),
    "two discriminator steps": replace(PLAIN, discriminator_steps=2),
    "five discriminator steps": replace(PLAIN, discriminator_steps=5),
    "unrolling, k = 1": replace(PLAIN, unroll=1),
    "unrolling, k = 5": replace(PLAIN, unroll=5),
    "unrolling, k = 10": replace(PLAIN, unroll=10),
}


class Trial:
    """A variant at work on one conditional pair of networks."""

    def __init__(self, variant: Variant) -> None:
        torch.manual_seed(0)
        self.variant = variant
        self.generator = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 3, 3, padding=1)
        )
        spec = PatchSpec(
            channels=32,
            norm=variant.norm,
            attention=variant.attention,
            diversity=variant.diversity,
        )
        self.discriminator = spec.build(6 * variant.presentation.pack)
        self.objective = ObjectiveSpec(
            "non-saturating", generator=variant.generator, discriminator=variant.discriminator
        )
        rates = OptimizerSpec(Side("adam", 2e-4), Side("adam", 2e-4))
        self.optimizers = (
            rates.generator.build(self.generator.parameters()),
            rates.discriminator.build(self.discriminator.parameters()),
        )
        self.settings = Settings(
            nullcontext, lambda _: None, weight_clip=variant.weight_clip, unroll=variant.unroll
        )
        self.presentation = Presentation(variant.presentation)
        self.histories = (
            HistoricalAverage() if "history" in variant.generator else None,
            HistoricalAverage() if "history" in variant.discriminator else None,
        )
        self.average = MovingAverage(self.generator, 0.999) if variant.average else None
        self.source, self.truth = torch.rand(2, BATCH, 3, SIDE, SIDE)
        self.steps = 0

    def case(self) -> Case:
        """A prediction before its judges."""
        return Case(
            "stage",
            self.source + self.generator(self.source),
            self.truth,
            self.objective.generator_terms(adversarial=True),
            self.objective.discriminator_terms(),
            self.discriminator,
            lambda picture: torch.cat([picture, self.source], dim=1) * 2 - 1,
            self.presentation,
            self.generator,
            *self.histories,
            compares=self.objective.compares,
        )

    def step(self) -> None:
        """One step of both sides."""
        sides = self.optimizers
        for index in range(self.variant.discriminator_steps):
            last = index == self.variant.discriminator_steps - 1
            with nullcontext() if last else torch.no_grad():
                case = self.case()
            discriminator_step([case], sides[1], self.steps, self.settings)
            self.remember(1, self.discriminator)
            if last:
                generator_step([case], sides[0], self.steps, self.settings, sides[1])
                self.remember(0, self.generator)
        if self.average is not None:
            self.average.update(self.generator, self.steps)
        self.steps += 1

    def remember(self, side: int, network: nn.Module) -> None:
        """Take the weights into their running mean, where a term asks for it."""
        history = self.histories[side]
        if history is not None:
            history.update(network.parameters())


def peak_bytes(step: Callable[[], None]) -> int:
    """The most memory that a step holds beyond what was held before it."""
    with torch.profiler.profile(profile_memory=True, with_stack=False) as profiler:
        step()
    results = cast(Any, profiler.profiler).kineto_results.events()
    changes = [event for event in results if event.name() == "[memory]"]
    changes.sort(key=lambda event: event.start_ns())
    return max(itertools.accumulate(event.nbytes() for event in changes))


def held(trial: Trial) -> int:
    """The most memory that a step of a variant holds, of a lazy penalty one in which it is due."""
    trial.steps = 0
    return peak_bytes(trial.step)


def run(options: Options) -> Outcome:
    """Measure."""
    # Every sixteenth step costs more under a lazy penalty, so that rounds are of sixteen.
    rounds, length = options.steps(4, 1), 16
    trials = {name: Trial(variant) for name, variant in VARIANTS.items()}
    for trial in trials.values():
        # The first step makes the moments of the optimisers.
        trial.step()
    memory = {name: held(trial) for name, trial in trials.items()}
    seconds: dict[str, list[float]] = {name: [] for name in trials}
    for _, (name, trial) in itertools.product(range(rounds), trials.items()):
        trial.steps = 0
        started = time.perf_counter()
        for _ in range(length):
            trial.step()
        seconds[name].append((time.perf_counter() - started) / length)
    found: Results = {
        name: {"seconds": statistics.median(seconds[name]), "bytes": memory[name]}
        for name in trials
    }
    base = found["none"]["seconds"]
    heights = [(name, one["seconds"] / base) for name, one in found.items()]
    return Outcome({"rounds": rounds, "variants": found}, bars("Time a step over none", heights))


def section(results: Results) -> Section:
    """The page's words."""
    found = results["variants"]
    base = found["none"]
    rows = [
        (
            name,
            f"{one['seconds'] / base['seconds']:.2f}",
            f"{one['bytes'] / base['bytes']:.2f}",
            f"{one['seconds'] * 1000:.0f} ms",
        )
        for name, one in found.items()
    ]
    text = (
        f"Both sides of one step in fp32, a batch of {BATCH} pictures of {SIDE}x{SIDE} with their "
        "condition: a patch discriminator of 32 channels and three layers, a generator of two "
        "convolutions, so that the discriminator is nearly all of the cost. Variants take turns of "
        f"16 steps each, {results['rounds']} rounds; the median of the rounds, by the clock. "
        "Memory: the most that a step holds beyond weights and moments, under a lazy penalty one "
        "in which it is due."
    )
    table = Table(("technique", "time over none", "memory over none", "a step"), rows)
    return Section("Cost", text, [table], [])
