"""Steps of several batches, some of which a discriminator has nothing to do with."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from stacks.data import phase_sampler, training_groups
from stacks.recipe import parse_recipe
from stacks.run import Run, launch
from stacks.step_values import averaged
from stacks.train import predict, train_step
from tests.stacks import tiny
from tests.stacks.tiny import super_resolution
from translate.batches import Batch

RATE = 0.5


def judged_at_the_end(targets: Path, *overrides: str) -> Run:
    """Two levels, of which only the second has a discriminator; a step is of two batches."""
    table, kept = tiny.SUPER_RESOLUTION, []
    first, second = table.split('name = "x4"')
    for line in first.splitlines():
        # The first level keeps its l1 alone; the table of the optimizer stands further down.
        if not line.startswith(("discriminator =", "sees =")):
            kept.append(line)
    given = [
        f"data.root={str(targets)!r}", "accumulate=2", "phase.0.steps=0", "schedule.warmup=0",
        "stage.1.objective={ adversarial='lsgan', generator={ l1=1.0 } }",
        "stage.1.discriminator={ kind='patch', channels=4, layers=1, norm='none' }", *overrides,
    ]  # fmt: skip
    recipe = parse_recipe("\n".join(kept) + '\nname = "x4"' + second, given)
    run = Run(recipe, launch(recipe))
    run.begin_phase(1)
    # Plain descent can be followed by hand.
    run.discriminator_optimizer = torch.optim.SGD(run.discriminators.parameters(), lr=RATE)
    return run


def batch(targets: Path, scale: int, number: int = 0) -> Batch:
    recipe = super_resolution(targets, f"degrade.choices=['bicubic:{scale}']", "degrade.shares=[]")
    return phase_sampler(recipe, training_groups(recipe), recipe.phase[0])(number)


def weights(run: Run) -> list[Tensor]:
    return [weight.detach().clone() for weight in run.discriminators.parameters()]


def slopes(run: Run, one: Batch) -> list[Tensor]:
    """Of LSGAN, ((D(real) - 1)^2 + D(fake)^2) / 2, in the discriminator's weights."""
    with torch.no_grad():
        [case] = [case for case in predict(run, one) if case.discriminator is not None]
    judge = run.discriminators["x4"]
    real, fake = judge(case.truth * 2 - 1).logits[0], judge(case.fake * 2 - 1).logits[0]
    loss = ((real - 1).square().mean() + fake.square().mean()) / 2
    return list(torch.autograd.grad(loss, list(judge.parameters())))


@pytest.mark.parametrize("scales", [(4, 2), (2, 4)], ids=["first", "last"])
def test_the_discriminator_moves_by_the_parts_that_have_its_truth(
    targets: Path, scales: tuple[int, int]
) -> None:
    run = judged_at_the_end(targets)
    seen, followed = [weights(run)], []
    for step in range(2):
        batches = [batch(targets, scale, step) for scale in scales]
        followed.append(slopes(run, batches[scales.index(4)]))
        train_step(run, batches)
        run.step += 1
        seen.append(weights(run))
    for (before, after), gradients in zip(pairwise(seen), followed, strict=True):
        for old, new, gradient in zip(before, after, gradients, strict=True):
            # The mean of two parts, one of which is 0.
            assert torch.allclose(new, old - RATE * gradient / 2, rtol=1e-4, atol=1e-6)


def test_gradients_of_an_earlier_step_are_forgotten(targets: Path) -> None:
    run = judged_at_the_end(targets)
    train_step(run, [batch(targets, 4), batch(targets, 4, 1)])
    run.step += 1
    before = weights(run)
    train_step(run, [batch(targets, 2), batch(targets, 2, 1)])
    assert all(map(torch.equal, before, weights(run)))


def test_weights_are_clipped_whichever_part_moved_them(targets: Path) -> None:
    run = judged_at_the_end(targets, "optimizer.weight_clip=0.01", "force=true")
    train_step(run, [batch(targets, 4), batch(targets, 2)])
    assert max(float(weight.abs().max()) for weight in weights(run)) <= 0.01 + 1e-9


def test_means_of_weights_count_the_steps_in_which_they_moved(targets: Path) -> None:
    run = judged_at_the_end(
        targets,
        "stage.1.objective.discriminator={ history=0.1 }",
        "stage.1.objective.generator={ l1=1.0, history=0.1 }",
    )
    counts = []
    for scales in ((4, 2), (2, 4), (2, 2), (4, 4)):
        train_step(run, [batch(targets, scale) for scale in scales])
        run.step += 1
        counts.append([run.histories[side, "x4"].count for side in ("discriminator", "generator")])
    assert counts == [[1, 1], [2, 2], [2, 2], [3, 3]]


def test_what_is_told_of_a_step_is_the_mean_over_its_parts() -> None:
    one, two = torch.tensor(1.0), torch.tensor(2.0)
    parts = [{"a": one, "b": two}, {"a": two}, {"a": torch.tensor(6.0), "gradient": one}]
    assert averaged(parts) == {"a": 3, "b": 2, "gradient": 1}
    assert averaged([]) == {}
