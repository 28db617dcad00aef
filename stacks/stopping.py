"""SIGINT and SIGTERM as a wish: the step in hand is finished and written before the run ends."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A run ended early because it was asked to; nothing is lost but weights that are no numbers.

    Attributes:
        code: what a shell expects of a process that a signal ended: 128 and the signal's number.
    """

    def __init__(self, number: signal.Signals, step: int, unwritten: bool = False) -> None:
        told = "which is written"
        if unwritten:
            told = "whose weights are no numbers; an earlier state is the last that is written"
        super().__init__(f"stopped by {number.name} after step {step}, {told}")
        self.code = 128 + number


class Stopping:
    """Context manager in which the signals are noted; a second one ends the process at once.

    Outside the main thread signals cannot be listened to, and the context does nothing.
    """

    def __init__(self) -> None:
        self.asked: signal.Signals | None = None
        self.before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self.note) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.restore()

    def note(self, number: int, frame: FrameType | None) -> None:
        """Remember the wish, and leave the next one to whoever listened before."""
        self.asked = signal.Signals(number)
        self.restore()

    def restore(self) -> None:
        """Put back who listened before."""
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}
