"""How many pictures a second are degraded by a worker, and by the device that trains.

One thread each; the processor's time is counted, or on a GPU the time until it is done. What a
worker still does for the device (crop, draw, plan) is measured apart.

    python -m benchmarks.degrade
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from PIL import Image

from pixstack.console import print_table
from translate.augment import Augment, AugmentSpec
from translate.batches import Sampler
from translate.degrade import parse_degradation
from translate.layouts import Reading, find_items
from translate.pairs import Pairs

PIPELINES = ("bicubic:4", "classical:4", "real:4")
BATCH, SIDE = 16, 128


def run(batches: Annotated[int, typer.Option(min=1, help="Of 16 pictures.")] = 8) -> None:
    """Measure all pipelines."""
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    print(f"device: {torch.cuda.get_device_name() if cuda else 'one thread of the processor'}")
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        with tempfile.TemporaryDirectory(prefix="pixstack-") as name:
            rows = [measured(text, Path(name), device, batches) for text in PIPELINES]
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])
    print_table(("pictures a second", "worker", "worker for the device", "device"), rows)


def measured(text: str, folder: Path, device: torch.device, batches: int) -> tuple[str, ...]:
    """Pictures a second of one pipeline."""
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(small).resize((512, 512), Image.Resampling.BICUBIC).save(folder / "a.png")
    pairs = Pairs(find_items(folder, "targets", Reading({"target": "rgb"})))
    degradations = [(parse_degradation(text), 1.0)]
    worker = Sampler([(pairs, 1.0)], BATCH, SIDE, degradations, Augment(AugmentSpec()), 0)
    planner = replace(worker, leaves=True)
    left = [planner(step) for step in range(batches)]
    if device.type == "cuda":
        left = [batch.pinned() for batch in left]
    rates = (
        rate(worker, batches, time.process_time),
        rate(planner, batches, time.process_time),
        rate(lambda step: left[step].on(device), batches, clock(device)),
    )
    return text, *(f"{value:.0f}" for value in rates)


def clock(device: torch.device) -> Callable[[], float]:
    """Seconds, once all is done that was asked of the device."""
    if device.type == "cpu":
        return time.process_time

    def done() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return done


def rate(work: Callable[[int], object], batches: int, seconds: Callable[[], float]) -> float:
    """Pictures a second, after one batch to warm up."""
    work(0)
    started = seconds()
    for step in range(batches):
        work(step)
    return BATCH * batches / (seconds() - started)


if __name__ == "__main__":
    typer.run(run)
