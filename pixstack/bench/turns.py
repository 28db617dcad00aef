"""Time several ways of doing one thing, so that a busy moment hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def take_turns(
    contenders: Mapping[Name, Callable[[], object]],
    rounds: int,
    step: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[dict[Name, float], dict[Name, Exception]]:
    """Call each contender once a round, in turn, after one round that only warms up.

    Args:
        contenders: what is timed, by name.
        rounds: that count, at least 1.
        step: called after every turn, `len(contenders) * (rounds + 1)` times in all.
        clock: seconds.

    Returns:
        The median seconds of those that went through, and why the others did not: they sit out
        once they have raised ValueError (as the runtime's errors are) or MemoryError.
    """
    times: dict[Name, list[float]] = {name: [] for name in contenders}
    failures: dict[Name, Exception] = {}
    for turn in range(rounds + 1):
        for name, contender in contenders.items():
            if name not in failures:
                start = clock()
                try:
                    contender()
                except (ValueError, MemoryError) as error:
                    failures[name] = error
                seconds = clock() - start
                if turn:
                    times[name].append(seconds)
            step()
    medians = {
        name: statistics.median(seconds) for name, seconds in times.items() if name not in failures
    }
    return medians, failures
