"""Targets that travel to the training device as they are, to be degraded there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from translate.degradations.device.plan import Plan, arrange, draw
from translate.degradations.device.resize import reduce
from translate.degrade import Degradation, divisors
from translate.pixels import SIGMA_UNIT


@dataclass(frozen=True)
class Undegraded:
    """The targets of a batch, and what is to become of them.

    Args:
        targets: ``(N, C, H, W)`` of 8 bits, with the margin of the degradation around them.
        plan: how the sources are made of them.
        told: ``(N,)``, whether the networks are told the noise strength of an item.
        scale, margin: of the degradation.
    """

    targets: Tensor
    plan: Plan
    told: Tensor
    scale: int
    margin: int

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return self.targets.nbytes + self.plan.numbers.nbytes + self.told.nbytes

    def pinned(self) -> Undegraded:
        """The same in pinned memory."""
        return replace(
            self,
            targets=self.targets.pin_memory(),
            plan=self.plan.pinned(),
            told=self.told.pin_memory(),
        )

    @torch.no_grad()
    def views(self, device: torch.device) -> dict[str, Tensor]:
        """The views of the batch, made on a device, as `Sampler` makes them in the workers."""
        pinned = self.targets.is_pinned()
        targets = self.targets.to(device, non_blocking=pinned).float() / 255
        told = self.told.to(device, non_blocking=pinned)
        sources, sigma = self.plan.carry_out(targets)
        source = inner(sources, self.margin // self.scale)
        views = {"target": inner(targets, self.margin), "source": source}
        for step in divisors(self.scale):
            views[f"down{step}:target"] = inner(reduce(targets, step), self.margin // step)
        views["strength"] = torch.where(told, sigma, -1.0)
        views["noise_map"] = (sigma / SIGMA_UNIT).view(-1, 1, 1, 1) * torch.ones_like(source[:, :1])
        return views


def undegraded(
    degradation: Degradation,
    targets: Sequence[NDArray[np.uint8]],
    randoms: Sequence[np.random.Generator],
    told: float,
) -> Undegraded:
    """What is left of a batch for the device.

    Args:
        degradation: of its items.
        targets: ``(H, W, C)`` each, with their margin.
        randoms: of each item, from which all that happens to it is drawn.
        told: share of the items whose noise strength is told.
    """
    height, width = targets[0].shape[:2]
    drawn = [draw(degradation.steps, random, (height, width)) for random in randoms]
    return Undegraded(
        torch.from_numpy(np.stack(targets)).permute(0, 3, 1, 2),
        arrange(drawn, (height, width)),
        torch.tensor([random.random() < told for random in randoms]),
        degradation.scale,
        degradation.margin,
    )


def inner(pictures: Tensor, border: int) -> Tensor:
    """Without ``border`` pixels at every side, channels last in memory."""
    if border:
        pictures = pictures[..., border:-border, border:-border]
    return pictures.contiguous(memory_format=torch.channels_last)
