"""Every preset on a CUDA GPU: twenty steps in bf16, export, and ONNX Runtime against PyTorch.

Needs nothing downloaded: pictures, labels and tables are made up. A preset trains on its last
phase, at full size, with its own loader; the weights are exported, the file runs by ONNX Runtime's
CUDA provider in fp32 and is held against the same stack in PyTorch on the GPU. Without a GPU it
says so and exits with 2.

    python -m benchmarks.gpu
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from export.convert import export_stack
from export.graph import ShippedStack
from export.manifest import Manifest
from export.runtime.probe import cuda_problem
from export.runtime.session import open_session
from export.verify import draw, largest_difference
from pixstack.console import print_table
from stacks.checkpoint import load_stack
from stacks.data import phase_sampler, training_groups
from stacks.growth import grow
from stacks.presets import preset_names
from stacks.recipe import load_recipe
from stacks.reference import reference_batch, settle
from stacks.run import Run, launch
from stacks.spec import FolderSpec, Recipe
from stacks.train import batch_numbers, groups_of, set_rates, train_step
from stacks.validation import save_best
from tests.stacks.synthetic import write_data
from translate.batches import Prefetch, workers_for

STEPS = 20
WARMING = 5
"""Steps before the clock starts: the first ones choose kernels and fill the loader's queue."""
CLOSE = 1e-3
"""Largest difference between ONNX Runtime and PyTorch on the GPU, both in fp32."""
HEADER = (
    "preset",
    "trains images/s",
    "waiting",
    "peak GB",
    "exports s",
    "differs",
    "runs images/s",
)


@dataclass(frozen=True)
class Measured:
    """What a preset did."""

    training: float
    """Pictures a second."""
    waiting: float
    """Share of the time that the trainer waited for data."""
    memory: float
    """Gigabytes on the device at most; 0 where it is not a GPU."""
    exporting: float
    """Seconds."""
    difference: float
    """Between ONNX Runtime and PyTorch, the largest of all outputs that are pictures."""
    running: float
    """Pictures a second through ONNX Runtime, copies included."""

    def row(self, name: str) -> tuple[str, ...]:
        return (
            name, f"{self.training:.1f}", f"{self.waiting:.1%}", f"{self.memory:.2f}",
            f"{self.exporting:.1f}", f"{self.difference:.1e}", f"{self.running:.1f}",
        )  # fmt: skip


def run(
    presets: Annotated[str, typer.Option(help="Names between commas; all where empty.")] = "",
    minutes: Annotated[float, typer.Option(help="No preset begins after these.")] = 8.5,
    side: Annotated[int, typer.Option(help="Of the pictures that are run, in pixels.")] = 256,
) -> None:
    """Train, export and run the presets; print a table and JSON."""
    if not torch.cuda.is_available():
        print("benchmarks.gpu: PyTorch finds no CUDA GPU here; nothing to measure", file=sys.stderr)
        raise typer.Exit(2)
    problem = cuda_problem()
    if problem is not None:
        print(f"benchmarks.gpu: ONNX Runtime cannot use CUDA: {problem}", file=sys.stderr)
        raise typer.Exit(2)
    started = time.perf_counter()
    names = chosen(presets)
    found: dict[str, Measured] = {}
    late: list[str] = []
    for name in names:
        if time.perf_counter() - started > 60 * minutes:
            late.append(name)
            continue
        with tempfile.TemporaryDirectory() as folder:
            found[name] = measure(
                made_up(name, Path(folder), "precision=bf16"), Path(folder), "cuda", side
            )
        print(f"{name}: {found[name]}", file=sys.stderr)
    print_table(HEADER, [measured.row(name) for name, measured in found.items()])
    apart = [name for name, measured in found.items() if not measured.difference <= CLOSE]
    print(
        json.dumps(
            {
                "device": torch.cuda.get_device_name(),
                "minutes": round((time.perf_counter() - started) / 60, 2),
                "presets": {name: vars(measured) for name, measured in found.items()},
                "differ": apart,
                "not_reached": late,
            },
            indent=2,
        )
    )
    if apart or late:
        raise typer.Exit(1)


