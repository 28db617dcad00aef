"""One stack of two stages trained jointly, separately and one after the other, by phases alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from stacks.checkpoint import STATE, read
from stacks.recipe import parse_recipe
from stacks.run import Run, launch
from stacks.spec import Recipe
from stacks.train import batch_numbers, train
from tests.stacks import tiny
from tests.stacks.tiny import super_resolution

STACK = """
name = "two-stages"
batch = 2
precision = "fp32"

[data]
size = 16

[[stage]]
name = "coarse"
writes = "coarse"
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
discriminator = { kind = "patch", channels = 4, layers = 1 }
objective = { adversarial = "lsgan", generator = { l1 = 1.0 } }

[[stage]]
name = "refine"
reads = ["coarse", "source"]
join = "add"
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
discriminator = { kind = "patch", channels = 4, layers = 1 }
objective = { adversarial = "lsgan", generator = { l1 = 1.0 } }
"""
JOINT = """
[[phase]]
train = ["coarse", "refine"]
steps = 3
"""
SEPARATE = """
[[phase]]
train = ["coarse", "refine"]
feed = "truth"
steps = 3
"""
FROZEN = """
[[phase]]
train = ["coarse"]
steps = 3

[[phase]]
train = ["refine"]
steps = 2
"""
FIRST = """
[[phase]]
train = ["coarse"]
steps = 3
"""
LAST = """
[[phase]]
train = ["refine"]
steps = 3
"""
NETWORKS = {
    f"{side}.{stage}" for side in ("generator", "discriminator") for stage in ("coarse", "refine")
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pairs")
    for view in ("source", "target"):
        tiny.write_targets(root / view)
    return root


def recipe(pairs: Path, phases: str) -> Recipe:
    return parse_recipe(STACK + phases, [f"data.root={str(pairs)!r}"])


def by_network(stack: dict[str, Tensor], discriminators: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights by ``SIDE.STAGE.NAME``; what spectral normalization iterates on is no weight."""
    weights = {
        f"generator.{name.removeprefix('stages.').replace('.generator.', '.', 1)}": tensor
        for name, tensor in stack.items()
    }
    weights |= {f"discriminator.{name}": tensor for name, tensor in discriminators.items()}
    return {name: tensor for name, tensor in weights.items() if not name.endswith(("._u", "._v"))}


def start(pairs: Path) -> dict[str, Tensor]:
    """The weights that every run here begins with: the seed is the same."""
    run = Run(recipe(pairs, JOINT), launch(recipe(pairs, JOINT)))
    return by_network(run.stack.state_dict(), run.discriminators.state_dict())


def trained(pairs: Path, phases: str, folder: Path) -> dict[str, Tensor]:
    train(recipe(pairs, phases), folder)
    tensors = read(folder / "last" / "state.safetensors", STATE).tensors
    parts = [
        {
            name.removeprefix(f"{part}."): tensor
            for name, tensor in tensors.items()
            if name.startswith(f"{part}.")
        }
        for part in ("stack", "discriminators")
    ]
    return by_network(*parts)


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> dict[str, float]:
    """By network, the share of its tensors that changed."""
    assert before.keys() == after.keys()
    shares: dict[str, list[bool]] = {}
    for name, tensor in before.items():
        network = ".".join(name.split(".")[:2])
        shares.setdefault(network, []).append(not tensor.equal(after[name]))
    return {network: sum(changed) / len(changed) for network, changed in shares.items()}


def those(weights: dict[str, Tensor], network: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if name.startswith(f"{network}.")}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return bool(one) and all(one[name].equal(other[name]) for name in one)


def test_only_the_phases_differ(pairs: Path) -> None:
    joint = recipe(pairs, JOINT)
    for phases in (SEPARATE, FROZEN):
        other = recipe(pairs, phases)
        assert other != joint
        assert replace(other, phase=joint.phase) == joint


