"""`pixstack train --resume`: what is said of a run that goes on, and of one that was stopped."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pixstack.commands.train import going_on
from tests.doors.conftest import Answer

Call = Callable[..., Answer]


def test_a_run_that_goes_on_otherwise_says_so(
    pixstack: Call,
    recipe: Path,
    targets: Path,
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    begun = ("--data", targets, "--set", "phase.0.steps=2", "--set", "batch=1")
    assert pixstack("train", recipe, "-o", run, *begun).code == 0
    same = pixstack("train", run / "recipe.toml", "-o", run, "--resume")
    assert same.code == 0
    assert "not as it went before" not in same.err
    other = pixstack("train", recipe, "-o", run, "--data", targets, "--resume")
    assert other.code == 0
    notes = [line for line in other.error_lines if "not as it went before" in line]
    assert notes == [
        "note: not as it went before: batch: 1, now 2",
        "note: not as it went before: phase.0.steps: 2, now 3",
    ]


def test_a_run_that_is_stopped_says_how_it_goes_on(
    pixstack: Call,
    recipe: Path,
    targets: Path,
    tmp_path: Path,
) -> None:
    run = tmp_path / "my run"
    command = [sys.executable, "-m", "pixstack", "train", str(recipe), "-o", str(run)]
    process = subprocess.Popen(
        [*command, "--data", str(targets), "--set", "phase.0.steps=1000000"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (run / "log.jsonl").is_file() and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be stopped"
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 143
    told = errors.strip().splitlines()[-1]
    _, _, how = told.partition("; go on with: pixstack ")
    assert shlex.split(how) == ["train", str(run / "recipe.toml"), "-o", str(run), "--resume"]
    # As it says, but for its length.
    answer = pixstack(*shlex.split(how), "--set", "phase.0.steps=1")
    assert answer.code == 0, answer.err


def test_a_run_on_several_devices_goes_on_with_them() -> None:
    how = going_on(Path("my run"), 2, 1, ["own", "more"])
    assert how == (
        "pixstack train 'my run/recipe.toml' -o 'my run' --resume --devices 2 --plugin own "
        "--plugin more"
    )


def test_other_networks_cannot_go_on(
    pixstack: Call,
    recipe: Path,
    targets: Path,
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    assert pixstack("train", recipe, "-o", run, "--data", targets).code == 0
    change = ("--set", "stage.0.generator.channels=5")
    answer = pixstack("train", recipe, "-o", run, "--data", targets, "--resume", *change)
    assert answer.code == 1
    assert "stage.0.generator.channels: 4, now 5" in answer.err
    assert answer.error_lines[-1].endswith("recipe.toml in its run")
