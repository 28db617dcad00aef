"""What ends a command: Ctrl-C, heard also while ONNX Runtime computes, and requests to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

Result = TypeVar("Result")
POLL = 0.2
"""Seconds."""


@contextmanager
def ended_as_by_interrupt() -> Iterator[None]:
    """Inside, a request to end (SIGTERM, SIGHUP) raises KeyboardInterrupt, as Ctrl-C does, so that
    nothing is left half-written. Requests that somebody ignores or handles stay theirs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    requests = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    heard = [one for one in requests if one and signal.getsignal(one) is signal.SIG_DFL]
    for one in heard:
        signal.signal(one, interrupt)
    try:
        yield
    finally:
        for one in heard:
            signal.signal(one, signal.SIG_DFL)


def interrupt(number: int, frame: FrameType | None) -> None:
    """A handler of signals."""
    raise KeyboardInterrupt


def interruptible(work: Callable[[threading.Event], Result]) -> Result:
    """Do `work` on a thread of its own, so that an interrupt is heard at once: Python looks for
    signals only once a call into ONNX Runtime has returned.

    Args:
        work: is given an event, set by the interrupt; it should stop soon after and clean up.

    Returns:
        What `work` returns.

    Raises:
        KeyboardInterrupt: once `work` has stopped, or at once where interrupted again.
        Exception: whatever `work` raises.
    """
    stop = threading.Event()
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(work(stop))
        except BaseException as error:
            outcome.set_exception(error)

    # A daemon, so that the second interrupt need not wait for it.
    worker = threading.Thread(target=run, daemon=True)
    try:
        worker.start()
        _finished(outcome)
    except KeyboardInterrupt:
        stop.set()
        _finished(outcome)
        raise
    return outcome.result()


def _finished(outcome: Future[Result]) -> None:
    """Wait for it, and look up now and then: a signal that comes just before a thread falls asleep
    does not wake it.
    """
    while not wait([outcome], POLL).done:
        pass
