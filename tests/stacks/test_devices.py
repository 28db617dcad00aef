"""Several devices: a batch is shared among them, and one process writes the files."""

import json
import socket
from pathlib import Path

import pytest
import torch

from stacks.checkpoint import STATE, read
from stacks.data import phase_sampler, training_groups
from stacks.recipe import load_recipe
from stacks.run import launch
from stacks.train import share_batches, train
from tests.stacks import tiny
from tests.stacks.processes import start_training
from tests.stacks.tiny import super_resolution
from translate.pairs import DataError


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


# Batch normalisation is over the items of a device, which is another thing than over a batch.
BATCH_NORM = 'norm = "batch"'


@pytest.mark.timeout(600)
@pytest.mark.parametrize("adversarial", [False, True], ids=["fidelity", "relativistic-average"])
@pytest.mark.skipif(torch.cuda.is_available(), reason="two processes would ask for two GPUs")
def test_two_devices_learn_what_one_learns(
    targets: Path, tmp_path: Path, adversarial: bool
) -> None:
    text = tiny.SUPER_RESOLUTION.replace("[data]", f"[data]\nroot = {json.dumps(str(targets))}")
    text = text[: text.rindex("[[phase]]")].replace("steps = 2", "steps = 3")
    if adversarial:
        assert 'relativistic = "average"' in text
        text = text.replace(BATCH_NORM, 'norm = "layer"')
        text = text.replace("adversarial = false", "adversarial = true")
    (tmp_path / "recipe.toml").write_text(text, "utf-8")
    # What torchrun tells the processes it starts.
    told = {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "test",
    }  # fmt: skip
    processes = [
        start_training(
            tmp_path / "recipe.toml",
            tmp_path / "two",
            {**told, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            devices=2,
        )
        for rank in range(2)
    ]
    for process in processes:
        process.join(500)
        assert process.exitcode == 0, (tmp_path / "two.said").read_text("utf-8")
    train(load_recipe(str(tmp_path / "recipe.toml")), tmp_path / "one")
    steps = {}
    for name in ("one", "two"):
        log = (tmp_path / name / "log.jsonl").read_text("utf-8").splitlines()
        steps[name] = [(line["kind"], line["step"]) for line in map(json.loads, log)]
    assert steps["two"] == steps["one"], "each line stands once"
    assert not list((tmp_path / "two").rglob(".*"))
    one, two = (
        read(tmp_path / name / "last" / "state.safetensors", STATE).tensors
        for name in ("one", "two")
    )
    assert one.keys() == two.keys()
    names = [name for name in one if name.startswith("stack.")]
    difference = torch.cat([(one[name] - two[name]).abs().flatten() for name in names])
    # Sums in another order; where a gradient is nearly 0, Adam's first steps follow its sign.
    assert difference.median() < 1e-6
    assert (difference > 1e-4).float().mean() < 0.01


def test_devices_share_a_batch(targets: Path) -> None:
    recipe = super_resolution(targets, "batch=4")
    whole = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])
    parts = [phase_sampler(recipe, training_groups(recipe), recipe.phase[0]) for _ in range(2)]
    for device, part in enumerate(parts):
        part.device, part.devices = device, 2
    for step in range(3):
        batch, shares = whole(step), [part(step) for part in parts]
        assert [share.scale for share in shares] == [batch.scale] * 2
        for name, view in batch.views.items():
            assert torch.equal(view[0::2], shares[0].views[name])
            assert torch.equal(view[1::2], shares[1].views[name])


def test_a_batch_must_divide_among_the_devices(
    targets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = super_resolution(targets, "batch=3")
    sampler = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])
    fabric = launch(recipe)
    share_batches(fabric, [sampler])
    assert (sampler.device, sampler.devices) == (0, 1)
    monkeypatch.setattr(type(fabric), "world_size", 2)
    with pytest.raises(DataError, match="batch: got 3; must be a multiple of the 2 devices"):
        share_batches(fabric, [sampler])
