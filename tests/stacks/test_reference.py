"""Virtual batch normalization in a run: one reference batch, the same under every step."""

from pathlib import Path

import torch

from export.convert import export_stack
from stacks.checkpoint import STATE, load_stack, read
from stacks.data import phase_sampler, training_groups
from stacks.reference import reference_batch, settle
from stacks.run import Run, launch
from stacks.spec import Recipe
from stacks.train import predict, train
from tests.stacks import kinds
from translate.layers.virtual_batch import VirtualBatchNorm

VIRTUAL = "stage.0.generator.norm=virtual"


def drawn(folder: Path, *overrides: str) -> Recipe:
    """The stack that draws from noise, virtually normalized."""
    kinds.write_data(folder / "data")
    root = f"data.root={str(folder / 'data' / 'classes')!r}"
    return kinds.recipe(kinds.DRAW, root, "batch=4", VIRTUAL, *overrides)


def started(recipe: Recipe) -> Run:
    run = Run(recipe, launch(recipe))
    run.reference = reference_batch(
        run, phase_sampler(recipe, training_groups(recipe), recipe.phase[0])
    )
    return run


def test_a_picture_does_not_depend_on_the_others_of_its_batch(tmp_path: Path) -> None:
    recipe = drawn(tmp_path)
    run = started(recipe)
    batch = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])(7)
    [case] = predict(run, batch)
    for name in ("noise", "group"):
        batch.views[name] = torch.cat([batch.views[name][:1], batch.views[name][:1].repeat(
            3, *[1] * (batch.views[name].dim() - 1))])  # fmt: skip
    [other] = predict(run, batch)
    torch.testing.assert_close(case.fake[0], other.fake[0])
    assert (case.fake[1] - other.fake[1]).abs().max() > 1e-4


def test_statistics_are_those_of_the_reference_under_the_averaged_weights(tmp_path: Path) -> None:
    run = started(drawn(tmp_path))
    assert run.reference is not None
    for parameter in run.average.module.parameters():
        parameter.data.mul_(1.5)
    settle(run)
    generator = run.average.module.generator("draw")
    first = next(module for module in generator.modules() if isinstance(module, VirtualBatchNorm))
    features: list[torch.Tensor] = []
    first.register_forward_hook(lambda module, inputs, made: features.append(inputs[0]))
    with torch.no_grad():
        run.average.module(run.reference.views)
    mean = features[0].mean(dim=(0, 2, 3))
    torch.testing.assert_close(first.mean, mean)
    torch.testing.assert_close(first.variance, features[0].var(dim=(0, 2, 3), correction=0))
    assert first.samples == 4


def test_it_trains_resumes_and_ships(tmp_path: Path) -> None:
    straight = drawn(tmp_path, "phase.0.steps=4", "log.checkpoint=2")
    best = train(straight, tmp_path / "straight")
    train(drawn(tmp_path, "phase.0.steps=2"), tmp_path / "parts")
    again = train(straight, tmp_path / "parts", resume=True)
    one, two = load_stack(best).state_dict(), load_stack(again).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(name.endswith(".samples") and float(one[name]) == 4 for name in one)
    state = read(tmp_path / "parts" / "last" / "state.safetensors", STATE)
    assert state.facts["step"] == 4
    assert export_stack(best, tmp_path / "drawn.onnx").difference < 1e-4


def test_without_it_no_batch_is_kept(tmp_path: Path) -> None:
    recipe = drawn(tmp_path, "stage.0.generator.norm=batch")
    assert started(recipe).reference is None
