"""A run that was interrupted and resumed ends as one that was not, bit by bit."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import stacks.train
from stacks.checkpoint import STATE, WEIGHTS, CheckpointError, read, write
from stacks.recipe import parse_recipe
from stacks.run import Run, launch
from stacks.run_folder import RunExistsError, claim
from stacks.spec import Recipe
from stacks.train import train
from tests.stacks import tiny
from tests.stacks.tiny import super_resolution
from translate.batches import Batch, Prefetch
from translate.generators import GENERATORS


class Interrupted(Exception):
    """Stands for whatever ends a run in its middle."""


def run_until(recipe: Recipe, folder: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train, and be interrupted when ``step`` steps are done and their files written."""
    train_step = stacks.train.train_step

    def interrupted(run: Run, batches: Sequence[Batch]) -> dict[str, Tensor]:
        if run.step == step:
            raise Interrupted
        return train_step(run, batches)

    with monkeypatch.context() as patch:
        patch.setattr(stacks.train, "train_step", interrupted)
        with pytest.raises(Interrupted):
            train(recipe, folder)


def state(folder: Path) -> dict[str, Tensor]:
    return read(folder / "last" / "state.safetensors", STATE).tensors


def different(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    assert one.keys() == other.keys()
    return [name for name in one if not one[name].equal(other[name])]


@pytest.fixture(scope="module")
def recipe(targets: Path) -> Recipe:
    return super_resolution(targets)


@pytest.fixture(scope="module")
def whole(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    train(recipe, folder)
    return folder


def test_a_run_repeats(recipe: Recipe, whole: Path, tmp_path: Path) -> None:
    train(recipe, tmp_path)
    assert different(state(whole), state(tmp_path)) == []


# Checkpoints are written after steps 2 (the end of the first phase), 4 and 6.
@pytest.mark.parametrize("step", [3, 5])
def test_a_resumed_run_ends_as_one_that_was_not_interrupted(
    recipe: Recipe, whole: Path, tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_until(recipe, tmp_path, step, monkeypatch)
    assert read(tmp_path / "last" / "state.safetensors", STATE).facts["step"] == step - 1
    train(recipe, tmp_path, resume=True)
    assert different(state(whole), state(tmp_path)) == []


def test_the_number_of_workers_changes_nothing(
    recipe: Recipe, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def many(make: Callable[[int], Batch], steps: range, workers: int, pin: bool) -> Prefetch:
        return Prefetch(make, steps, ahead=3, workers=workers + 3, pin=pin)

    with monkeypatch.context() as patch:
        patch.setattr(stacks.train, "Prefetch", many)
        run_until(recipe, tmp_path, 5, monkeypatch)
    train(recipe, tmp_path, resume=True)
    assert different(state(whole), state(tmp_path)) == []


@dataclass(frozen=True)
class ForgetfulSpec:
    """A generator that draws at random while it learns."""

    scale = multiple = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        return nn.Sequential(nn.Conv2d(reads, writes, 3, padding=1), nn.Dropout(0.5))


def test_what_a_network_draws_is_drawn_again(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GENERATORS._specs, "forgetful", ForgetfulSpec)
    recipe = parse_recipe(
        tiny.DENOISING,
        [f"data.root={str(targets)!r}", "stage.1.generator={ kind = 'forgetful' }",
         "phase.0.steps=5", "log.checkpoint=2"],
    )  # fmt: skip
    train(recipe, tmp_path / "whole")
    run_until(recipe, tmp_path / "parts", 3, monkeypatch)
    torch.rand(7)  # whatever else drew in between
    train(recipe, tmp_path / "parts", resume=True)
    assert different(state(tmp_path / "whole"), state(tmp_path / "parts")) == []


def test_the_log_tells_each_step_once(
    recipe: Recipe, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_until(recipe, tmp_path, 5, monkeypatch)
    log = tmp_path / "log.jsonl"
    assert '"step": 5' in log.read_text("utf-8"), "done after the last checkpoint, done again"
    with open(log, "a", encoding="utf-8") as file:
        file.write('{"step": 5, "phase": 1, "ki')
    train(recipe, tmp_path, resume=True)
    steps = {folder: [(line["kind"], line["step"]) for line in map(json.loads, lines(folder))]
             for folder in (whole, tmp_path)}  # fmt: skip
    assert steps[tmp_path] == steps[whole]
    values = {folder: [line.get("x2/generator/l1") for line in map(json.loads, lines(folder))]
              for folder in (whole, tmp_path)}  # fmt: skip
    assert values[tmp_path] == values[whole]


def lines(folder: Path) -> list[str]:
    return (folder / "log.jsonl").read_text("utf-8").splitlines()


def test_the_time_of_the_earlier_part_counts(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_until(recipe, tmp_path, 5, monkeypatch)
    path = tmp_path / "last" / "state.safetensors"
    checkpoint = read(path, STATE)
    write(path, STATE, checkpoint.tensors, checkpoint.facts | {"seconds": 5000.0})
    train(recipe, tmp_path, resume=True)
    assert 5000 < read(path, STATE).facts["seconds"] < 5100


def test_a_finished_run_can_be_lengthened(
    targets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The rate of this recipe does not depend on the length of the phase.
    short, long = (
        super_resolution(targets, "schedule.decay=0", f"phase.1.steps={steps}") for steps in (2, 4)
    )
    train(short, tmp_path / "a")
    train(long, tmp_path / "a", resume=True)
    train(long, tmp_path / "b")
    assert different(state(tmp_path / "a"), state(tmp_path / "b")) == []
    before = state(tmp_path / "a")
    capsys.readouterr()
    train(long, tmp_path / "a", resume=True)
    done = long.phase[0].steps + 4
    assert f"{done} steps are done and the phases have {done}: nothing" in capsys.readouterr().err
    assert different(before, state(tmp_path / "a")) == [], "there is nothing left to do"


def test_a_phase_that_is_over_is_not_lengthened(targets: Path, tmp_path: Path) -> None:
    train(super_resolution(targets), tmp_path)
    with pytest.raises(CheckpointError, match="at step 6, in phase 1, which this recipe begins at"):
        train(super_resolution(targets, "phase.0.steps=9"), tmp_path, resume=True)


def test_the_best_by_another_measure_is_forgotten(recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / "last" / "state.safetensors"
    root = f"data.root={recipe.data.root!r}"
    train(recipe, tmp_path)
    by_psnr = read(path, STATE).facts["best"]
    longer = [root, "phase.1.steps=6"]
    train(parse_recipe(tiny.SUPER_RESOLUTION, longer), tmp_path, resume=True)
    assert read(path, STATE).facts["best"] >= by_psnr
    # An error, of which the lowest is best, never passes a ratio in decibels.
    by_error = [root, "phase.1.steps=8", "validation.metric=band_error"]
    train(parse_recipe(tiny.SUPER_RESOLUTION, by_error), tmp_path, resume=True)
    best = read(tmp_path / "best.safetensors", WEIGHTS).facts
    assert best["step"] == 10
    assert read(path, STATE).facts["best"] == -best["measures"]["band_error"]


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ("phase.1.steps=6", True),
        ('degrade.pipelines.mine=["bicubic:4", "noise:9"]', False),
        ("validation.folder.0.pictures=1:", False),
        ("validation.folder.0.reduce=2", False),
    ],
)
def test_the_best_of_other_held_out_pictures_is_forgotten(
    recipe: Recipe, tmp_path: Path, changed: str, kept: bool
) -> None:
    settings = [
        f"data.root={recipe.data.root!r}",
        'degrade.pipelines.mine=["bicubic:4", "noise:2"]',
        "validation.degrade=mine",
    ]
    first = parse_recipe(tiny.SUPER_RESOLUTION, settings)
    run = Run(first, launch(first))
    run.best, run.stale = 40.0, 1
    run.health.closest, run.health.active = 0.5, ["gap: psnr_y", "nan: x2 l1"]
    run.save(tmp_path / "state")
    other = parse_recipe(tiny.SUPER_RESOLUTION, [*settings, changed])
    again = Run(other, launch(other))
    again.restore(tmp_path / "state")
    assert (again.best, again.stale) == ((40.0, 1) if kept else (float("-inf"), 0))
    gap, alarms = (0.5, ["gap: psnr_y"]) if kept else (None, [])
    assert (again.health.closest, again.health.active) == (gap, [*alarms, "nan: x2 l1"])


def test_resuming_without_a_run_begins_one(recipe: Recipe, whole: Path, tmp_path: Path) -> None:
    train(recipe, tmp_path / "new", resume=True)
    assert different(state(whole), state(tmp_path / "new")) == []


def test_states_that_cannot_be_resumed(recipe: Recipe, whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "last" / "state.safetensors"
    path.parent.mkdir()
    content = (whole / "last" / "state.safetensors").read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        train(recipe, tmp_path, resume=True)
    path.write_bytes((whole / "best.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match=r"expected a pixstack\.training file, got pixstack"):
        train(recipe, tmp_path, resume=True)
    path.write_bytes(content)
    root = f"data.root={recipe.data.root!r}"
    one_phase = tiny.SUPER_RESOLUTION.rsplit("[[phase]]", 1)[0]
    with pytest.raises(CheckpointError, match="was in phase 1, but the recipe has 1; resume with"):
        train(parse_recipe(one_phase, [root]), tmp_path, resume=True)
    wider = parse_recipe(tiny.SUPER_RESOLUTION, [root, "stage.0.generator.channels=9"])
    with pytest.raises(CheckpointError, match=r"does not fit .*; use the recipe that"):
        train(wider, tmp_path, resume=True)
    other = parse_recipe(tiny.SUPER_RESOLUTION, [root, "optimizer.generator.kind=muon"])
    with pytest.raises(CheckpointError, match=r"with optimizer\.generator\.kind = 'adamw', the"):
        train(other, tmp_path, resume=True)
    alone = parse_recipe(tiny.SUPER_RESOLUTION, [root, "phase.1.train=['x4']"])
    with pytest.raises(CheckpointError, match="state is of other weights; resume with the phases"):
        train(alone, tmp_path, resume=True)
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["last"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("phase", None, "expected a whole number of 0 or more, there is none"),
        ("phase", -1, "expected a whole number of 0 or more, got -1"),
        ("step", "6", "expected a whole number of 0 or more, got '6'"),
        ("step", True, "expected a whole number of 0 or more, got True"),
        ("step", 6.0, "expected a whole number of 0 or more, got 6.0"),
        ("best", [1.0], r"expected a number, got \[1.0\]"),
        ("best", float("nan"), "expected a number, got nan"),
        ("seconds", None, "expected a number, there is none"),
    ],
)
def test_facts_that_do_not_say_where_a_run_was(
    recipe: Recipe, whole: Path, tmp_path: Path, name: str, value: object, message: str
) -> None:
    checkpoint = read(whole / "last" / "state.safetensors", STATE)
    facts = {key: fact for key, fact in checkpoint.facts.items() if key != name}
    if value is not None:
        facts[name] = value
    path = tmp_path / "last" / "state.safetensors"
    write(path, STATE, checkpoint.tensors, facts)
    with pytest.raises(CheckpointError, match=f"state.safetensors: its fact '{name}': {message}"):
        train(recipe, tmp_path, resume=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["last"]


def test_one_process_trains_into_a_folder(targets: Path, tmp_path: Path) -> None:
    recipe = super_resolution(targets, "phase.0.steps=1", "phase.1.steps=1")
    train(recipe, tmp_path)
    before = (tmp_path / "log.jsonl").read_bytes()
    with claim(tmp_path), pytest.raises(RunExistsError, match="another process trains into it"):
        train(recipe, tmp_path, resume=True)
    assert (tmp_path / "log.jsonl").read_bytes() == before
    train(recipe, tmp_path, resume=True)
