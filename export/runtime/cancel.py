"""Stopping a run that somebody no longer wants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import onnxruntime

from export.runtime.errors import Cancelled

Cancel = Callable[[], bool] | threading.Event

_PAUSE = 0.05  # seconds between two looks at an Event


def check(cancel: Cancel | None) -> None:
    """Raise Cancelled where the caller has asked to stop."""
    if cancel is None:
        return
    if cancel.is_set() if isinstance(cancel, threading.Event) else cancel():
        raise Cancelled("the run was cancelled")


@contextmanager
def watched(cancel: Cancel | None, options: onnxruntime.RunOptions) -> Iterator[None]:
    """Have ONNX Runtime stop between two operators once an Event is set.

    A function is asked between tiles only: it may not be meant for another thread.
    """
    if not isinstance(cancel, threading.Event):
        yield
        return
    event, finished = cancel, threading.Event()

    def watch() -> None:
        while not finished.wait(_PAUSE):
            if event.is_set():
                options.terminate = True
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