def test_together_the_second_stage_teaches_the_first(pairs: Path, tmp_path: Path) -> None:
    before = start(pairs)
    joint = trained(pairs, JOINT, tmp_path / "joint")
    assert moved(before, joint) == dict.fromkeys(NETWORKS, 1.0)
    alone = trained(pairs, FIRST, tmp_path / "alone")
    assert not same(those(joint, "generator.coarse"), those(alone, "generator.coarse"))


def test_apart_each_stage_learns_as_if_it_were_alone(pairs: Path, tmp_path: Path) -> None:
    before = start(pairs)
    separate = trained(pairs, SEPARATE, tmp_path / "separate")
    assert moved(before, separate) == dict.fromkeys(NETWORKS, 1.0)
    for stage, phases in (("coarse", FIRST), ("refine", LAST)):
        alone = trained(pairs, f'{phases}feed = "truth"\n', tmp_path / stage)
        for side in ("generator", "discriminator"):
            assert same(those(separate, f"{side}.{stage}"), those(alone, f"{side}.{stage}"))


def test_a_frozen_stage_is_read_and_stays(pairs: Path, tmp_path: Path) -> None:
    before = start(pairs)
    first = trained(pairs, FIRST, tmp_path / "first")
    assert moved(before, first) == {
        "generator.coarse": 1,
        "discriminator.coarse": 1,
        "generator.refine": 0,
        "discriminator.refine": 0,
    }
    frozen = trained(pairs, FROZEN, tmp_path / "frozen")
    assert moved(first, frozen) == {
        "generator.coarse": 0,
        "discriminator.coarse": 0,
        "generator.refine": 1,
        "discriminator.refine": 1,
    }
    # What it reads is what the frozen stage writes: trained on the untrained one it ends elsewhere.
    unread = trained(pairs, FROZEN.replace("steps = 3", "steps = 0"), tmp_path / "unread")
    assert not same(those(unread, "generator.refine"), those(frozen, "generator.refine"))


def test_the_average_of_a_frozen_stage_stays(pairs: Path, tmp_path: Path) -> None:
    averages = []
    for name, phases in (("first", FIRST), ("frozen", FROZEN)):
        trained(pairs, phases, tmp_path / name)
        tensors = read(tmp_path / name / "last" / "state.safetensors", STATE).tensors
        averages.append(those(tensors, "average.stages.coarse"))
        raw = {key.replace("average", "stack", 1): value for key, value in averages[-1].items()}
        assert not same(raw, tensors), "it is not the last of the weights"
    assert same(*averages)


def test_no_phase_sees_the_batches_of_another(targets: Path) -> None:
    recipe = super_resolution(targets, "accumulate=2", "optimizer.discriminator_steps=3")
    run = Run(recipe, launch(recipe))
    # Two steps of two batches, then four of six: three updates of the discriminators on two each.
    assert batch_numbers(run, 0) == range(4)
    run.step = 2
    run.begin_phase(1)
    assert batch_numbers(run, 2) == range(4, 28)
    run.step = 5
    assert batch_numbers(run, 2) == range(22, 28)


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_a_frozen_stage_is_read_as_it_ships(pairs: Path, tmp_path: Path, norm: str) -> None:
    painter = f"{{ kind = 'pix2pix', channels = 4, depth = 2, norm = '{norm}', dropout = 0.5 }}"
    text = STACK.replace(
        'generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }',
        f"generator = {painter}",
        1,
    ) + FROZEN.replace("steps = 3", "steps = 0")
    recipe = parse_recipe(text, [f"data.root={str(pairs)!r}"])
    run = Run(recipe, launch(recipe))
    before = {name: value.clone() for name, value in coarse(run).items()}
    train(recipe, tmp_path)
    after = read(tmp_path / "last" / "state.safetensors", STATE).tensors
    for name, value in before.items():
        assert torch.equal(value, after[f"stack.stages.coarse.{name}"]), name
    run.begin_phase(1)
    assert not run.stack.stages["coarse"].training
    assert run.stack.stages["refine"].training
    run.begin_phase(0)
    assert run.stack.stages["coarse"].training


def coarse(run: Run) -> dict[str, Tensor]:
    return run.stack.stages["coarse"].state_dict()
