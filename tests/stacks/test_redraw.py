"""Stages that are run once more with other noise (`objective.generator.mode_seeking`)."""

from pathlib import Path

import pytest
import torch

from stacks.checkpoint import load_stack
from stacks.redraw import redrawing
from stacks.run import Run, launch
from stacks.spec import Recipe
from stacks.train import train
from tests.stacks import kinds
from tests.stacks.test_resume import different, run_until, state
from translate.tables import TableError

# As PAINT, with noise beside the layout, and without a class.
NOISY = kinds.PAINT.replace('mood = "class:3", target', 'noise = "noise:4", target').replace(
    'reads = ["layout", "mood"]', 'reads = ["layout", "noise"]'
)
NOISY = NOISY.replace(', mood = ["calm", "dim", "loud"]', "")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kinds.write_data(tmp_path_factory.mktemp("data"))


def recipe(root: Path, *overrides: str) -> Recipe:
    return kinds.recipe(NOISY, f"data.root={str(root)!r}", *overrides)


def spread(path: Path) -> float:
    """Mean absolute difference of what two draws make of one layout."""
    stack = load_stack(path)
    layout = torch.arange(4).repeat_interleave(4).repeat(16, 1)[None, None]
    torch.manual_seed(0)
    noise = torch.randn(8, 4)
    with torch.no_grad():
        [drawn] = stack({"layout": layout.expand(8, -1, -1, -1), "noise": noise}).values()
    return float((drawn[:4] - drawn[4:]).abs().mean())


def test_draws_are_driven_apart(root: Path, tmp_path: Path) -> None:
    steps = ["phase.0.steps=40", "phase.0.adversarial=false"]
    plain = train(recipe(root, *steps), tmp_path / "plain")
    seeking = "stage.0.objective.generator={l1 = 1.0, mode_seeking = {weight = 10, bound = 0.2}}"
    apart = train(recipe(root, *steps, seeking), tmp_path / "apart")
    assert spread(apart) > 3 * spread(plain)


def test_it_resumes_bit_by_bit(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = recipe(
        root,
        "phase.0.steps=4",
        "log.checkpoint=1",
        "stage.0.objective.generator={l1 = 1.0, mode_seeking = {form = 'inverse', every = 2}}",
    )
    train(spec, tmp_path / "whole")
    run_until(spec, tmp_path / "resumed", 3, monkeypatch)
    train(spec, tmp_path / "resumed", resume=True)
    assert different(state(tmp_path / "whole"), state(tmp_path / "resumed")) == []


def test_the_other_draw_is_of_the_same_views(root: Path) -> None:
    spec = recipe(root, "stage.0.objective.generator.mode_seeking=1")
    run = Run(spec, launch(spec))
    views = {"layout": torch.zeros(2, 1, 16, 16, dtype=torch.long), "noise": torch.zeros(2, 4)}
    again = redrawing(run, "paint", views)
    assert again is not None
    torch.manual_seed(5)
    other = again()
    torch.manual_seed(5)
    noise = torch.randn(2, 4)
    expected = run.stack({**views, "noise": noise})["target"]
    assert torch.equal(other.fake, expected)
    assert torch.allclose(other.distances, noise.abs().mean(dim=1))
    assert other.fake.requires_grad


def test_who_does_not_ask_is_spared_the_pass(root: Path) -> None:
    spec = recipe(root)
    assert redrawing(Run(spec, launch(spec)), "paint", {}) is None


def test_a_stage_without_noise_is_refused(root: Path) -> None:
    with pytest.raises(
        TableError,
        match=r"^stage\[0\].objective.generator.mode_seeking: holds draws of noise apart, and the "
        r"stage reads none; .*stage\[0\].reads",
    ):
        kinds.recipe(
            kinds.PAINT,
            f"data.root={str(root)!r}",
            "stage.0.objective.generator.mode_seeking=1",
        )
