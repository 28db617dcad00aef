"""A training step against a plain PyTorch loop of the same networks, in turn in one run.

The step is that of pix2pix at 256x256: a U-Net of 54 million parameters, a patch discriminator that
sees 70x70 pixels, instance normalization, L1 and the non-saturating loss. The plain loop is what a
tutorial writes: fp32, default memory layout, default Adam, real and fake judged apart. Ours is the
step of `pixstack train` as it comes, with its precision "auto" and its moving average of weights.
Each has a process of its own, as it would in use: what one asks of the memory allocator, or leaves
in the caches of kernels, does nothing to the other.

Also told: peak memory, how many pictures a second the loader makes on one core, and on a GPU how
much of its measured matrix rate the step reaches.

    python -m benchmarks.train_step [--precision fp32]
"""

from __future__ import annotations

import copy
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
import typer
from lightning_fabric import Fabric
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.resident import peak_gigabytes
from export.runtime.session import cores
from pixstack.console import print_table
from stacks.cost import parameters
from stacks.data import phase_sampler, training_groups
from stacks.recipe import parse_recipe
from stacks.run import Run, launch
from stacks.train import train_step
from translate.batches import Batch
from translate.pixels import to_network

RECIPE = """
name = "pix2pix"
batch = 4
[data]
size = 256
[augment]
flip = true
[[stage]]
name = "paint"
generator = { kind = "pix2pix", channels = 64, depth = 8, most = 8, norm = "instance" }
discriminator = { kind = "patch", channels = 64, layers = 3, norm = "instance" }
sees = "pair"
objective = { adversarial = "non-saturating", generator = { l1 = 100 } }
[optimizer]
generator = { kind = "adam", rate = 2e-4, betas = [0.5, 0.999] }
discriminator = { kind = "adam", rate = 2e-4, betas = [0.5, 0.999] }
[[phase]]
train = ["paint"]
steps = 1000
"""
SIDE = 256
Step = Callable[[], object]
Precision = Literal["auto", "fp32", "bf16"]
CONTENDERS = ("Pixstack", "plain PyTorch")


def run(
    batches: Annotated[str, typer.Option(help="Batch sizes.")] = "1,4,16",
    rounds: Annotated[int, typer.Option(min=1, help="Timed rounds after one to warm up.")] = 5,
    threads: Annotated[int, typer.Option(help="0 for all cores.")] = 0,
    precision: Annotated[
        Precision, typer.Option(help="Of Pixstack's step; fp32 where there are no bf16 units.")
    ] = "auto",
) -> None:
    """Time steps and the loader; print a table and the ratios of medians."""
    threads = threads or cores()
    rate = matrix_rate() if torch.cuda.is_available() else 0.0
    rows, verdict = [], {"threads": threads, "loader_images_per_second_per_core": loader_speed()}
    for batch in [int(text) for text in batches.split(",")]:
        with ExitStack() as stack:
            change = (f"precision={json.dumps(precision)}",)
            loops = {
                name: stack.enter_context(Loop(name, batch, threads, change)) for name in CONTENDERS
            }
            seconds = medians({name: loop.step for name, loop in loops.items()}, rounds)
            for name, loop in loops.items():
                share = loop.flops() / seconds[name] / rate if rate else 0.0
                rows.append(
                    (
                        batch,
                        name,
                        f"{batch / seconds[name]:.2f}",
                        f"{seconds['plain PyTorch'] / seconds[name]:.2f}",
                        f"{loop.peak():.2f}",
                        f"{share:.0%}" if rate else "",
                    )
                )
        verdict[f"batch_{batch}_ratio"] = seconds["plain PyTorch"] / seconds["Pixstack"]
    print_table(
        ("batch", "loop", "images/s", "times plain", "peak GB", "share of matrix rate"), rows
    )
    print(json.dumps({key: round(value, 3) for key, value in verdict.items()}, indent=2))


class Loop:
    """A contender in a process of its own, which does what it is asked and waits."""

    def __init__(self, name: str, batch: int, threads: int, change: tuple[str, ...] = ()) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, other = context.Pipe()
        self.process = context.Process(
            target=serve, args=(other, name, batch, threads, change), daemon=True
        )
        self.process.start()
        other.close()

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, *error: object) -> None:
        self.line.close()
        self.process.join()

    def ask(self, what: str) -> float:
        """The answer to one of `ANSWERS`."""
        self.line.send(what)
        return self.line.recv()

    def step(self) -> float:
        """Take a step; seconds of it."""
        return self.ask("step")

    def peak(self) -> float:
        """Gigabytes that the process has held at most: on a GPU there, else in all."""
        return self.ask("peak")

    def flops(self) -> float:
        """Floating-point operations of a step."""
        return self.ask("flops")


def serve(line: Connection, name: str, batch: int, threads: int, change: tuple[str, ...]) -> None:
    """The process of a contender."""
    torch.set_num_threads(threads)
    step = build(batch, name, change)
    answers: dict[str, Callable[[Step], float]] = {"step": timed, "peak": peak, "flops": flops}
    while True:
        try:
            line.send(answers[line.recv()](step))
        except EOFError:
            return


