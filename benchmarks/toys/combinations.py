"""Every loss with every form, normaliser, penalty and diversity: what trains, what is refused.

The lists come from the registries. A combination is refused by the recipe's own check, breaks (an
error, or a number that is no longer finite within ten steps), or runs.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import nn

from benchmarks.toys.bars import bars
from benchmarks.toys.page import Options, Outcome, Results, Section, Table, Verdict
from translate.compatibility import conflicts
from translate.discriminators.patch import Diversity, PatchSpec
from translate.layers.normalization import Normalization
from translate.losses.adversarial import ADVERSARIAL, Form
from translate.losses.history import HistoricalAverage
from translate.objective import ObjectiveSpec
from translate.optim import OptimizerSpec, Side
from translate.presentation import Presentation, PresentationSpec
from translate.step import Case, Settings, discriminator_step, generator_step
from translate.terms import DISCRIMINATOR_TERMS

FACTORS: dict[str, tuple[str, ...]] = {
    "loss": tuple(ADVERSARIAL),
    "form": get_args(Form),
    "norm": get_args(Normalization),
    "penalty": ("none", "weight_clip", *DISCRIMINATOR_TERMS),
    "diversity": (*get_args(Diversity), "pack", "unroll"),
}
STEPS = 10
BATCH, SIDE = 4, 16


@dataclass(frozen=True)
class Fate:
    """What became of a combination."""

    kind: str
    """``ran``, ``refused`` or ``broke``."""
    why: str = ""


def specs(choice: Mapping[str, str]) -> tuple[ObjectiveSpec, PatchSpec, OptimizerSpec]:
    """What a recipe would say of a combination."""
    form = {"plain": False, "relativistic": True, "average": "average"}[choice["form"]]
    penalty, diversity = choice["penalty"], choice["diversity"]
    objective = ObjectiveSpec(
        choice["loss"],
        form,
        generator={"l1": 1.0},
        discriminator={penalty: 0.1} if penalty in set(DISCRIMINATOR_TERMS) else {},
    )
    layer: Any = diversity if diversity in get_args(Diversity) else "none"
    norm: Any = choice["norm"]
    rates = Side("adam", 1e-3, (0.5, 0.99))
    optimizer = OptimizerSpec(
        rates,
        rates,
        weight_clip=0.05 if penalty == "weight_clip" else 0.0,
        unroll=2 if diversity == "unroll" else 0,
    )
    return objective, PatchSpec(channels=8, layers=2, norm=norm, diversity=layer), optimizer


def refusal(choice: Mapping[str, str]) -> str:
    """Why a recipe with this combination is refused; empty where it is not."""
    found = conflicts(*specs(choice), "stage[0]")
    return next((str(conflict) for conflict in found if conflict.impossible), "")


def trial(choice: Mapping[str, str], bf16: bool = False) -> Fate:
    """Train a small conditional pair of networks for ten steps."""
    if why := refusal(choice):
        return Fate("refused", why)
    try:
        return train(*specs(choice), 2 if choice["diversity"] == "pack" else 1, bf16)
    except Exception as error:  # the bench counts what breaks, whatever it is
        return Fate("broke", f"{type(error).__name__}: {error}")


def train(
    objective: ObjectiveSpec, spec: PatchSpec, optimizer: OptimizerSpec, pack: int, bf16: bool
) -> Fate:
    """Ten steps on pictures drawn once."""
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 3, 1, 1))
    # The condition is as many channels again; a pack is as many pictures.
    discriminator = spec.build(6 * pack)
    sides = (
        optimizer.generator.build(generator.parameters()),
        optimizer.discriminator.build(discriminator.parameters()),
    )

    def autocast() -> AbstractContextManager[Any]:
        return torch.autocast("cpu", torch.bfloat16, enabled=bf16)

    settings = Settings(
        autocast, lambda _: None, weight_clip=optimizer.weight_clip, unroll=optimizer.unroll
    )
    remembers = any(term.remembers for term in objective.specs("discriminator").values())
    history = HistoricalAverage() if remembers else None
    source, truth = torch.rand(2, BATCH, 3, SIDE, SIDE)
    for step in range(STEPS):
        with autocast():
            fake = (source + generator(source)).float()
        case = Case(
            "stage",
            fake,
            truth,
            objective.generator_terms(adversarial=True),
            objective.discriminator_terms(),
            discriminator,
            lambda picture: torch.cat([picture, source], dim=1) * 2 - 1,
            Presentation(PresentationSpec(pack=pack, apart=spec.diversity != "none")),
            generator,
            discriminator_history=history,
        )
        values = discriminator_step([case], sides[1], step, settings)
        if history is not None:
            history.update(discriminator.parameters())
        values |= generator_step([case], sides[0], step, settings, sides[1])
        weights = itertools.chain(generator.parameters(), discriminator.parameters())
        for name, value in values.items():
            if not torch.isfinite(value):
                return Fate("broke", f"step {step}: {name} is {float(value)}")
        if not all(bool(torch.isfinite(weight).all()) for weight in weights):
            return Fate("broke", f"step {step}: a weight is not finite")
    return Fate("ran")


def product() -> Iterator[dict[str, str]]:
    """Every combination."""
    for values in itertools.product(*FACTORS.values()):
        yield dict(zip(FACTORS, values, strict=True))


def pairwise() -> list[dict[str, str]]:
    """A few combinations that train, in which every two values that go together meet.

    Greedy: around a pair that has not met yet, of a number of candidates the one in which the most
    others meet (Cohen et al. 1997, AETG). Drawn by a fixed seed.
    """
    names = list(FACTORS)
    waiting = {
        ((one, a), (two, b))
        for one, two in itertools.combinations(names, 2)
        for a in FACTORS[one]
        for b in FACTORS[two]
    }
    random = torch.Generator().manual_seed(0)

    def drawn(values: Sequence[str]) -> str:
        return values[int(torch.randint(len(values), (), generator=random))]

    rows: list[dict[str, str]] = []
    while waiting:
        fixed = dict(min(waiting))
        candidates = [
            {name: fixed.get(name) or drawn(FACTORS[name]) for name in names} for _ in range(60)
        ]
        allowed = [row for row in candidates if not refusal(row)]
        if not allowed:
            # These two never go together: `refusal` says why.
            waiting.remove(min(waiting))
            continue
        best = max(allowed, key=lambda row: len(pairs(row) & waiting))
        waiting -= pairs(best)
        rows.append(best)
    return rows


def pairs(row: Mapping[str, str]) -> set[tuple[tuple[str, str], tuple[str, str]]]:
    """The pairs of values that meet in a combination."""
    return set(itertools.combinations(row.items(), 2))


def run(options: Options) -> Outcome:
    """The full product in both precisions; only the pairwise part where it is to be quick."""
    choices = pairwise() if options.quick else list(product())
    results: Results = {"factors": {name: list(values) for name, values in FACTORS.items()}}
    heights: list[tuple[str, float]] = []
    for precision, bf16 in (("fp32", False), ("bf16", True)):
        kinds: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        broken: list[list[str]] = []
        for choice in choices:
            outcome = trial(choice, bf16)
            kinds[outcome.kind] += 1
            if outcome.kind == "refused":
                reasons[outcome.why.split(":")[0].removeprefix("stage[0].")] += 1
            if outcome.kind == "broke":
                broken.append([*choice.values(), outcome.why])
        results[precision] = {
            **{kind: kinds[kind] for kind in ("ran", "refused", "broke")},
            "refused_for": dict(sorted(reasons.items())),
            "broken": broken,
        }
        heights += [(f"{precision}, {kind}", kinds[kind]) for kind in ("ran", "refused", "broke")]
        print(f"  {precision}: {dict(kinds)}", flush=True)
    return Outcome(results, bars("Combinations", heights))


def section(results: Results) -> Section:
    """The page's words."""
    rows = [
        (precision, *(str(results[precision][kind]) for kind in ("ran", "refused", "broke")))
        for precision in ("fp32", "bf16")
    ]
    reasons = results["fp32"]["refused_for"]
    tables = [
        Table(("precision", "ran ten steps", "refused", "broke"), rows),
        Table(
            ("key that would have to change", "refused"),
            [(key, str(count)) for key, count in reasons.items()],
            "Refusals by the first reason",
        ),
    ]
    broken = [tuple(row) for precision in ("fp32", "bf16") for row in results[precision]["broken"]]
    if broken:
        tables.append(Table((*FACTORS, "why"), broken, "What broke"))
    lists = "; ".join(f"{name}: {', '.join(v)}" for name, v in results["factors"].items())
    text = (
        "Every loss with every form, normalizer, penalty and diversity, each trained for ten steps "
        "on one small conditional pair of networks; the lists come from the registries "
        f"({lists}). A combination is refused by the recipe's own check, breaks (an error, or a "
        "number that is no longer finite) or runs."
    )
    total = sum(results["fp32"][kind] for kind in ("ran", "refused", "broke"))
    verdict = Verdict(
        "what is not refused trains",
        not broken,
        f"{len(broken)} broke of {total} in each precision",
    )
    return Section("Combinations", text, tables, [verdict])
