"""A study in its folder, and one process's work on it: trial after trial until there is no more.

Any number of processes may work in one folder at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Literal

from filelock import FileLock

from stacks.checkpoint import write_whole
from stacks.judge import load_judge
from stacks.landscape.combine import Combination, Combinations
from stacks.landscape.measure import (
    Measure,
    Progress,
    load_real,
    measure_real,
    protocol,
    train_study_judge,
)
from stacks.landscape.study import Study, parse_study, require_known, study_text
from stacks.landscape.trials import Result, Trials
from stacks.mishaps import prepare_folder
from stacks.presets import source_text
from stacks.recipe import write_table
from translate.features.network import FeatureNetwork
from translate.tables import TableError, plain

ATTEMPTS = 20
"""Proposals in a row that may be refused or known before a random one is taken."""
STUDY, RECIPE = "study.toml", "recipe.toml"
Tell = Callable[[Result], object]


@dataclass(frozen=True)
class Limits:
    """What part of a study is worked at, and for how long.

    search: all combinations, or those that a Gaussian process expects most of. seeds: of each
    combination. only: choices taken, by axis. until: on the clock of
    `time.monotonic`, no trial begins after it. trials: in all, 0 sets no end.
    """

    search: Literal["grid", "gp"]
    seeds: Sequence[int]
    only: Mapping[str, Sequence[str]]
    until: float = float("inf")
    trials: int = 0

    def check(self, study: Study) -> None:
        """Refuse names that the study does not have.

        Raises:
            TableError: an axis or a choice that is not there.
        """
        for axis, choices in self.only.items():
            require_known(axis, study.axis, "--only", "axis")
            for choice in choices:
                require_known(choice, study.axis[axis], f"--only {axis}", "choice")


class Landscape:
    """The folder of a study: the study itself, its recipe, its judge, its trials.

    Args:
        folder: in which `create` has put a study.
        data: root of the data in place of the recipe's.

    Raises:
        FileNotFoundError: it holds none.
        TableError: the study or its recipe is wrong.
    """

    def __init__(self, folder: Path, data: str | None = None) -> None:
        if not (folder / STUDY).is_file():
            raise FileNotFoundError(
                f"{folder}: no study; expected a folder that `pixstack landscape -o` wrote"
            )
        self.folder = folder
        self.study = parse_study(study_text(str(folder / STUDY)))
        source = source_text(str(folder / self.study.recipe))
        self.combinations = Combinations(self.study, source, data)
        self.trials = Trials(folder)

    def results(self) -> list[Result]:
        """Of the study as it is now: those of choices that have changed since are left out."""
        return [
            result
            for result in self.trials.results()
            if self.combinations.describes(result.key, result.settings, result.seed)
        ]

    def measure(self, network: FeatureNetwork | None, progress: Progress) -> Measure:
        """What trials are measured with; made by the first process, read by the others.

        Args:
            network: in place of a judge of the study's own.
            progress: of reading and training, as done and total.

        Raises:
            TableError: the folder's trials were measured with something else.
            CheckpointError, DataError: a file or a picture cannot be used.
        """
        recipe, spec = self.combinations.recipe, self.study.metric
        judge, seen = self.folder / "judge.safetensors", self.folder / "real.safetensors"
        with FileLock(self.folder / "measure.lock"):
            if network is None:
                if not judge.exists():
                    train_study_judge(self.study.judge, recipe, judge, progress)
                network = load_judge(judge)
            if not seen.exists():
                measure_real(network, recipe, spec).save(seen)
            real = load_real(seen)
        for name, value in protocol(network, recipe, spec).items():
            if real.facts.get(name) != value:
                raise TableError(
                    f"{self.folder}: its trials are measured with {name} "
                    f"{real.facts.get(name)!r}, not {value!r}, and numbers of two protocols do "
                    "not compare; choose another folder"
                )
        return Measure(network, real, spec)


def create(folder: Path, name: str, resume: bool) -> None:
    """Put a study, by file or name, and its recipe into a folder.

    Raises:
        TableError: the study is wrong, or the folder holds another or trials, and ``resume`` was
            not asked.
        FileNotFoundError: no such study, or no such recipe beside it.
        OSError: the folder cannot be written to.
    """
    study = parse_study(study_text(name))
    recipe = study.recipe
    if recipe.endswith(".toml"):
        recipe = str(Path(name).parent / recipe)
    source = source_text(recipe)
    kept = replace(study, recipe=RECIPE)
    # What is wrong is told before anything is written.
    Combinations(kept, source)
    lines: list[str] = []
    write_table(plain(kept), "", lines)
    text = "\n".join(lines).strip() + "\n"
    # A study that ended before its first trial, such as for want of data, is begun again.
    begun = any(Trials(folder).folder.glob("*")) or not same(folder / STUDY, text)
    if (folder / STUDY).exists() and begun and not resume:
        raise TableError(
            f"{folder} holds a study already; add --resume, which skips the trials that are "
            "finished, or choose another folder"
        )
    if not (folder / STUDY).exists():
        for theirs in (folder / RECIPE, folder / "log.jsonl"):
            if theirs.exists() and not same(theirs, source):
                raise TableError(
                    f"{folder}: holds a {theirs.name} that is of no study; choose another folder"
                )
    prepare_folder(folder)
    write_whole(folder / STUDY, text.encode())
    write_whole(folder / RECIPE, source.encode())


def same(file: Path, text: str) -> bool:
    """Whether a file holds that text."""
    return file.is_file() and file.read_text("utf-8") == text


def search(landscape: Landscape, measure: Measure, limits: Limits, tell: Tell) -> None:
    """Try what is left to try, until nothing is or time is up.

    Args:
        landscape: the folder.
        measure: of `Landscape.measure`.
        limits: what part of it, and for how long.
        tell: is told every result, those that were refused among them.

    Raises:
        Stopped: somebody wants to end it; the trial at work is lost, and no other.
    """
    from stacks.landscape.propose import ends_early
    from stacks.landscape.trial import run_trial

    study, trials = landscape.study, landscape.trials
    usual: list[float] = []
    for combination in candidates(landscape, limits):
        if trials.finished(combination.key):
            continue
        with trials.claim(combination.key) as mine:
            # Another process may have finished it between the two looks.
            if not mine or trials.finished(combination.key):
                continue
            if combination.refused:
                result = refused(combination)
            else:
                # A trial that the time left is not enough for would only be late.
                expected = median(usual) if usual else 0.0
                if time.monotonic() + expected / 2 > limits.until:
                    return
                others = landscape.results()
                if limits.trials and sum(other.ran for other in others) >= limits.trials:
                    return
                result = run_trial(
                    combination,
                    trials,
                    measure,
                    lambda looks, others=others: ends_early(study.pruning, looks, others),
                )
                usual.append(result.seconds)
            trials.write(result)
        tell(result)


def refused(combination: Combination) -> Result:
    """The record of a combination that is not trained."""
    return Result(
        combination.key,
        dict(combination.settings),
        combination.seed,
        "refused",
        combination.refused,
    )


def candidates(landscape: Landscape, limits: Limits) -> Iterator[Combination]:
    """What to try, in order: a grid's points, or whatever is thought best once it is asked for."""
    if limits.search == "grid":
        yield from landscape.combinations.grid(limits.only, limits.seeds)
        return
    from stacks.landscape.propose import propose, space

    distributions = space(landscape.study, limits.only)
    seed = attempts = 0
    offered: set[str] = set()
    while attempts < 2 * ATTEMPTS:
        results = landscape.results()
        # Two processes that know the same must not draw the same.
        running = landscape.trials.running()
        seed += 1 + len(results) + 1000 * len(running)
        settings = propose(distributions, results, running, seed, attempts >= ATTEMPTS)
        known = offered | {result.key for result in results}
        tries = (landscape.combinations.resolve(settings, each) for each in limits.seeds)
        new = next((each for each in tries if each.key not in known), None)
        attempts = attempts + 1 if new is None or new.refused else 0
        if new is not None:
            offered.add(new.key)
            yield new
