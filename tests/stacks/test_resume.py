"""A run that was interrupted and resumed ends as one that was not, bit by bit."""

from pathlib import Path

import pytest
from torch import Tensor

import stacks.train
from stacks.checkpoint import STATE, read
from stacks.spec import Recipe
from stacks.train import train
from tests.stacks.tiny import super_resolution
from translate.batches import Batch


class Interrupted(Exception):
    """Stands for whatever ends a run in its middle."""


def run_until(recipe: Recipe, folder: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train, and be interrupted when ``step`` steps are done and their files written."""
    train_step = stacks.train.train_step

    def interrupted(run: stacks.train.Run, batch: Batch) -> dict[str, Tensor]:
        if run.step == step:
            raise Interrupted
        return train_step(run, batch)

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
