"""How fast a run is going now."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

LOOKS = 10
"""Looks that a pace is told over."""


class Pace:
    """Steps a second over the last looks.

    Over the whole run the minute that compiling the networks takes would be told for hours, and
    the time left be too long by as much. Measuring and saving in between count.

    Args:
        step: the step a run goes on from.
        clock: seconds, of any beginning.
    """

    def __init__(self, step: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.looks: deque[tuple[int, float]] = deque([(step, clock())], LOOKS + 1)

    def at(self, step: int) -> float:
        """Look at the clock at a step after the last one looked at; steps a second, above 0."""
        now = self.clock()
        first, then = self.looks[0]
        self.looks.append((step, now))
        return (step - first) / max(now - then, 1e-9)

    def back(self, step: int) -> None:
        """The run has gone back to a step."""
        self.looks.clear()
        self.looks.append((step, self.clock()))
