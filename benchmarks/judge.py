"""The judge of translated hands: a classifier of gestures that has seen real photographs only."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.kept import fingerprint, trained_once
from benchmarks.toys.hands import Bytes, Classifier, Hands, as_network, train_classifier
from stacks.judge import moved

SIDE = 64
WIDTHS = (16, 32, 64, 128)
BATCH = 32
STEPS = 1200
SHIFT, SCALE, TURN, LIGHT = 0.1, 0.15, math.radians(12), 0.2
"""What is varied in training: shift over half the side, scale, turn and brightness."""


def as_seen(pictures: Bytes) -> Tensor:
    """``(N, H, W, C)`` in 8 bits -> ``(N, C, 64, 64)`` in [-1, 1], each pixel a mean.

    Real photographs and results take the same way here, so that a size cannot give one away.
    """
    return functional.interpolate(as_network(pictures), (SIDE, SIDE), mode="area")


def vary(pictures: Tensor, mirrored: float = 0.5) -> Tensor:
    """Each picture ``(N, C, H, W)`` shifted, scaled, turned, mirrored and lit on its own.

    A mirrored hand shows the same gesture, only with the other hand; ``mirrored`` is their share.
    """
    count = len(pictures)

    def around(width: float) -> Tensor:
        return width * (2 * torch.rand(count) - 1)

    scale, turn = 1 + around(SCALE), around(TURN)
    mirror = torch.where(torch.rand(count) < mirrored, -1.0, 1.0)
    shift = around(SHIFT), around(SHIFT)
    placed = moved(pictures, mirror, scale, turn, shift)
    return placed * (1 + around(LIGHT)[:, None, None, None])


def build() -> Classifier:
    """The judge, untrained."""
    return Classifier(WIDTHS)


def appoint(learned: Hands, cache: Path, steps: int = STEPS, seed: int = 0) -> Classifier:
    """The judge, trained on real photographs, or read from a folder where it was kept.

    Args:
        learned: pictures ``(N, 3, 64, 64)`` in [-1, 1] and their gestures.
        cache: the folder; what is kept there is found again for the same pictures and settings.
        steps: of training, with `BATCH` pictures each.
        seed: of its weights and of what it sees.
    """
    settings = [SIDE, WIDTHS, BATCH, SHIFT, SCALE, TURN, LIGHT, steps, seed]
    mark = fingerprint(settings, learned.pictures.numpy(), learned.gestures.numpy())
    return trained_once(
        cache / f"gestures-{mark}.safetensors",
        build,
        lambda: train_classifier(learned, steps, build, vary, BATCH, seed),
    )


@torch.no_grad()
def gestures_in(judge: Classifier, pictures: Bytes) -> list[int]:
    """The gesture that the judge finds in each of the pictures ``(N, H, W, 3)``."""
    found: list[int] = []
    for start in range(0, len(pictures), 100):
        part = as_seen(pictures[start : start + 100])
        found += judge.logits(part).argmax(dim=1).tolist()
    return found
