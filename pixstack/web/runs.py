"""Which runs are going on, so that Stop and a closed page end them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock


class Runs:
    """The cancel events of runs that wait or work, by page and tab."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, str], Event] = {}
        self._lock = Lock()

    def announce(self, page: str, tab: str) -> None:
        """Note that a run was asked for: it can be stopped while it waits for its turn."""
        with self._lock:
            self._events[page, tab] = Event()

    @contextmanager
    def going_on(self, page: str, tab: str) -> Iterator[Event]:
        """The cancel event of the run that starts here; forgotten when it ends."""
        with self._lock:
            event = self._events.setdefault((page, tab), Event())
        try:
            yield event
        finally:
            with self._lock:
                if self._events.get((page, tab)) is event:
                    del self._events[page, tab]

    def stop(self, page: str, tab: str | None = None) -> None:
        """Stop what waits or works for a page, in one tab or in all."""
        with self._lock:
            for (owner, place), event in self._events.items():
                if owner == page and tab in (None, place):
                    event.set()
