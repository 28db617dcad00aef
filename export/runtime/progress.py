"""How far a run is, of a model or of an export."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], object]
"""Called with (steps done, steps in all)."""


def shared(progress: Progress | None, index: int, count: int) -> Progress | None:
    """The progress of one of several pictures of one size, as progress of all of them."""
    if progress is None:
        return None
    return lambda done, total: progress(index * total + done, count * total)
