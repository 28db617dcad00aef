"""Which runs are going on, so that Stop and a closed page end them, and why one failed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock

REMEMBERED = 256
"""Pages that were closed, of which runs may still come up; many times as many as wait at once."""


class Runs:
    """The cancel events of runs that wait or work, by page and tab.

    A page also learns why its last run failed; of API clients, which are told in the answer,
    nothing is kept.
    """

    def __init__(self) -> None:
        self._events: dict[tuple[str, str], Event] = {}
        self._reasons: dict[tuple[str, str], str] = {}
        self._left = deque[str](maxlen=REMEMBERED)
        self._lock = Lock()

    def announce(self, page: str, tab: str) -> None:
        """Note that a run was asked for: it can be stopped while it waits for its turn."""
        with self._lock:
            self._events[page, tab] = Event()
            self._reasons[page, tab] = ""

    @contextmanager
    def going_on(self, page: str, tab: str) -> Iterator[Event]:
        """The cancel event of the run that starts here; forgotten when it ends."""
        with self._lock:
            event = self._events.setdefault((page, tab), Event())
            if page in self._left:
                event.set()
        try:
            yield event
        finally:
            with self._lock:
                if self._events.get((page, tab)) is event:
                    del self._events[page, tab]

    def forget(self, page: str, tab: str) -> bool:
        """Forget a run that was announced and did not begin; whether there is one."""
        with self._lock:
            return self._events.pop((page, tab), None) is not None

    def fail(self, page: str, tab: str, reason: str) -> None:
        """Note why a run that was announced comes to nothing."""
        with self._lock:
            if (page, tab) in self._reasons:
                self._reasons[page, tab] = reason

    def reason(self, page: str, tab: str) -> str:
        """Why the last run failed; empty where nothing is known of it."""
        with self._lock:
            return self._reasons.get((page, tab), "")

    def leave(self, page: str) -> None:
        """Stop all runs of a page that was closed and forget it."""
        self.stop(page)
        with self._lock:
            # What still waited need not begin, and one that works holds its event itself.
            self._events = {key: event for key, event in self._events.items() if key[0] != page}
            self._left.append(page)
            self._reasons = {key: text for key, text in self._reasons.items() if key[0] != page}

    def stop(self, page: str, tab: str | None = None) -> None:
        """Stop what waits or works for a page, in one tab or in all."""
        with self._lock:
            for (owner, place), event in self._events.items():
                if owner == page and tab in (None, place):
                    event.set()

    def stop_all(self) -> None:
        """Stop whatever waits or works."""
        with self._lock:
            for event in self._events.values():
                event.set()
