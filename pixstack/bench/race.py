"""One model on every provider that works here, at every size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from export.manifest import Manifest
from export.runtime.errors import InputError, ModelError, ProviderError
from export.runtime.model_file import read_manifest
from export.runtime.request import check_size
from export.runtime.session import problem
from export.runtime.translator import Translator
from pixstack.bench.resident import peak_of
from pixstack.bench.turns import take_turns
from pixstack.bench.views import made_up

Size = tuple[int, int]
"""(height, width) in pixels."""

# The CPU provider has one precision; OpenVINO is there for its fast one.
PRECISIONS = {
    "cpu": ("exact",),
    "openvino": ("fast",),
    "cuda": ("exact", "fast"),
    "tensorrt": ("exact", "fast"),
}
# TensorRT compiles for every size anew, which takes minutes: only where it is asked for.
UNASKED = ("cpu", "openvino", "cuda")


@dataclass(frozen=True)
class Lane:
    """A provider in one precision, as `Translator` takes them."""

    provider: str
    precision: str


@dataclass(frozen=True)
class Entry:
    """A model to time. sizes: of its source; [None] for a model that takes no picture."""

    name: str
    path: Path
    manifest: Manifest
    sizes: tuple[Size | None, ...]

    @property
    def own_size(self) -> bool:
        """Whether its size is its own, whatever was asked for."""
        return self.manifest.tiling == "fixed" or self.manifest.picture is None


@dataclass(frozen=True)
class Result:
    """runs_on: the provider as people say it. seconds: the median. peak: bytes, None if unknown."""

    entry: Entry
    size: Size | None
    lane: Lane
    runs_on: str
    seconds: float
    tiles: int
    peak: int | None


@dataclass(frozen=True)
class Miss:
    """What was not timed. lane: None where the model takes no picture of this size anywhere."""

    entry: Entry
    size: Size | None
    lane: Lane | None
    reason: Exception

    @property
    def failed(self) -> bool:
        """Whether this should have worked: provider and size are good ones."""
        return self.lane is not None


def lanes_here(asked: Sequence[str] = ()) -> tuple[list[Lane], dict[str, str]]:
    """The lanes that work on this machine, and why other providers do not.

    Args:
        asked: names of providers; none for all but TensorRT.

    Raises:
        ProviderError: one that was asked for does not work here.
    """
    problems = {name: why for name in asked or UNASKED if (why := problem(name)) is not None}
    if asked and problems:
        [(name, why), *_] = problems.items()
        raise ProviderError(f"{name} cannot be used here: {why}")
    lanes = [
        Lane(name, precision)
        for name in asked or UNASKED
        if name not in problems
        for precision in PRECISIONS[name]
    ]
    return lanes, problems


def enter(name: str, path: Path, asked: Sequence[Size]) -> tuple[Entry, list[Miss]]:
    """A model with the sizes that it takes, and what it refuses.

    Raises:
        ModelError: the file cannot be used.
    """
    manifest = read_manifest(path)
    if manifest.picture is None:
        return Entry(name, path, manifest, (None,)), []
    if manifest.tiling == "fixed":
        return Entry(name, path, manifest, (manifest.fixed_size,)), []
    refused: dict[Size, InputError] = {}
    for size in asked:
        try:
            check_size(manifest, *size)
        except InputError as error:
            refused[size] = error
    sizes = tuple(size for size in asked if size not in refused)
    entry = Entry(name, path, manifest, sizes)
    return entry, [Miss(entry, size, None, why) for size, why in refused.items()]


def steps(entry: Entry, lanes: Sequence[Lane], rounds: int) -> int:
    """How often `race` calls its `step`: of each size and lane, memory, warm-up and rounds."""
    return len(entry.sizes) * len(lanes) * (rounds + 2)


def race(
    entry: Entry,
    lanes: Sequence[Lane],
    rounds: int,
    threads: int | None = None,
    step: Callable[[int], object] = lambda count: None,
) -> Iterator[Result | Miss]:
    """Time one model, a size after the other; the lanes take turns at each.

    Args:
        entry: the model.
        lanes: that work on this machine; where one does not take this model, that is a miss.
        rounds: that count, at least 1.
        threads: of the CPU; None for all.
        step: called with the number of steps that were just done.
    """
    translators: dict[Lane, Translator] = {}
    for lane in lanes:
        try:
            translators[lane] = _open(entry.path, lane, threads)
        except (ProviderError, ModelError) as error:
            yield from (Miss(entry, size, lane, error) for size in entry.sizes)
            step(steps(entry, [lane], rounds))
    for size in entry.sizes:
        yield from _at_size(entry, size, translators, rounds, threads, step)


def _at_size(
    entry: Entry,
    size: Size | None,
    translators: dict[Lane, Translator],
    rounds: int,
    threads: int | None,
    step: Callable[[int], object],
) -> Iterator[Result | Miss]:
    peaks: dict[Lane, int | None] = {}
    # Before anything is timed, for the other process needs the same cores.
    for lane in translators:
        try:
            peaks[lane] = peak_of(partial(_once, entry.path, lane, threads, size))
            step(1)
        except MemoryError as error:
            yield Miss(entry, size, lane, error)
            step(rounds + 2)
    if not peaks:
        # What was too much for the other process would be for this one.
        return
    views = made_up(entry.manifest, *(size or (0, 0)))
    contenders = {lane: Contender(translators[lane], views) for lane in peaks}
    medians, failures = take_turns(contenders, rounds, lambda: step(1))
    for lane, contender in contenders.items():
        if lane in failures:
            yield Miss(entry, size, lane, failures[lane])
        else:
            runs_on, tiles = contender.translator.provider, contender.tiles
            yield Result(entry, size, lane, runs_on, medians[lane], tiles, peaks[lane])


@dataclass
class Contender:
    """One translation of the same views, again and again. tiles: of the last one."""

    translator: Translator
    views: dict[str, Any]
    tiles: int = 0

    def __call__(self) -> None:
        first = self.translator.manifest.outputs[0].name
        self.translator.run(self.views, outputs=first, progress=self._count)

    def _count(self, done: int, total: int) -> None:
        self.tiles = total


def _open(path: Path, lane: Lane, threads: int | None) -> Translator:
    return Translator(path, lane.provider, lane.precision, threads)


def _once(path: Path, lane: Lane, threads: int | None, size: Size | None) -> None:
    """What is done in a process of its own, to see how much memory it takes."""
    translator = _open(path, lane, threads)
    Contender(translator, made_up(translator.manifest, *(size or (0, 0))))()
