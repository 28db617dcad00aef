"""One trial: an ordinary run, measured on its way, with a result whatever becomes of it."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stacks.keeper import DivergenceError
from stacks.landscape.combine import Combination
from stacks.landscape.measure import Measure, Measures, NotFinite
from stacks.landscape.trials import Result, State, Trials
from stacks.mishaps import OutOfMemory
from stacks.reference import settle
from stacks.run import Run
from stacks.train import train
from translate.tables import TableError

Prune = Callable[[Sequence[tuple[int, float]]], str]
"""Step and FID of the looks so far -> why the trial ends here; nothing where it goes on."""


@dataclass
class Watch:
    """Measures a run at its looks, and ends it where it is not worth going on."""

    measure: Measure
    due: frozenset[int]
    last: int
    prune: Prune
    measures: list[tuple[int, Measures]] = field(default_factory=list)
    step: int = 0
    pruned: str = ""

    def __call__(self, run: Run) -> str:
        """Look, where a look is due."""
        self.step = run.step
        if run.step not in self.due:
            return ""
        settle(run)
        # A run that has gone back measures again what it had measured.
        self.measures = [one for one in self.measures if one[0] < run.step]
        self.measures.append((run.step, self.measure(run.average.module)))
        if run.step < self.last:
            self.pruned = self.prune(self.looks)
        return self.pruned

    @property
    def looks(self) -> list[tuple[int, float]]:
        """Step and FID."""
        return [(step, measures.fid) for step, measures in self.measures]


def run_trial(combination: Combination, trials: Trials, measure: Measure, prune: Prune) -> Result:
    """Train a combination and measure it.

    Args:
        combination: one that is not refused.
        trials: where it runs; what an interrupted one left there is taken away.
        measure: through the study's network.
        prune: decides at every look but the last.

    Raises:
        Stopped: somebody wants to end it.
        DataError, OSError: nothing can be trained in that place.
    """
    folder = trials.run_folder(combination.key)
    shutil.rmtree(folder, ignore_errors=True)
    trials.begin(combination.key, combination.settings)
    recipe = combination.recipe
    total, looks = sum(phase.steps for phase in recipe.phase), measure.spec.looks
    due = frozenset(round(total * (index + 1) / looks) for index in range(looks))
    watch = Watch(measure, due, total, prune)
    started, busy = time.perf_counter(), time.process_time()
    state: State = "done"
    reason = ""
    try:
        # Where there is no terminal a run says its lines on stdout, which is the table's.
        with open(folder / "output.txt", "w") as said, contextlib.redirect_stdout(said):
            train(recipe, folder, watch=watch)
    except (DivergenceError, NotFinite) as error:
        state, reason = "diverged", str(error)
    except (OutOfMemory, TableError, RuntimeError) as error:
        # It is this trial's own mishap, such as a batch too large: the others may do well.
        state, reason = "failed", " ".join(str(error).split())
    if watch.pruned:
        state, reason = "pruned", watch.pruned
    # Of a run that diverged nothing is left to measure, whatever its looks saw before.
    last = watch.measures[-1][1] if watch.measures and state != "diverged" else None
    if state == "done" and last is None:
        state, reason = "failed", "the recipe trains no step, so there was nothing to measure"
    seconds, processor_seconds = time.perf_counter() - started, time.process_time() - busy
    # The result and the weights are kept; what only a resumed run would need is not.
    for name in ("last", "tensorboard"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return Result(
        combination.key,
        dict(combination.settings),
        combination.seed,
        state,
        reason,
        combination.forced,
        watch.step,
        last.fid if last else None,
        last.kid if last else None,
        last.ms_ssim if last else None,
        state == "diverged" or (last is not None and measure.collapsed(last)),
        watch.looks,
        alarms(folder / "log.jsonl"),
        seconds,
        processor_seconds,
    )


def alarms(log: Path) -> list[str]:
    """Names of the alarms of a run, each once."""
    if not log.is_file():
        return []
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return list(dict.fromkeys(line["alarm"] for line in lines if line["kind"] == "alarm"))
