"""Degradation of a batch on the device: drawn item by item on the host, done together there.

Every number comes from the generator of the item, as in the workers, and of noise the seed. So the
host knows all sizes ahead, sorts out which items can be done together, and never has to ask the
device for anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from itertools import zip_longest

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from translate.degradations.blur import Blur, Gaussian, Sinc
from translate.degradations.device.blur import Convolve
from translate.degradations.device.files import Compress, Round
from translate.degradations.device.noise import AddNoise, CountPhotons, Expose
from translate.degradations.device.resize import Reduce, Resample
from translate.degradations.device.work import Fields, Work
from translate.degradations.files import Jpeg, Rounding
from translate.degradations.noise import Camera, Noise, Poisson
from translate.degradations.order import Steps, leaves, taken
from translate.degradations.resize import Bicubic, Fit, Resize, draw_kernel, reduced_size
from translate.degradations.step import DegradationError, Size, Step

NOTHING = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Drawn:
    """What will happen to one picture, with all that was drawn for it."""

    work: Work
    numbers: NDArray[np.float32] = field(default_factory=lambda: NOTHING)
    seed: int = 0
    """Of random values for every pixel."""


@singledispatch
def drawn(step: Step, random: np.random.Generator, full: Size) -> Drawn:
    """A step of a degradation, drawn for one picture; ``full`` as in `Step.apply`."""
    raise DegradationError(not_on_device((step,)))


@drawn.register
def _(step: Blur | Gaussian | Sinc, random: np.random.Generator, full: Size) -> Drawn:
    work = Convolve(step.reach)
    return Drawn(work, work.numbers(step.kernel(random)))


@drawn.register
def _(step: Noise, random: np.random.Generator, full: Size) -> Drawn:
    return noisy(AddNoise(), step.strength(random), random)


@drawn.register
def _(step: Poisson, random: np.random.Generator, full: Size) -> Drawn:
    return noisy(CountPhotons(), step.counting(random), random)


@drawn.register
def _(step: Camera, random: np.random.Generator, full: Size) -> Drawn:
    return noisy(Expose(), step.sensor(random), random)


@drawn.register
def _(step: Bicubic, random: np.random.Generator, full: Size) -> Drawn:
    return Drawn(Reduce(step.scale))


@drawn.register
def _(step: Resize, random: np.random.Generator, full: Size) -> Drawn:
    size = step.size(random, full)
    return Drawn(Resample(size, draw_kernel(random)))


@drawn.register
def _(step: Fit, random: np.random.Generator, full: Size) -> Drawn:
    return Drawn(Resample(reduced_size(full, step.scale), draw_kernel(random)))


@drawn.register
def _(step: Jpeg, random: np.random.Generator, full: Size) -> Drawn:
    work = Compress()
    return Drawn(work, work.numbers(step.level(random)))


@drawn.register
def _(step: Rounding, random: np.random.Generator, full: Size) -> Drawn:
    return Drawn(Round())


def noisy(work: Work, numbers: tuple[float, float], random: np.random.Generator) -> Drawn:
    """Numbers first, then the seed of the values."""
    return Drawn(work, np.array(numbers, np.float32), int(random.integers(2**63)))


def not_on_device(steps: Steps) -> str:
    """Which step is not done on the device; empty where all are."""
    for step in leaves(steps):
        if drawn.dispatch(type(step)) is drawn.dispatch(object):
            return f"{type(step).__name__.lower()} is not done on the device"
    return ""


def draw(steps: Steps, random: np.random.Generator, full: Size) -> list[Drawn]:
    """All that happens to one picture, in its order."""
    return [drawn(step, random, full) for step in taken(steps, random)]


@dataclass(frozen=True)
class Job:
    """Work on some items of a batch.

    Args:
        work: to be done.
        items: by their place in the batch; they agree in size.
        width: how many numbers there are of each.
        seeds: of each.
    """

    work: Work
    items: tuple[int, ...]
    width: int
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """All that happens to the pictures of a batch.

    Args:
        jobs: in an order that can be done.
        numbers: of all jobs, one after the other, so that they travel as one.
    """

    jobs: tuple[Job, ...]
    numbers: Tensor

    def pinned(self) -> Plan:
        """The same in pinned memory."""
        return Plan(self.jobs, self.numbers.pin_memory())

    def carry_out(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures ``(N, C, H, W)`` in [0, 1] degraded, and the sigma of their noise ``(N,)``.

        Independent noises add in variance. All are done on the device of the pictures, which are
        equal in size before and after.
        """
        numbers = self.numbers.to(pictures.device, non_blocking=self.numbers.is_pinned())
        own = numbers.split([job.width * len(job.items) for job in self.jobs])
        present = list(pictures.split(1))
        variances = list(pictures.new_zeros(len(present)).split(1))
        random = torch.Generator(pictures.device)
        for job, drawn_numbers in zip(self.jobs, own, strict=True):
            before = torch.cat([present[item] for item in job.items])
            rows = drawn_numbers.view(len(job.items), job.width)
            after, sigma = job.work(before, rows, Fields(random, job.seeds))
            for row, item in enumerate(job.items):
                present[item] = after[row : row + 1]
                if sigma is not None:
                    variances[item] = variances[item] + sigma[row : row + 1].square()
        return torch.cat(present), torch.cat(variances).sqrt()


def arrange(drawn_items: Sequence[Sequence[Drawn]], full: Size) -> Plan:
    """The plan of a batch, by what was drawn for each of its pictures of the size ``full``.

    Items that come to the same work in the same size at the same time do it together.
    """
    jobs: list[Job] = []
    numbers = [NOTHING]
    sizes = [full] * len(drawn_items)
    for turn in zip_longest(*drawn_items):
        together: dict[tuple[Work, Size], list[int]] = {}
        for item, one in enumerate(turn):
            if one is not None:
                together.setdefault((one.work, sizes[item]), []).append(item)
        for (work, size), items in together.items():
            numbers += [turn[item].numbers for item in items]
            seeds = tuple(turn[item].seed for item in items)
            jobs.append(Job(work, tuple(items), len(turn[items[0]].numbers), seeds))
            for item in items:
                sizes[item] = work.after(size)
    return Plan(tuple(jobs), torch.from_numpy(np.concatenate(numbers)))
