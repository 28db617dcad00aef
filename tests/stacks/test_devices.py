"""Several devices: a batch is shared among them, and one process writes the files."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import torch

import stacks.train
from stacks.checkpoint import STATE, WEIGHTS, read
from stacks.collectives import BUCKET, buckets, share_batches
from stacks.data import phase_sampler, training_groups
from stacks.recipe import load_recipe, parse_recipe, recipe_text
from stacks.run import launch
from stacks.train import train
from tests.stacks.processes import start_trainings
from tests.stacks.tiny import super_resolution
from translate.pairs import DataError

# Dropout and label noise, so that what is drawn counts as well.
SHARED = """
name = "shared"
batch = 4
precision = "fp32"
[data]
layout = "targets"
views = { target = "rgb" }
size = 32
[degrade]
choices = ["noise:25"]
[[stage]]
name = "paint"
generator = { kind = "pix2pix", channels = 8, depth = 3, dropout = 0.5 }
discriminator = { kind = "patch", channels = 8, layers = 2 }
objective = { adversarial = "lsgan" }
[optimizer]
generator = { rate = 1e-4 }
discriminator = { rate = 1e-4 }
[log]
every = 1
checkpoint = 10
[[phase]]
train = ["paint"]
steps = 10
"""

OF_GENERATOR, OF_DISCRIMINATOR = "stage.0.generator.norm=", "stage.0.discriminator.norm="
TERMS = "stage.0.objective.discriminator="
CASES = {
    "instance norm": [OF_GENERATOR + "instance", OF_DISCRIMINATOR + "instance"],
    "batch norm": [OF_GENERATOR + "batch", OF_DISCRIMINATOR + "batch"],
    "computed again": [
        OF_GENERATOR + "batch", OF_DISCRIMINATOR + "batch", "checkpointing=true",
    ],
    "relativistic average": [
        OF_GENERATOR + "instance", OF_DISCRIMINATOR + "spectral",
        "stage.0.objective.relativistic=average",
    ],
    "gradient between": [OF_DISCRIMINATOR + "layer", TERMS + "{ wgan_gp = 10 }"],
    "gradient around": [OF_DISCRIMINATOR + "layer", TERMS + "{ dragan = 10 }"],
    "gradient at the data": [
        OF_DISCRIMINATOR + "none", TERMS + "{ r1 = { weight = 10, every = 2 } }",
        "stage.0.presentation.noise=0.1",
    ],
    "augmented": [
        OF_DISCRIMINATOR + "none", "stage.0.objective.adversarial=non-saturating",
        "stage.0.presentation.augment=['color', 'translation', 'cutout']",
    ],
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_pair(runs: Sequence[tuple[Path, Path]], ends: int = 0) -> list[ForkServerProcess]:
    """Two processes that train together."""
    # What torchrun tells the processes it starts.
    told = {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "test",
    }  # fmt: skip
    ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2)]
    return [start_trainings(runs, {**told, **rank}, devices=2, ends=ends) for rank in ranks]


@pytest.fixture(scope="module")
def both(targets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every case trained by one process (``NAME.1``) and by two together (``NAME.2``)."""
    folder = tmp_path_factory.mktemp("devices")
    root = f"data.root={json.dumps(str(targets))}"
    for name, changes in CASES.items():
        recipe = parse_recipe(SHARED, [root, *changes])
        (folder / f"{name}.toml").write_text(recipe_text(recipe), "utf-8")
    processes = start_pair([(folder / f"{name}.toml", folder / f"{name}.2") for name in CASES])
    for name in CASES:
        train(load_recipe(str(folder / f"{name}.toml")), folder / f"{name}.1")
    for process in processes:
        process.join(500)
        said = "".join(path.read_text("utf-8") for path in folder.glob("*.said"))
        assert process.exitcode == 0, said
    return folder


@pytest.mark.timeout(600)
@pytest.mark.skipif(torch.cuda.is_available(), reason="two processes would ask for two GPUs")
@pytest.mark.parametrize("name", CASES)
def test_two_devices_learn_what_one_learns(both: Path, name: str) -> None:
    one, two = (
        read(both / f"{name}.{count}" / "last" / "state.safetensors", STATE).tensors
        for count in (1, 2)
    )
    assert one.keys() == two.keys()
    learned = [key for key in one if key.startswith(("stack.", "discriminators.", "average."))]
    if name == "relativistic average":
        # It compares alone: what is added to every logit has no gradient, and Adam, which divides
        # by its size, blows up the rounding that is left of it.
        learned.remove("discriminators.paint.leave.0.bias")
    for key in learned:
        torch.testing.assert_close(two[key], one[key], rtol=0, atol=1e-5, msg=key)


@pytest.mark.skipif(torch.cuda.is_available(), reason="two processes would ask for two GPUs")
def test_one_process_writes(both: Path) -> None:
    for name in CASES:
        lines = [
            [json.loads(line) for line in (both / f"{name}.{count}" / "log.jsonl").open()]
            for count in (1, 2)
        ]
        steps = [[(line["kind"], line["step"]) for line in of] for of in lines]
        assert steps[0] == steps[1], "each line stands once"
        assert not list((both / f"{name}.2").rglob(".*"))


