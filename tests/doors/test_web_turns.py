"""What happens to a run, its turn and its files, whatever a visitor does."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import pytest
from gradio.blocks import Block

from export.runtime import Cancelled
from pixstack.web.guard import REFUSAL, refuse_addresses
from pixstack.web.launch import tidy
from pixstack.web.studio import Order, Studio

ORDER = Order("photo-sr", "x4")
ELSEWHERE = "https://example.invalid/photo.png"


@pytest.fixture
def studio(models: Path, tmp_path: Path) -> Studio:
    return Studio({"photo-sr": models / "photo-sr.onnx"}, tmp_path / "cache")


def run(studio: Studio, photo: Path, cancel: threading.Event | None = None) -> Path:
    cancel = cancel or threading.Event()
    return studio.translate(ORDER, str(photo), lambda done, total: None, cancel).picture


def test_two_runs_never_work_at_once(
    studio: Studio, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pixstack.web import studio as module

    working, most = [], []
    write = module.write_previews

    def slowly(*given: object) -> object:
        working.append(None)
        most.append(len(working))
        time.sleep(0.3)
        working.pop()
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "write_previews", slowly)
    threads = [threading.Thread(target=run, args=(studio, photo)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1, 1, 1]


def test_a_run_that_waits_for_another_can_be_stopped(studio: Studio, photo: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with studio._turn, pytest.raises(Cancelled):
        run(studio, photo, cancel)
    assert not studio.cache.exists() or list(studio.cache.iterdir()) == []


def test_a_run_that_is_stopped_at_its_very_end_leaves_nothing(
    studio: Studio, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pixstack.web import studio as module

    cancel = threading.Event()
    write = module.write_previews

    def stopped(*given: object) -> object:
        cancel.set()
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "write_previews", stopped)
    with pytest.raises(Cancelled):
        run(studio, photo, cancel)
    assert list(studio.cache.iterdir()) == []


def test_old_results_are_forgotten_and_new_ones_are_not(
    studio: Studio, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("pixstack.web.studio.time.monotonic", lambda: now[0])
    old = run(studio, photo)
    now[0] += 50
    new = run(studio, photo)
    studio.forget(49)
    assert not old.parent.exists()
    assert new.is_file()
    now[0] += 50
    studio.forget(49)
    assert list(studio.cache.iterdir()) == []


def test_results_are_looked_through_every_so_often(studio: Studio, photo: Path) -> None:
    run(studio, photo)
    ended = threading.Event()
    tidier = threading.Thread(target=tidy, args=(studio, (0.05, 0), ended))
    tidier.start()
    deadline = time.monotonic() + 10
    while list(studio.cache.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    ended.set()
    tidier.join(10)
    assert list(studio.cache.iterdir()) == []
    assert not tidier.is_alive()


def test_ending_stops_and_waits_for_the_run_that_works(
    studio: Studio, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pixstack.web import studio as module

    began, written, ended = threading.Event(), threading.Event(), threading.Event()
    write = module.write_previews

    def slowly(*given: object) -> object:
        began.set()
        time.sleep(0.5)
        made = write(*given)  # type: ignore[arg-type]
        written.set()
        return made

    monkeypatch.setattr(module, "write_previews", slowly)

    def visit() -> None:
        with studio.runs.going_on("page", "enlarge") as cancel, pytest.raises(Cancelled):
            run(studio, photo, cancel)
        ended.set()

    visitor = threading.Thread(target=visit)
    visitor.start()
    assert began.wait(60)
    studio.end()
    assert written.is_set()
    # The turn is given back a moment before the visitor's own thread is through.
    assert ended.wait(5)
    visitor.join()


def test_a_component_that_was_updated_fetches_no_address_either() -> None:
    refuse_addresses()
    refuse_addresses()  # once is enough
    with gr.Blocks():
        box = gr.Image()
    # What gradio makes for a visitor's session of a component that an event has updated.
    copy: Block = box.__class__(render=False)
    for block in (box, copy):
        # In a thread: a test of a browser leaves a loop in this one.
        with ThreadPoolExecutor() as pool, pytest.raises(gr.Error, match=REFUSAL):
            pool.submit(asyncio.run, block.async_move_resource_to_block_cache(ELSEWHERE)).result()
