"""Ctrl-C while ONNX Runtime computes: Python looks for signals only once that has returned."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

Result = TypeVar("Result")


def interruptible(work: Callable[[threading.Event], Result]) -> Result:
    """Do `work` on a thread of its own, so that an interrupt is heard at once.

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
        return outcome.result()
    except KeyboardInterrupt:
        stop.set()
        wait([outcome])
        raise