def chosen(presets: str) -> list[str]:
    """Names with commas between them; of all presets if there are none."""
    return [name.strip() for name in presets.split(",") if name.strip()] or preset_names()


def made_up(name: str, folder: Path, *changes: str) -> Recipe:
    """A preset, changed so, on pictures made for it beneath ``folder``, nothing held out."""
    recipe = load_recipe(name, changes)
    data = recipe.data
    largest = max([data.size, *(phase.size for phase in recipe.phase)])
    where = "items.csv" if data.layout == "table" else "items"
    write_data(data, folder / "data", where, largest + 32)
    return replace(
        recipe,
        data=replace(data, root=str(folder / "data"), folder=(FolderSpec(where),)),
        validation=replace(recipe.validation, folder=()),
    )


def measure(recipe: Recipe, folder: Path, provider: str, side: int) -> Measured:
    """Train, export and run one recipe, by the device that there is."""
    run = Run(recipe, launch(recipe))
    training, waiting, memory = trained(run, STEPS, WARMING)
    settle(run)
    save_best(run, folder, {})
    started = time.perf_counter()
    exported = export_stack(folder / "best.safetensors", folder / "exported.onnx")
    exporting = time.perf_counter() - started
    difference, running = compared(
        folder / "best.safetensors", exported.path, exported.manifest, provider, side
    )
    return Measured(training, waiting, memory, exporting, difference, running)


def trained(run: Run, steps: int, warming: int) -> tuple[float, float, float]:
    """Pictures a second, share of waiting, and peak memory on the GPU.

    Args:
        run: begins its last phase.
        steps: to take.
        warming: of these, before the clock starts.
    """
    recipe = run.recipe
    index = max((index for index, phase in enumerate(recipe.phase) if phase.steps), default=0)
    sampler = phase_sampler(recipe, training_groups(recipe), recipe.phase[index])
    run.reference = reference_batch(run, sampler)
    run.begin_phase(index)
    run.step = run.phase_start(index)
    cuda = run.fabric.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    first = run.step
    numbers = batch_numbers(run, first)[: steps * run.draws]
    batches = Prefetch(sampler, numbers, workers=workers_for(run.fabric.device), pin=cuda)
    started, waited = 0.0, 0.0
    for drawn in groups_of(run.draws, batches):
        set_rates(run, run.step - first)
        grow(run, run.step - first)
        train_step(run, drawn)
        run.step += 1
        if run.step - first == warming:
            if cuda:
                torch.cuda.synchronize()
            started, waited = time.perf_counter(), batches.waited
    if cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    pictures = (steps - warming) * sampler.batch * run.draws
    memory = torch.cuda.max_memory_allocated() / 2**30 if cuda else 0.0
    return pictures / seconds, (batches.waited - waited) / seconds, memory


def compared(
    weights: Path, path: Path, manifest: Manifest, provider: str, side: int
) -> tuple[float, float]:
    """Largest difference from PyTorch on the same device in fp32, and pictures a second."""
    session = open_session(path.read_bytes(), provider, "exact").session
    shapes = {port.name: list(port.shape) for port in session.get_inputs()}
    multiple = manifest.size_multiple
    side = max(manifest.min_size, side // multiple * multiple)
    height = 1 if manifest.picture is None else side
    feeds = draw(manifest, shapes, 1, height, height, np.random.default_rng(0))
    names = [output.name for output in manifest.outputs]
    found = session.run(names, feeds)
    module = ShippedStack(load_stack(weights)).to(provider)
    # PyTorch's convolutions round to TF32 where nobody says otherwise.
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        wanted = module(*(torch.from_numpy(feed).to(provider) for feed in feeds.values()))
    differences = [
        largest_difference(ours.cpu().numpy(), np.asarray(theirs), output.area)
        for output, ours, theirs in zip(module.outputs, wanted, found, strict=True)
        if output.kind.family != "labels"
    ]
    return max(differences, default=0.0), 1 / seconds_of(lambda: session.run(names, feeds))


def seconds_of(work: Callable[[], object], rounds: int = 7) -> float:
    """The median of some rounds after one to warm up."""
    times = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


if __name__ == "__main__":
    typer.run(run)
