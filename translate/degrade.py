"""Degradations: a photograph -> its low-resolution or noisy partner.

A degradation is written the same way in a recipe and on the command line, as a comma-separated
list of steps applied in order. Where a number stands, a range LOW-HIGH may stand, from which one
number a picture is drawn.

- ``bicubic:4``: reduce by 4 with Pillow's antialiased bicubic kernel, rounded to 8 bits;
- ``noise:25`` or ``noise:0-55``: add Gaussian noise of that sigma on the scale 0..255, not clipped,
  not rounded; ``noise:25;gray=0.4`` moves all channels alike in 4 of 10 pictures;
- ``poisson:1``: noise that grows with the root of brightness; ``gray`` as above;
- ``camera:0.0001-0.012``: shot and read noise of a sensor, by its shot noise in linear light;
- ``jpeg:40`` or ``jpeg:30-90``: encode and decode as JPEG of that quality, 4:2:0;
- ``gaussian:1.5``: an isotropic Gaussian blur; ``blur:0.2-3`` draws the kernel's shape too, and
  ``blur:0.2-3;sinc=0.1`` takes a sinc in 1 of 10 pictures; ``sinc:0.33-1`` always;
- ``resize:0.15-1.5``: to that multiple of the target's size, ``resize:0.3-1.2;of=4`` of a fourth
  of it, by a drawn kernel; ``fit:4`` afterwards to a fourth of the target's size exactly;
- ``round``: clip and round to 8 bits.

``STEP@0.8`` happens in 8 of 10 pictures, ``(a,b|c)`` is one of its parts, ``{a,b|c}`` all of them
in a drawn order. Whole pipelines have names: ``classical:4`` is of first order, ``real:4`` of
second, as published for photographs of unknown history (Wang et al. 2021, Real-ESRGAN, arXiv
2107.10833).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from translate.degradations.blur import Blur, Gaussian, Sinc
from translate.degradations.noise import Noise
from translate.degradations.order import (
    OneOf,
    Shuffled,
    Sometimes,
    Steps,
    apply_all,
    check_sizes,
    leaves,
)
from translate.degradations.resize import Bicubic, Fit, reduce
from translate.degradations.step import DegradationError, Picture, Step
from translate.degradations.text import read_steps

__all__ = ["Degradation", "DegradationError", "Degraded", "Noise", "parse_degradation", "reduce"]


@dataclass(frozen=True)
class Degraded:
    """What a degradation made: the picture ``(H, W, C)`` in [0, 1] and the noise it was given."""

    source: Picture
    sigma: float
    """Standard deviation of the noise that was added, on 0..255; 0 where none was."""


@dataclass(frozen=True)
class Degradation:
    """Steps applied one after the other."""

    text: str
    steps: Steps

    @property
    def plain_steps(self) -> list[Step]:
        """All that may happen, groups taken apart."""
        return list(leaves(self.steps))

    @property
    def scale(self) -> int:
        """How many target pixels one source pixel stands for, along one side."""
        return scale_of(self.steps)

    @property
    def margin(self) -> int:
        """Target pixels around a crop that the crop's own degradation would get wrong.

        The antialiased bicubic kernel reaches 2 source pixels; one more makes the crop of a reduced
        picture equal to the reduction of the whole picture. Blurs add their radius, in the pixels
        that there are when they happen; where sizes are drawn no crop can equal the whole, and the
        margin keeps mirrored edges out of sight.
        """
        reach = reach_of(self.steps)
        if self.scale == 1:
            return reach
        return self.scale * (3 + math.ceil(reach / self.scale))

    def apply(self, target: Picture, random: np.random.Generator) -> Degraded:
        """Degrade ``target (H, W, C)`` in [0, 1]; both sides must be multiples of `scale`."""
        height, width = target.shape[:2]
        return Degraded(*apply_all(self.steps, target, random, (height, width)))


def scale_of(steps: Steps) -> int:
    """Pixels before the steps that stand for one after them, along one side."""
    return math.prod(step.scale for step in leaves(steps) if isinstance(step, (Bicubic, Fit)))


def reach_of(steps: Steps, scale: int = 1) -> int:
    """Target pixels that blurs look to each side, in whichever way it is drawn.

    Args:
        steps: blurs among them.
        scale: how many target pixels one pixel stands for when the first step happens.
    """
    reach = 0
    for step in steps:
        if isinstance(step, Shuffled):
            # Each of the groups may be the last one.
            last = scale * scale_of((step,))
            reach += sum(reach_of(group, last // scale_of(group)) for group in step.groups)
        elif isinstance(step, OneOf):
            reach += max(reach_of(option, scale) for option in step.options)
        elif isinstance(step, Sometimes):
            reach += reach_of(step.steps, scale)
        elif isinstance(step, (Blur, Gaussian, Sinc)):
            reach += scale * step.reach
        scale *= scale_of((step,))
    return reach


def divisors(scale: int) -> list[int]:
    """The reductions from a target down to the size of its source, which is not its truth.

    A stage at the source's size is held against the target reduced alone, without the noise or the
    compression that the source went through.
    """
    return [step for step in range(2, scale + 1) if scale % step == 0]


def parse_degradation(text: str) -> Degradation:
    """Read ``bicubic:4,noise:0-55``.

    Raises:
        DegradationError: an unknown step, a number out of range, or a size that nothing settles.
    """
    steps = read_steps(text)
    if not steps:
        raise DegradationError(f"degradation {text!r} is empty; for example: bicubic:4 or noise:25")
    check_sizes(steps, text)
    return Degradation(text, steps)
