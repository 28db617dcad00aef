"""Making batches ahead: order, waiting, errors, and leaving early."""

import threading
import time

import pytest
import torch

from translate.batches import Batch, Prefetch


def numbered(step: int) -> Batch:
    return Batch({"step": torch.tensor(step)}, 1)


def steps(prefetch: Prefetch) -> list[int]:
    return [int(batch.views["step"]) for batch in prefetch]


@pytest.mark.parametrize(("ahead", "workers"), [(1, 1), (2, 8), (6, 2), (50, 3)])
def test_batches_come_in_order(ahead: int, workers: int) -> None:
    def uneven(step: int) -> Batch:
        time.sleep(0.004 if step % 3 == 0 else 0)
        return numbered(step)

    assert steps(Prefetch(uneven, range(5, 25), ahead, workers)) == list(range(5, 25))


def test_no_steps_make_no_batches() -> None:
    def never(step: int) -> Batch:
        raise AssertionError(f"step {step} was not asked for")

    assert steps(Prefetch(never, range(7, 7))) == []


def test_each_step_is_made_once_and_not_too_far_ahead() -> None:
    made: list[int] = []
    lock = threading.Lock()

    def counted(step: int) -> Batch:
        with lock:
            made.append(step)
        return numbered(step)

    for taken, batch in enumerate(Prefetch(counted, range(20), ahead=3, workers=2)):
        assert int(batch.views["step"]) == taken
        time.sleep(0.002)
        # Three are in the queue when a batch is taken out of it.
        assert len(made) <= taken + 3
    assert sorted(made) == list(range(20))


def test_waiting_is_what_the_maker_keeps_the_trainer_from() -> None:
    def slow(step: int) -> Batch:
        time.sleep(0.05)
        return numbered(step)

    prefetch = Prefetch(slow, range(4), ahead=1, workers=1)
    assert steps(prefetch) == [0, 1, 2, 3]
    assert prefetch.waited > 0.18, "each of the four batches is begun when it is asked for"


def test_batches_that_lie_ready_are_not_waited_for() -> None:
    made = threading.Semaphore(0)

    def counted(step: int) -> Batch:
        made.release()
        return numbered(step)

    prefetch = Prefetch(counted, range(6), ahead=6, workers=2)
    batches = iter(prefetch)
    next(batches)
    for _ in range(6):
        assert made.acquire(timeout=10)
    time.sleep(0.02)  # from the last line of the maker to the finished future
    waited = prefetch.waited
    assert [int(batch.views["step"]) for batch in batches] == [1, 2, 3, 4, 5]
    assert prefetch.waited - waited < 0.02


def test_the_first_error_comes_at_its_step() -> None:
    def broken(step: int) -> Batch:
        if step == 3:
            raise ValueError("step 3 has no picture")
        return numbered(step)

    batches = iter(Prefetch(broken, range(10), ahead=4, workers=2))
    assert [int(next(batches).views["step"]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="step 3 has no picture"):
        next(batches)


def test_leaving_early_ends_the_threads() -> None:
    made: list[int] = []

    def slow(step: int) -> Batch:
        made.append(step)
        time.sleep(0.01)
        return numbered(step)

    batches = iter(Prefetch(slow, range(1000), ahead=50, workers=2))
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]
    assert len(made) < 20, "what was queued is not made any more"
