"""A run tells how fast it goes now, not how fast it went on the whole."""

import pytest

from stacks.pace import LOOKS, Pace


def test_a_slow_start_is_forgotten() -> None:
    times = iter([0.0, 60.0, *(60.0 + 10 * look for look in range(1, 2 * LOOKS))])
    pace = Pace(100, lambda: next(times))
    # 50 steps in the minute that compiling took, then ten seconds for every 50.
    speeds = [pace.at(150 + 50 * look) for look in range(2 * LOOKS)]
    assert speeds[0] == pytest.approx(50 / 60)
    assert speeds[1] == pytest.approx(100 / 70)
    assert speeds[-1] == pytest.approx(5)


def test_steps_done_again_count_again() -> None:
    times = iter([0.0, 10.0, 12.0, 17.0])
    pace = Pace(0, lambda: next(times))
    assert pace.at(100) == pytest.approx(10)
    pace.back(40)
    assert pace.at(60) == pytest.approx(4)
