"""SIGTERM and Ctrl-C: the step in hand is written, and no step is lost."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from torch import Tensor

import stacks.train
from stacks.checkpoint import STATE, read
from stacks.recipe import load_recipe
from stacks.run import Run
from stacks.stopping import Stopped, Stopping
from stacks.train import train
from tests.stacks import tiny
from tests.stacks.processes import start_training
from tests.stacks.test_resume import different, state
from tests.stacks.tiny import super_resolution
from translate.batches import Batch


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_step_in_hand_is_written_and_the_run_goes_on_from_it(
    number: signal.Signals, targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stacks.train.train_step

    def told(run: Run, batches: list[Batch]) -> dict[str, Tensor]:
        if run.step == 4:
            signal.raise_signal(number)
        return whole(run, batches)

    recipe = super_resolution(targets, "log.checkpoint=100")
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        patch.setattr(stacks.train, "train_step", told)
        with pytest.raises(Stopped, match=rf"^stopped by {number.name} after step 5, ") as caught:
            train(recipe, tmp_path / "parts")
    assert caught.value.code == 128 + number
    assert signal.getsignal(number) == before
    assert read(tmp_path / "parts" / "last" / "state.safetensors", STATE).facts["step"] == 5
    log = [json.loads(line) for line in (tmp_path / "parts" / "log.jsonl").open()]
    assert log[-1]["reason"] == f"{number.name} asked for it"
    train(recipe, tmp_path / "parts", resume=True)
    train(recipe, tmp_path / "whole")
    assert different(state(tmp_path / "whole"), state(tmp_path / "parts")) == []


@pytest.mark.timeout(600)
@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without asking it")
def test_a_process_that_is_asked_to_end_loses_nothing(targets: Path, tmp_path: Path) -> None:
    text = tiny.DENOISING.replace("[data]", f"[data]\nroot = {json.dumps(str(targets))}")
    text = text.replace("checkpoint = 1", "checkpoint = 100000").replace(
        "steps = 2", "steps = 99999"
    )
    (tmp_path / "recipe.toml").write_text(text, "utf-8")
    folder = tmp_path / "run"
    process = start_training(tmp_path / "recipe.toml", folder)
    deadline = time.monotonic() + 250
    while not (folder / "log.jsonl").exists():
        assert process.is_alive(), folder.with_suffix(".said").read_text("utf-8")
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.terminate()
    process.join(120)
    assert "Stopped" in folder.with_suffix(".said").read_text("utf-8")
    step = read(folder / "last" / "state.safetensors", STATE).facts["step"]
    steps = [json.loads(line)["step"] for line in (folder / "log.jsonl").open()]
    assert step == max(steps) > 0, "the last step that was taken"
    recipe = load_recipe(str(tmp_path / "recipe.toml"), [f"phase.0.steps={step + 3}"])
    train(recipe, folder, resume=True)
    train(recipe, tmp_path / "whole")
    assert different(state(tmp_path / "whole"), state(folder)) == []


def test_a_second_signal_ends_at_once() -> None:
    # A suite in the background was started with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Stopping() as stopping:
            signal.raise_signal(signal.SIGINT)
            assert stopping.asked is signal.SIGINT
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_elsewhere_than_in_the_main_thread_signals_are_left_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with Stopping() as stopping:
            seen.append((stopping.asked, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(None, before)]