def medians(steps: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Seconds a step, the contenders in turn, so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            taken = step()
            if turn:
                times[name].append(taken)
    return {name: statistics.median(values) for name, values in times.items()}


def timed(step: Step) -> float:
    """Seconds of one step, the device's work included."""
    started = time.perf_counter()
    step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def build(batch: int, name: str, change: tuple[str, ...] = ()) -> Step:
    """The step of a contender; both begin with the same weights."""
    recipe = parse_recipe(RECIPE, [f"batch={batch}", *change])
    side = recipe.data.size
    random = torch.Generator().manual_seed(0)
    # As `to_batch` hands pictures over: channels last.
    source, target = (
        torch.rand(batch, side, side, 3, generator=random).permute(0, 3, 1, 2) for _ in range(2)
    )
    if name == "plain PyTorch":
        # Its networks alone; what `launch` asks of the process is no part of a plain loop.
        run = Run(recipe, Fabric(accelerator="auto", devices=1))
        return plain_step(run, source.contiguous(), target.contiguous())
    run = Run(recipe, launch(recipe))
    given = Batch({"source": source, "target": target}, 1)

    def ours() -> None:
        train_step(run, [given])
        run.step += 1

    return ours


def plain_step(run: Run, source: Tensor, target: Tensor) -> Step:
    """The loop that tutorials write."""
    device = run.fabric.device
    # Contiguous again, as modules come.
    generator, discriminator = (
        plain_layout(copy.deepcopy(module))
        for module in (run.stack.generator("paint"), run.discriminators["paint"])
    )
    sides = [
        torch.optim.Adam(module.parameters(), lr=2e-4, betas=(0.5, 0.999))
        for module in (generator, discriminator)
    ]
    learner, judge = sides

    def says(picture: Tensor, condition: Tensor) -> Tensor:
        return discriminator(torch.cat([picture, condition], dim=1)).logits[0]

    def against(logits: Tensor, real: bool) -> Tensor:
        wanted = torch.ones_like(logits) if real else torch.zeros_like(logits)
        return functional.binary_cross_entropy_with_logits(logits, wanted)

    def step() -> None:
        condition, truth = (to_network(view.to(device)) for view in (source, target))
        fake = generator(condition)
        discriminator.requires_grad_(True)
        judge.zero_grad()
        loss = against(says(fake.detach(), condition), False) + against(
            says(truth, condition), True
        )
        (loss / 2).backward()
        judge.step()
        discriminator.requires_grad_(False)
        learner.zero_grad()
        loss = against(says(fake, condition), True) + 100 * functional.l1_loss(fake, truth)
        loss.backward()
        learner.step()

    return step


def plain_layout(module: nn.Module) -> nn.Module:
    """Kernels as torch lays them out by itself."""
    # The stubs of `to` know this form for tensors alone.
    return module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def peak(step: Step) -> float:
    """Gigabytes that this process has held at most, on the GPU where there is one."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    return peak_gigabytes(resource.getrusage(resource.RUSAGE_SELF))


def flops(step: Step) -> int:
    """Floating-point operations of a step's matrix products and convolutions."""
    counter = FlopCounterMode(display=False)
    with counter:
        step()
    return counter.get_total_flops()


def matrix_rate(side: int = 8192, rounds: int = 10) -> float:
    """Operations a second of bf16 matrix products on the GPU, as measured."""
    left, right = (torch.randn(side, side, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    taken = [timed(lambda: left @ right) for _ in range(rounds + 2)][2:]
    return 2 * side**3 / statistics.median(taken)


def loader_speed(pairs: int = 8, batches: int = 6) -> float:
    """Pictures a second that one core decodes, crops and flips: pairs of 286x286 from JPEG files.

    Nothing is kept between epochs, and the processor's time is counted, so that neither memory nor
    other programs decide.
    """
    with tempfile.TemporaryDirectory() as root:
        random = np.random.default_rng(0)
        for view in ("source", "target"):
            (Path(root) / view).mkdir()
            for index in range(pairs):
                small = random.integers(0, 256, (36, 36, 3), dtype=np.uint8)
                picture = Image.fromarray(small).resize((286, 286), Image.Resampling.BICUBIC)
                picture.save(Path(root) / view / f"{index}.jpg", quality=90)
        recipe = parse_recipe(RECIPE, [f"data.root={json.dumps(root)}", "data.cache=0"])
        sampler = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])
        sampler(0)
        started = time.process_time()
        for step in range(1, batches + 1):
            sampler(step)
        return batches * recipe.batch / (time.process_time() - started)


def generator_parameters() -> int:
    """Of the U-Net, for the record."""
    recipe = parse_recipe(RECIPE)
    [stage] = recipe.stage
    assert stage.generator is not None
    return parameters(Run(recipe, launch(recipe)).stack)


if __name__ == "__main__":
    typer.run(run)
