"""A judge of posed pictures: whose they are and in which pose, learned from real pictures only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.frechet import Floats
from benchmarks.judge import LIGHT, SCALE, SHIFT, SIDE, TURN, as_seen, vary
from benchmarks.kept import fingerprint, trained_once

WIDTHS = (16, 32, 64, 128)
FEATURES = 64
BATCH = 32
STEPS = 2000
RATE = 2e-3
AT_ONCE = 100
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Posed:
    """Pictures of subjects in poses.

    pixels: ``(N, H, W, C)`` in 8 bits. subjects: whose they are, ``(N,)``.
    poses: ``(N, D)``, vectors of which near ones stand for near poses: the cosine and the sine of
        an angle, the places of a figure's joints.
    """

    pixels: Bytes
    subjects: NDArray[np.int64]
    poses: Floats

    def __len__(self) -> int:
        return len(self.pixels)

    def of(self, chosen: NDArray[np.bool_]) -> Posed:
        """Those of them for which ``chosen (N,)`` is true."""
        return Posed(self.pixels[chosen], self.subjects[chosen], self.poses[chosen])


@dataclass(frozen=True)
class Answers:
    """What the judge finds in pictures.

    features: ``(N, 64)``, from which both answers follow. subjects: ``(N,)``. poses: ``(N, D)``.
    """

    features: Floats
    subjects: NDArray[np.int64]
    poses: Floats


class Judge(nn.Module):
    """Convolutions, one layer of features, and two answers from them: a subject and a pose.

    The features are of where things lie too, as poses differ by that.
    """

    def __init__(self, channels: int, subjects: int, pose: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for reads, writes in zip((channels, *WIDTHS), WIDTHS, strict=False):
            layers += [
                nn.Conv2d(reads, writes, 3, padding=1),
                nn.BatchNorm2d(writes),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        left = SIDE // 2 ** len(WIDTHS)
        self.layers = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(WIDTHS[-1] * left**2, FEATURES), nn.ReLU()
        )
        self.subject = nn.Linear(FEATURES, subjects)
        self.pose = nn.Linear(FEATURES, pose)

    def forward(self, pictures: Tensor) -> Tensor:
        """``(N, C, 64, 64)`` in [-1, 1] -> features ``(N, 64)``."""
        return self.layers(pictures)

    @torch.no_grad()
    def answers(self, pixels: Bytes) -> Answers:
        """What is found in pictures ``(N, H, W, C)`` in 8 bits."""
        parts = [self(as_seen(pixels[at : at + AT_ONCE])) for at in range(0, len(pixels), AT_ONCE)]
        features = torch.cat(parts)
        return Answers(
            features.double().numpy(),
            self.subject(features).argmax(dim=1).numpy(),
            self.pose(features).double().numpy(),
        )


def unmirrored(pictures: Tensor) -> Tensor:
    """Pictures varied as those of hands are, but for the mirror: no pose stays itself in one."""
    return vary(pictures, mirrored=0)


def appoint(
    learned: Posed,
    cache: Path,
    steps: int = STEPS,
    seed: int = 0,
    varied: Callable[[Tensor], Tensor] = unmirrored,
    by: Sequence[float] = (SHIFT, SCALE, TURN, LIGHT),
) -> Judge:
    """The judge, trained on real pictures, or read from a folder where it was kept.

    Args:
        learned: real pictures; subjects count from 0.
        cache: the folder; what is kept there is found again for the same pictures and settings.
        steps: of training, with `BATCH` pictures each.
        seed: of its weights and of what it sees.
        varied: each picture on its own, in ways that leave its pose what it is.
        by: how much, which are settings too.
    """
    torch.manual_seed(seed)
    judge = Judge(learned.pixels.shape[3], int(learned.subjects.max()) + 1, learned.poses.shape[1])
    shape, how = learned.pixels.shape, (varied.__name__, *by)
    settings = [SIDE, WIDTHS, FEATURES, BATCH, RATE, shape, steps, seed, how]
    mark = fingerprint(settings, learned.pixels, learned.subjects, learned.poses)

    def taught() -> Judge:
        teach(judge, learned, steps, varied)
        return judge

    return trained_once(cache / f"posed-{mark}.safetensors", lambda: judge, taught)


def teach(
    judge: Judge, learned: Posed, steps: int, varied: Callable[[Tensor], Tensor] = unmirrored
) -> None:
    """Train on pictures that are varied a little each time."""
    seen, subjects = as_seen(learned.pixels), torch.from_numpy(learned.subjects)
    poses = torch.from_numpy(learned.poses).float()
    optimizer = torch.optim.AdamW(judge.parameters(), lr=RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(len(seen), (BATCH,))
        features = judge(varied(seen[chosen]))
        loss = functional.cross_entropy(judge.subject(features), subjects[chosen])
        loss = loss + functional.mse_loss(judge.pose(features), poses[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
