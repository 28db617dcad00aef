"""Held-out pictures: how the averaged weights do on them, how sure that is, when it is enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from stacks.checkpoint import save_stack
from stacks.evaluate import (
    Score,
    evaluate,
    held_out_protocol,
    means,
    output_of_scale,
    stack_predictor,
)
from stacks.growth import full_grown
from stacks.health import Alarm
from stacks.record import Record
from stacks.run import Run
from stacks.run_folder import BEST
from translate.pairs import Pairs

RESAMPLES = 1000
LEVEL = 0.95


def validate(
    run: Run,
    validation: Sequence[Pairs],
    training: Sequence[Pairs],
    folder: Path,
    record: Record,
) -> list[Alarm]:
    """Measure the averaged weights on held-out pictures and keep the best; returns new alarms.

    Networks that still grow are measured as deep as they are, and none of them is the best.
    """
    stack, spec = run.average.module, run.recipe.validation
    protocol = held_out_protocol(run.recipe)
    predictor = stack_predictor(stack)
    output = output_of_scale(stack, protocol.scale)
    scores = [
        score for pairs in validation for score in evaluate(predictor, pairs, protocol, output)
    ]
    measures = means(scores)
    held_out = column(scores, spec.metric)
    known = [score for pairs in training for score in evaluate(predictor, pairs, protocol, output)]
    apart: dict[str, float] = {}
    # One picture says nothing of how much another would differ.
    if len(held_out) > 1:
        low, high = bootstrap_interval(held_out, [run.recipe.seed, run.step])
        apart |= {f"{spec.metric}/low": low, f"{spec.metric}/high": high}
    alarms: list[Alarm] = []
    sign = -1 if spec.metric == "band_error" else 1
    if known and (spread := float(np.std(held_out))) > 0:
        seen = float(np.mean(column(known, spec.metric)))
        gap = sign * (seen - measures[spec.metric]) / spread
        apart |= {f"{spec.metric}/training": seen, "gap": gap}
        alarms = run.health.compare(spec.metric, gap)
    record.measures(run, measures | apart)
    if not full_grown(run):
        # The file would hold levels that this look has not seen.
        return alarms
    # Higher is better of every metric but the error.
    score = sign * measures[spec.metric]
    # While other stages learn, nothing is to be hoped for from the one that is measured.
    writers = {stack.stages[name].spec.writes for name in run.phase_spec.train}
    run.stale += output in writers
    if score > run.best:
        run.best, run.stale = score, 0
        save_best(run, folder, measures)
    return alarms


def out_of_patience(run: Run) -> str:
    """Why the run ends here; nothing where it goes on."""
    spec = run.recipe.validation
    if not spec.patience or run.stale < spec.patience:
        return ""
    return (
        f"{spec.metric} has not been better than {abs(run.best):.4f} for {run.stale} looks at the "
        f"held-out pictures (validation.patience = {spec.patience})"
    )


def training_sample(run: Run, groups: Sequence[Pairs]) -> list[Pairs]:
    """A few of the training pictures, spread over each folder, to be measured as held-out ones are.

    None of data without pairs, which have no truth to be held against.
    """
    wanted = run.recipe.health.pictures
    if not wanted or run.recipe.data.layout == "unpaired":
        return []
    few: list[Pairs] = []
    for pairs in groups:
        count = max(1, wanted // len(groups))
        places = np.linspace(0, len(pairs.items) - 1, min(count, len(pairs.items))).astype(int)
        # By their places: several may have one name.
        few.append(Pairs([pairs.items[place] for place in places], pairs.cache_bytes))
    return few


def column(scores: Sequence[Score], metric: str) -> list[float]:
    """One measure of every picture."""
    return [score.measures[metric] for score in scores]


def bootstrap_interval(values: Sequence[float], seed: Sequence[int]) -> tuple[float, float]:
    """Percentile bootstrap of the mean at 95 % (Efron and Tibshirani 1993, section 13.3).

    Args:
        values: one a picture.
        seed: of the resampling.
    """
    array = np.asarray(values, np.float64)
    drawn = np.random.default_rng(list(seed)).integers(len(array), size=(RESAMPLES, len(array)))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(array[drawn].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


def save_best(run: Run, folder: Path, measures: Mapping[str, float]) -> None:
    """The averaged weights with their recipe."""
    facts = {"step": run.step, "measures": dict(measures)}
    save_stack(folder / BEST, run.average.module, run.recipe, facts)
