"""A run that diverges goes back and finishes; one that collapses says so; others are quiet."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import stacks.train
from stacks.checkpoint import STATE, read
from stacks.keeper import DivergenceError, Verdict
from stacks.recipe import parse_recipe
from stacks.run import Run, launch
from stacks.spec import Recipe
from stacks.train import train
from tests.stacks import tiny
from tests.stacks.test_resume import different, run_until, state
from tests.stacks.tiny import super_resolution
from translate.batches import Batch

# A hundred times the rates of the tiny recipe.
TOO_FAST = [
    "optimizer.generator.rate=0.1", "optimizer.discriminator.rate=0.4", "schedule.warmup=0",
    "phase.0.steps=30", "phase.1.steps=20", "log.every=10", "log.checkpoint=10",
    "log.samples=100", "validation.every=100", "optimizer.generator.clip=0",
]  # fmt: skip


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    text = (folder / "log.jsonl").read_text("utf-8")
    return [line for line in map(json.loads, text.splitlines()) if line["kind"] == kind]


def facts(folder: Path) -> dict[str, Any]:
    return read(folder / "last" / "state.safetensors", STATE).facts


@pytest.fixture(scope="module")
def diverged(targets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diverged")
    train(super_resolution(targets, *TOO_FAST), folder)
    return folder


def test_a_run_that_diverges_is_caught_goes_back_and_finishes(diverged: Path) -> None:
    alarms = lines(diverged, "alarm")
    assert alarms
    assert {alarm["alarm"] for alarm in alarms} <= {"divergence", "nan"}
    starts = {0: 0, 1: 30}
    assert all(alarm["found"] - alarm["step"] <= 50 for alarm in alarms)
    assert alarms[0]["found"] - starts[0] <= 50
    assert [alarm["rollback"] for alarm in alarms] == list(range(1, len(alarms) + 1))
    assert [alarm["slowed"] for alarm in alarms] == [0.5**n for n in range(1, len(alarms) + 1)]
    reached = facts(diverged)
    assert (reached["step"], reached["rollbacks"]) == (50, len(alarms))
    tensors = read(diverged / "last" / "state.safetensors", STATE).tensors
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    # Each step stands in the log once, at the rate that it was taken with in the end.
    steps = [line["step"] for line in lines(diverged, "train")]
    assert steps == sorted(set(steps))
    plain = lines(diverged, "train")[0]
    assert plain["rate/generator"] <= 0.1 * 0.5


def test_the_board_knows_of_it(diverged: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = [EventAccumulator(str(file)).Reload() for file in (diverged / "tensorboard").iterdir()]
    assert any("alarm/divergence" in board.Tags()["scalars"] for board in found)


def broken(at: int, times: int) -> Any:
    """Steps of which one breaks the weights, the first ``times`` times that it is taken."""
    whole, left = stacks.train.train_step, [times]

    def step(run: Run, batches: list[Batch]) -> dict[str, Tensor]:
        values = whole(run, batches)
        if run.step == at and left[0]:
            left[0] -= 1
            next(run.stack.parameters()).data.fill_(float("nan"))
        return values

    return step


def test_resuming_keeps_the_rates_that_going_back_left(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = super_resolution(targets, "validation.folder=[]", "phase.1.steps=8")
    with monkeypatch.context() as patch:
        patch.setattr(stacks.train, "train_step", broken(4, 1))
        train(recipe, tmp_path / "whole")
        patch.setattr(stacks.train, "train_step", broken(4, 1))
        run_until(recipe, tmp_path / "parts", 7, patch)
    assert facts(tmp_path / "parts")["rollbacks"] == 1
    train(recipe, tmp_path / "parts", resume=True)
    assert different(state(tmp_path / "whole"), state(tmp_path / "parts")) == []
    rates = [
        [line["rate/generator"] for line in lines(tmp_path / name, "train")]
        for name in ("whole", "parts")
    ]
    assert rates[0] == rates[1]
    [alarm] = lines(tmp_path / "parts", "alarm")
    assert (alarm["alarm"], alarm["step"], alarm["found"]) == ("nan", 0, 5)


def test_devices_meet_after_going_back_to_a_step_at_which_they_would_not(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare = [
        "validation.folder=[]", "health.every=5", "log.every=100", "log.checkpoint=100",
        "log.samples=100", "phase=[{ train=['x2', 'x4'], adversarial=false, steps=3 }]",
    ]  # fmt: skip
    train(super_resolution(targets, *rare), tmp_path)
    # A state that a signal had written, at a step of no look: what the lengthened run has.
    for name in ("healthy", "waiting"):
        (tmp_path / "last" / f"{name}.safetensors").unlink()
    agreed, told = stacks.train.agreed, []

    class TwoDevices:
        world_size = 2

        def broadcast(self, verdict: Verdict) -> Verdict:
            told.append(verdict)
            return verdict

    def spied(run: Any, verdict: Verdict) -> Verdict:
        fabric, run.fabric = run.fabric, TwoDevices()
        try:
            return agreed(run, verdict)
        finally:
            run.fabric = fabric

    monkeypatch.setattr(stacks.train, "agreed", spied)
    monkeypatch.setattr(stacks.train, "train_step", broken(4, 1))
    train(super_resolution(targets, *rare, "phase.0.steps=8"), tmp_path, resume=True)
    [alarm] = lines(tmp_path, "alarm")
    assert (alarm["step"], alarm["found"]) == (3, 5)
    # After step 5, from which the others go back too, after 5 once more and after the last one.
    assert [verdict.back for verdict in told] == [True, False, False]


def test_a_run_that_cannot_be_helped_stops_with_one_line(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks.train, "train_step", broken(4, 99))
    recipe = super_resolution(targets, "validation.folder=[]", "health.rollbacks=2")
    with pytest.raises(
        DivergenceError, match=r"diverged after going back 2 times; .*--resume"
    ) as e:
        train(recipe, tmp_path)
    assert "\n" not in str(e.value)
    assert facts(tmp_path)["rollbacks"] == 2
    assert len(lines(tmp_path, "alarm")) == 3
    # Whoever resumes begins where the run was sound, not where it had begun to diverge.
    sound = read(tmp_path / "last" / "healthy.safetensors", STATE).facts["step"]
    assert facts(tmp_path)["step"] == sound
    assert not (tmp_path / "last" / "waiting.safetensors").exists()
    assert all(torch.isfinite(tensor).all() for tensor in state(tmp_path).values())


@pytest.mark.parametrize(("rate", "left"), [("", 2), ("optimizer.generator.rate=3e-5", 0)])
def test_rates_that_are_chosen_anew_hold_as_they_are(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: str, left: int
) -> None:
    monkeypatch.setattr(stacks.train, "train_step", broken(4, 99))
    settings = ["validation.folder=[]", "health.rollbacks=2"]
    with pytest.raises(DivergenceError, match=r"smaller rates than 0\.25 times those of the"):
        train(super_resolution(targets, *settings), tmp_path)
    recipe = super_resolution(targets, *settings, *filter(None, [rate]))
    run = Run(recipe, launch(recipe))
    run.restore(tmp_path / "last" / "state.safetensors")
    assert (run.rollbacks, run.slowed) == (left, 0.5**left)


def test_a_state_is_healthy_once_the_run_has_gone_on_from_it(targets: Path, tmp_path: Path) -> None:
    quick = ["health.every=1", "health.window=3", "phase.1.steps=8", "validation.folder=[]"]
    train(super_resolution(targets, *quick), tmp_path)
    # Written after steps 2, 4, 6, 8 and 10. After 6 the one of 2 is old enough, after 10 that of 6.
    steps = {
        name: read(tmp_path / "last" / f"{name}.safetensors", STATE).facts["step"]
        for name in ("healthy", "waiting", "state")
    }
    assert steps == {"healthy": 6, "waiting": 10, "state": 10}


def translation(targets: Path, *overrides: str) -> Recipe:
    given = [f"data.root={str(targets)!r}", "data.layout=targets", "data.views={ target = 'rgb' }",
             "degrade.choices=['noise:25']", *overrides]  # fmt: skip
    return parse_recipe(tiny.TRANSLATION, given)


def test_a_generator_that_collapses_raises_the_alarm(
    targets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Each step halves the generator's weights: it soon paints one gray, whatever it is given.
    recipe = translation(
        targets, "phase.0.steps=40", "log.checkpoint=100", "log.samples=100", "batch=4",
        "health.window=4", "health.warmup=10", "health.every=1",
        "optimizer.generator={ rate = 1e-4, weight_decay = 5000 }",
        "stage.0.generator={ kind = 'resnet', channels = 4, blocks = 1, norm = 'none' }",
    )  # fmt: skip
    train(recipe, tmp_path)
    [alarm] = [line for line in lines(tmp_path, "alarm") if line["alarm"] == "collapse"]
    assert alarm["where"] == "paint/diversity"
    assert "ALARM collapse: paint/diversity" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["super-resolution", "translation"])
def test_healthy_runs_are_quiet(kind: str, targets: Path, tmp_path: Path) -> None:
    steps = ["log.every=10", "log.checkpoint=100", "log.samples=100", "health.warmup=10"]
    if kind == "translation":
        recipe = translation(targets, "phase.0.steps=60", *steps)
    else:
        recipe = super_resolution(targets, "phase.0.steps=20", "phase.1.steps=30", *steps)
    train(recipe, tmp_path)
    assert lines(tmp_path, "alarm") == []


def test_what_an_attempt_that_came_to_nothing_left_is_not_gone_back_to(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wider = super_resolution(targets, "stage.0.generator.channels=9")
    (tmp_path / "last").mkdir()
    Run(wider, launch(wider)).save(tmp_path / "last" / "healthy.safetensors")
    monkeypatch.setattr(stacks.train, "train_step", broken(1, 1))
    train(super_resolution(targets, "health.every=1"), tmp_path)
    assert [alarm["alarm"] for alarm in lines(tmp_path, "alarm")] == ["nan"]
