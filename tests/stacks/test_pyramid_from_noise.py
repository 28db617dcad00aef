"""Generative LapGAN: levels from noise that learn apart on truth and are sampled end to end."""

import pytest
import torch

from stacks.data import phase_sampler, training_groups
from stacks.feeds import random_inputs
from stacks.run import Run, launch
from stacks.train import predict, shown
from tests.stacks.test_every_preset import shrunk
from translate.batches import Batch


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = shrunk("lapgan", tmp_path_factory.mktemp("hands"))
    return Run(recipe, launch(recipe))


def test_a_band_is_judged_over_its_base_and_of_its_class(run: Run) -> None:
    small, picture = torch.full((1, 3, 8, 8), 0.5), torch.full((1, 3, 16, 16), 0.75)
    seen = shown(run, "x16", Batch({"gesture": torch.tensor([3])}, 64), {"x8": small})(picture)
    # The band of 0.25 at a gain of four, the base of 0.5, and the class in [-1, 1].
    assert seen.shape == (1, 3 + 3 + 10, 16, 16)
    wanted = torch.tensor([1.0] * 3 + [0.0] * 3 + [-1.0] * 3 + [1.0] + [-1.0] * 6)
    assert torch.equal(seen, wanted.reshape(1, 16, 1, 1).expand(-1, -1, 16, 16))
    assert torch.isfinite(run.discriminators["x16"](seen).logits[0]).all()


def test_levels_learn_apart_from_truth(run: Run) -> None:
    recipe = run.recipe
    batch = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])(0)
    cases = predict(run, batch)
    assert [(case.name, case.truth.shape[-1]) for case in cases] == [
        ("x8", 8),
        ("x16", 16),
        ("x32", 32),
        ("x64", 64),
    ]
    for case in cases:
        assert case.fake.shape == case.truth.shape
        parameters = {name: list(stage.parameters()) for name, stage in run.stack.stages.items()}
        reached = {
            name
            for name, weights in parameters.items()
            if any(
                gradient is not None
                for gradient in torch.autograd.grad(
                    case.fake.sum(), weights, retain_graph=True, allow_unused=True
                )
            )
        }
        assert reached == {case.name}


@pytest.mark.parametrize("noise", ["noise", "noise8", "noise16", "noise32"])
def test_each_level_adds_its_own_randomness(run: Run, noise: str) -> None:
    views = random_inputs(run.stack, 1, 1, 1, torch.Generator().manual_seed(0))
    order = ["noise", "noise8", "noise16", "noise32"]
    with torch.no_grad():
        one = run.stack(views)
        other = run.stack(views | {noise: -views[noise]})
    changed = [name for name in one if not torch.equal(one[name], other[name])]
    # What is drawn for a level reaches that level and all after it.
    assert changed == ["x8", "x16", "x32", "target"][order.index(noise) :]
