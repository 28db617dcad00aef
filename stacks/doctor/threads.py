"""Work over many items in threads, a bounded number of them under way at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

Progress = Callable[[int, int], None]
"""Told what is done and how much there is."""


def in_threads(
    function: Callable[[Given], Made],
    items: Sequence[Given],
    workers: int,
    chunk: int = 1,
    progress: Progress = lambda done, total: None,
) -> Iterator[Made]:
    """``function`` of every item, in order.

    ``ThreadPoolExecutor.map`` would take up all items at once, and keep every result until it is
    asked for; here what waits is bounded, and so is the memory.

    Args:
        function: that releases the interpreter's lock while it works, as decoders do.
        items: to go over.
        workers: threads.
        chunk: items handed over at a time; more than one where each is short work.
        progress: called after every chunk.
    """

    def work(start: int) -> list[Made]:
        return [function(item) for item in items[start : start + chunk]]

    done, queue = 0, deque[Future[list[Made]]]()
    with ThreadPoolExecutor(workers, thread_name_prefix="doctor") as pool:
        starts = iter(range(0, len(items), chunk))
        try:
            while True:
                while len(queue) < 2 * workers and (start := next(starts, None)) is not None:
                    queue.append(pool.submit(work, start))
                if not queue:
                    return
                made = queue.popleft().result()
                done += len(made)
                progress(done, len(items))
                yield from made
        finally:
            for future in queue:
                future.cancel()
