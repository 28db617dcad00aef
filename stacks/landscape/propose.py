"""What to try next, and what to end early: Optuna over the results in the folder.

The folder is the one truth: Optuna's study is built from it anew for every question, so that
processes share it, and a search goes on, without a storage that could disagree with the results.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import BasePruner, MedianPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, GPSampler, RandomSampler
from optuna.trial import TrialState, create_trial

from stacks.landscape.combine import Settings
from stacks.landscape.study import PruningSpec, Study
from stacks.landscape.trials import Result

optuna.logging.set_verbosity(logging.WARNING)


def space(study: Study, only: Mapping[str, Sequence[str]]) -> dict[str, BaseDistribution]:
    """Axes, of which ``only`` may name the choices that are taken, and ranges, for Optuna."""
    found: dict[str, BaseDistribution] = {
        axis: CategoricalDistribution([name for name in choices if name in only.get(axis, choices)])
        for axis, choices in study.axis.items()
    }
    for name, each in study.range.items():
        log = each.scale == "log"
        found[name] = (
            IntDistribution(int(each.low), int(each.high), log=log)
            if each.whole
            else FloatDistribution(each.low, each.high, log=log)
        )
    return found


def within(settings: Settings, distributions: Mapping[str, BaseDistribution]) -> bool:
    """Whether settings lie in a space."""
    if settings.keys() != distributions.keys():
        return False
    for name, value in settings.items():
        found = distributions[name]
        if isinstance(found, CategoricalDistribution):
            fits = value in found.choices
        else:
            assert isinstance(found, (FloatDistribution, IntDistribution))
            fits = isinstance(value, (int, float)) and found.low <= value <= found.high
        if not fits:
            return False
    return True


def propose(
    distributions: dict[str, BaseDistribution],
    results: Sequence[Result],
    running: Sequence[Settings],
    seed: int,
    at_random: bool = False,
) -> dict[str, Any]:
    """Settings that a Gaussian process expects most of; random ones until it knows ten.

    What was refused, or diverged, counts as the worst that was measured: the process keeps away
    from it.

    Args:
        distributions: of `space`.
        results: so far.
        running: settings that other processes try at this time.
        seed: of the draw.
        at_random: leave the Gaussian process out.
    """
    sampler: BaseSampler = RandomSampler(seed=seed) if at_random else GPSampler(seed=seed)
    asked = optuna.create_study(sampler=sampler)
    measured = [result.fid for result in results if result.fid is not None]
    for result in results:
        told = result.ran or result.state == "refused"
        if measured and told and within(result.settings, distributions):
            value = max(measured) if result.fid is None else result.fid
            asked.add_trial(
                create_trial(params=dict(result.settings), distributions=distributions, value=value)
            )
    for settings in running:
        if within(settings, distributions):
            asked.add_trial(
                create_trial(
                    state=TrialState.RUNNING, params=dict(settings), distributions=distributions
                )
            )
    return asked.ask(distributions).params


ENDED = ("done", "pruned")


def ends_early(
    spec: PruningSpec, looks: Sequence[tuple[int, float]], results: Sequence[Result]
) -> str:
    """Why a trial with these looks is ended, held against those that are finished.

    Those that were ended early count as far as they came: held against the survivors alone, each
    of which is better than most, soon no trial would do.

    Args:
        spec: of the study.
        looks: step and FID.
        results: so far.

    Returns:
        One line; empty where the trial goes on.
    """
    if spec.kind == "none":
        return ""
    pruner: BasePruner = MedianPruner(n_startup_trials=spec.startup, n_warmup_steps=0)
    if spec.kind == "halving":
        pruner = SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    held = optuna.create_study(pruner=pruner)
    finished = [result for result in results if result.state in ENDED and result.looks]
    if len(finished) < spec.startup:
        return ""
    for result in finished:
        other = held.ask()
        for position, (_, fid) in enumerate(result.looks, start=1):
            other.report(fid, position)
            # Successive halving notes at each rung who has come there.
            other.should_prune()
        held.tell(other, result.looks[-1][1])
    trial = held.ask()
    ended = False
    for position, (_, fid) in enumerate(looks, start=1):
        trial.report(fid, position)
        ended = trial.should_prune()
    step, fid = looks[-1]
    return f"FID {fid:.4g} at step {step}: pruned by {spec.kind}" if ended else ""
