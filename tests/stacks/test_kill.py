"""``kill -9`` at any moment: every file stays readable, and little of the work is lost."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
from PIL import Image

from stacks.checkpoint import STATE, WEIGHTS, load_stack, read
from stacks.recipe import load_recipe
from stacks.train import train
from tests.stacks import tiny
from tests.stacks.processes import start_training

EVERY = 2
# More than any machine does before it is killed.
STEPS = 100_000


@pytest.fixture
def recipe_file(targets: Path, tmp_path: Path) -> Path:
    """A recipe that writes something at nearly every step."""
    text = tiny.DENOISING.replace("[data]", f"[data]\nroot = {json.dumps(str(targets))}")
    text = text.replace("checkpoint = 1", f"checkpoint = {EVERY}")
    text = text.replace("steps = 2", f"steps = {STEPS}")
    validation = '[validation]\nfolder = [{ pictures = "-1:" }]\ndegrade = "noise:25"\nevery = 3\n'
    (tmp_path / "recipe.toml").write_text(text + validation, "utf-8")
    return tmp_path / "recipe.toml"


def kill_while_training(recipe_file: Path, folder: Path, after: int, delay: float) -> None:
    """Start or go on in a process of its own; kill it once it is past a step, a moment later."""
    process = start_training(recipe_file, folder)
    state = folder / "last" / "state.safetensors"
    deadline = time.monotonic() + 250
    while not state.exists() or read(state, STATE).facts["step"] <= after:
        assert process.is_alive(), folder.with_suffix(".said").read_text("utf-8")
        assert time.monotonic() < deadline, "no checkpoint was written"
        time.sleep(0.01)
    time.sleep(delay)
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL, folder.with_suffix(".said").read_text("utf-8")


def check_files(folder: Path) -> int:
    """Read everything that a killed run left; returns the step of its state."""
    step = read(folder / "last" / "state.safetensors", STATE).facts["step"]
    load_recipe(str(folder / "recipe.toml"))
    if (folder / "best.safetensors").exists():
        assert read(folder / "best.safetensors", WEIGHTS).facts["step"] <= step + EVERY
        load_stack(folder / "best.safetensors")
    for path in (folder / "samples").glob("[!.]*"):
        with Image.open(path) as picture:
            picture.load()
    *whole, last = (folder / "log.jsonl").read_text("utf-8").split("\n")
    assert all("step" in json.loads(line) for line in whole)
    assert last == "" or last.startswith("{"), "only the last line may be broken off"
    logged = max(json.loads(line)["step"] for line in whole)
    assert logged - step <= EVERY, "at most the steps since the last checkpoint are lost"
    return step


@pytest.mark.timeout(600)
@pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9")
def test_a_killed_run_goes_on(recipe_file: Path, tmp_path: Path) -> None:
    folder, moments = tmp_path / "run", random.Random()
    step = 0
    for _ in range(2):
        delay = moments.uniform(0, 0.3)
        print(f"killed {delay:.4f} s after a step past {step}")
        kill_while_training(recipe_file, folder, step, delay)
        step = check_files(folder)
    # What was being written may lie there still; whoever goes on sweeps it away.
    (folder / "last" / ".state.safetensors.writing").write_bytes(b"half")
    (folder / ".best.safetensors.writing").write_bytes(b"half")
    recipe = load_recipe(str(recipe_file), [f"phase.0.steps={step + 5}"])
    train(recipe, folder, resume=True)
    assert check_files(folder) == step + 5
    assert not list(folder.rglob(".*"))

    train(recipe, tmp_path / "whole")
    one, other = (
        read(place / "last" / "state.safetensors", STATE).tensors
        for place in (folder, tmp_path / "whole")
    )
    assert [name for name in one if not one[name].equal(other[name])] == []
