"""An interrupt is heard while something else computes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from pixstack.interrupts import interruptible


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    """Suites that run in the background of a shell ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    """Ctrl-C as a terminal sends it: the main thread is woken from what it waits for."""
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


def test_the_result_and_the_error_are_those_of_the_work() -> None:
    assert interruptible(lambda stop: (stop.is_set(), 3)) == (False, 3)

    def fail(stop: threading.Event) -> None:
        raise ValueError("no such picture")

    with pytest.raises(ValueError, match="no such picture"):
        interruptible(fail)


def test_an_interrupt_asks_the_work_to_stop_and_waits_for_it() -> None:
    steps: list[str] = []

    def work(stop: threading.Event) -> None:
        interrupt()
        assert stop.wait(30)
        time.sleep(0.1)
        steps.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        interruptible(work)
    assert steps == ["cleaned up"]


def test_a_second_interrupt_does_not_wait() -> None:
    finished = threading.Event()

    def work(stop: threading.Event) -> None:
        interrupt()
        assert stop.wait(30)
        time.sleep(0.1)  # until the main thread waits for this one to stop
        interrupt()
        finished.wait(30)

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interruptible(work)
    assert time.monotonic() - start < 15
    finished.set()
