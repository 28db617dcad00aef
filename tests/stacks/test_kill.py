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
from stacks.recipe import load_recipe, parse_recipe
from stacks.train import train
from tests.stacks import tiny
from tests.stacks.processes import start_training

EVERY = 2
# More than any machine does before it is killed.
STEPS = 100_000


# Two stages, each against a discriminator, with everything on that a run has to remember: image
# pools, means of weights, the reference batch of virtual batch normalization, power iteration,
# running statistics, unrolling, moments of both sides, the average of weights, accumulated steps.
ADVERSARIAL = """
name = "tiny-tricks"
task = "denoising"
batch = 2
accumulate = 2
precision = "fp32"
deterministic = true

[data]
layout = "targets"
views = { target = "rgb" }
size = 16

[degrade]
choices = ["noise:0-55"]

[[stage]]
name = "rough"
writes = "rough"
generator = { kind = "resnet", channels = 4, blocks = 1, norm = "virtual" }
discriminator = { kind = "patch", channels = 4, layers = 1, norm = "spectral" }
sees = "pair"
presentation = { pool = 3, noise = 0.1, noise_steps = 9, augment = ["translation"] }
objective = { adversarial = "hinge", generator = { l1 = 1.0, history = 0.1 } }

[[stage]]
name = "fine"
reads = ["rough", "source"]
generator = { kind = "resnet", channels = 4, blocks = 1, norm = "virtual" }
discriminator = { kind = "patch", channels = 4, layers = 1, norm = "batch" }
presentation = { pool = 2, apart = true }

[stage.objective]
adversarial = "lsgan"
labels = { real = [0.8, 1.1] }
discriminator = { history = 0.1 }

[optimizer]
discriminator_steps = 3
unroll = 1

[ema]
decay = 0.9

[log]
every = 1
samples = 2
checkpoint = 1

[[phase]]
train = ["rough", "fine"]
steps = 2
"""


@pytest.fixture(params=[tiny.DENOISING, ADVERSARIAL], ids=["plain", "every trick"])
def recipe_file(request: pytest.FixtureRequest, targets: Path, tmp_path: Path) -> Path:
    """A recipe that writes something at nearly every step."""
    text = request.param.replace("[data]", f"[data]\nroot = {json.dumps(str(targets))}")
    text = text.replace("checkpoint = 1", f"checkpoint = {EVERY}")
    text = text.replace("steps = 2", f"steps = {STEPS}")
    validation = '[validation]\nfolder = [{ pictures = "-1:" }]\ndegrade = "noise:25"\nevery = 3\n'
    (tmp_path / "recipe.toml").write_text(text + validation, "utf-8")
    return tmp_path / "recipe.toml"


def test_every_trick_keeps_something(targets: Path, tmp_path: Path) -> None:
    text = ADVERSARIAL.replace("[data]", f"[data]\nroot = {json.dumps(str(targets))}")
    train(parse_recipe(text), tmp_path)
    names = read(tmp_path / "last" / "state.safetensors", STATE).tensors
    for kept in (
        "presentations.rough.pool", "presentations.fine.pool", "history.generator.rough",
        "history.discriminator.fine", "discriminators.rough", "average", "diversity.fine.fake",
        "generator_optimizer", "discriminator_optimizer",
    ):  # fmt: skip
        assert any(name.startswith(kept) for name in names), kept
    assert any(name.endswith("_u") for name in names), "power iteration"
    assert any(name.endswith("running_mean") for name in names)


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
    (folder / "last" / ".state.0a1b2c3d.writing.safetensors").write_bytes(b"half")
    (folder / ".best.0a1b2c3d.writing.safetensors").write_bytes(b"half")
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
