"""Who can stop what."""

from __future__ import annotations

from pixstack.web.runs import Runs


def test_stop_ends_the_runs_of_its_own_page_and_tab() -> None:
    runs = Runs()
    with (
        runs.going_on("a", "denoise") as mine,
        runs.going_on("a", "enlarge") as other_tab,
        runs.going_on("b", "denoise") as other_page,
    ):
        runs.stop("a", "denoise")
        assert mine.is_set()
        assert not other_tab.is_set()
        assert not other_page.is_set()
        runs.stop("a")
        assert other_tab.is_set()
        assert not other_page.is_set()


def test_a_run_can_be_stopped_while_it_waits_for_its_turn() -> None:
    runs = Runs()
    runs.announce("a", "denoise")
    runs.stop("a", "denoise")
    with runs.going_on("a", "denoise") as cancel:
        assert cancel.is_set()


def test_the_next_run_starts_afresh() -> None:
    runs = Runs()
    runs.announce("a", "denoise")
    runs.stop("a")
    with runs.going_on("a", "denoise"):
        pass
    with runs.going_on("a", "denoise") as cancel:
        assert not cancel.is_set()


def test_a_page_learns_why_its_last_run_failed() -> None:
    runs = Runs()
    runs.announce("a", "denoise")
    runs.fail("a", "denoise", "no picture")
    assert runs.reason("a", "denoise") == "no picture"
    assert runs.reason("a", "enlarge") == ""
    runs.announce("a", "denoise")
    assert runs.reason("a", "denoise") == ""


def test_nothing_is_kept_of_those_who_left_or_never_announced() -> None:
    runs = Runs()
    runs.fail("client", "denoise", "no picture")
    assert runs.reason("client", "denoise") == ""
    runs.announce("a", "denoise")
    runs.announce("b", "denoise")
    for page in ("a", "b"):
        runs.fail(page, "denoise", "no picture")
    runs.leave("a")
    assert runs.reason("a", "denoise") == ""
    assert runs.reason("b", "denoise") == "no picture"
    with runs.going_on("a", "denoise") as cancel:
        assert cancel.is_set()


def test_nothing_is_kept_of_a_page_that_was_closed() -> None:
    runs = Runs()
    for page in map(str, range(2000)):
        runs.announce(page, "denoise")
        runs.leave(page)
    assert len(runs._events) == 0
    assert len(runs._left) <= 256
    # Should its run come up all the same, it ends at once.
    with runs.going_on("1999", "denoise") as cancel:
        assert cancel.is_set()