@pytest.mark.timeout(300)
@pytest.mark.skipif(torch.cuda.is_available(), reason="two processes would ask for two GPUs")
def test_two_nodes_meet(both: Path) -> None:
    # As two machines would, each with a launcher of its own; here they meet on the loopback.
    recipe, run = both / "batch norm.toml", both / "nodes"
    nodes = [
        subprocess.Popen(
            [
                sys.executable, "-m", "torch.distributed.run", "--nnodes=2", f"--node-rank={rank}",
                "--nproc-per-node=1", "--master-addr=127.0.0.1", f"--master-port={port}",
                "-m", "pixstack", "train", str(recipe), "-o", str(run), "--nodes=2", "--devices=1",
                "--set=phase.0.steps=2",
            ],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        for port in [free_port()]
        for rank in range(2)
    ]  # fmt: skip
    for node in nodes:
        said, _ = node.communicate(timeout=280)
        assert node.returncode == 0, said
    steps = [json.loads(line)["step"] for line in (run / "log.jsonl").open()]
    assert set(steps) == {1, 2}
    assert (run / "best.safetensors").exists()


@pytest.mark.timeout(300)
@pytest.mark.skipif(torch.cuda.is_available(), reason="two processes would ask for two GPUs")
def test_the_command_starts_its_own_processes(both: Path) -> None:
    recipe, run = both / "batch norm.toml", both / "alone"
    ended = subprocess.run(
        [
            sys.executable, "-m", "pixstack", "train", str(recipe), "-o", str(run), "--devices=2",
            "--set=phase.0.steps=2",
        ],
        capture_output=True, text=True, timeout=280, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "2 devices (cpu)" in ended.stdout
    # One of them says where the weights are.
    assert ended.stdout.count("best.safetensors") == 1
    steps = [json.loads(line)["step"] for line in (run / "log.jsonl").open()]
    assert set(steps) == {1, 2}


def test_gradients_travel_in_buckets_of_one_type() -> None:
    small, large = torch.zeros(10), torch.zeros(BUCKET // 4)
    other = torch.zeros(10, dtype=torch.float64)
    assert [len(bucket) for bucket in buckets([small, small, large, other, small, small])] == [
        2, 1, 1, 2,
    ]  # fmt: skip
    assert buckets([]) == []


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
    share_batches(fabric, [sampler], ["batch"], [{}])
    assert (sampler.device, sampler.devices) == (0, 1)
    monkeypatch.setattr(type(fabric), "world_size", 2)
    with pytest.raises(DataError, match=r"^phase\[0\]\.batch: got 3; must be a multiple of the 2"):
        share_batches(fabric, [sampler], ["phase[0].batch"], [{}])


def test_packs_lie_on_one_device(targets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = super_resolution(targets, "batch=4", "stage.1.presentation.pack=2")
    packs = [recipe.packs(phase) for phase in recipe.phase]
    # The first phase has no adversary and packs nothing.
    assert packs == [{}, {"x2": 1, "x4": 2}]
    groups = training_groups(recipe)
    samplers = [phase_sampler(recipe, groups, phase) for phase in recipe.phase]
    fabric, keys = launch(recipe), ["batch", "phase[1].batch"]
    monkeypatch.setattr(type(fabric), "world_size", 2)
    share_batches(fabric, samplers, keys, packs)
    monkeypatch.setattr(type(fabric), "world_size", 4)
    share_batches(fabric, samplers[:1], keys[:1], packs[:1])
    with pytest.raises(DataError) as error:
        share_batches(fabric, samplers, keys, packs)
    assert str(error.value) == (
        "phase[1].batch: got 4, 1 on each of 4 devices; must be a multiple of 8, as stage 'x4' "
        "packs 2 pictures of one device"
    )


@pytest.mark.parametrize(
    ("change", "key"), [("batch=3", "batch"), ("phase.1.batch=3", r"phase\[1\]\.batch")]
)
def test_the_batch_that_does_not_divide_is_named_as_in_the_recipe(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, key: str
) -> None:
    recipe = super_resolution(targets, "batch=4", change)
    fabric = launch(recipe)
    monkeypatch.setattr(type(fabric), "world_size", 2)
    monkeypatch.setattr(stacks.train, "launch", lambda *_: fabric)
    with pytest.raises(DataError, match=f"^{key}: got 3; must be a multiple of the 2 devices"):
        train(recipe, tmp_path)


@pytest.mark.timeout(300)
@pytest.mark.skipif(torch.cuda.is_available(), reason="two processes would ask for two GPUs")
def test_devices_end_together_between_two_looks(targets: Path, tmp_path: Path) -> None:
    rare = [f"{key}=100" for key in ("log.every", "log.checkpoint", "health.every")]
    root = f"data.root={json.dumps(str(targets))}"
    recipe = parse_recipe(SHARED, [root, *rare, "log.samples=4"])
    (tmp_path / "rare.toml").write_text(recipe_text(recipe), "utf-8")
    watched, failing = tmp_path / "watched", tmp_path / "failing"
    # No pictures can be written into it.
    failing.mkdir()
    (failing / "samples").touch()
    runs = [(tmp_path / "rare.toml", folder) for folder in (watched, failing)]
    processes = start_pair(runs, ends=3)
    for process in processes:
        process.join(120)
        # One that waits for the other for ever would keep the tests from ending.
        process.kill()
    said = (tmp_path / "watched.said").read_text("utf-8")
    assert [process.exitcode for process in processes] == [1, 1], said
    # The first one wants to end from step 3 on, where the other does not ask it.
    assert read(watched / "best.safetensors", WEIGHTS).facts["step"] == 4
    assert "RunFailed: step 4: the first process has failed; it says why" in said
