"""Gestures of hands at 32x32, and the small classifier that judges pictures of them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.pictures import DATA
from benchmarks.toys.page import UnavailableError

GESTURES, SIDE = 10, 32
HELD_OUT = 15
"""Complete runs, the last ones, that nothing is trained on."""


@dataclass(frozen=True)
class Hands:
    """Pictures ``(N, 3, 32, 32)`` in [-1, 1] and their gestures ``(N,)``."""

    pictures: Tensor
    gestures: Tensor


def read_hands() -> tuple[Hands, Hands]:
    """Those to train on, and those of the people who are held out.

    Raises:
        UnavailableError: the pictures are not there.
    """
    root = DATA / "hands"
    table = root / "runs.csv"
    if not table.is_file():
        raise UnavailableError(
            f"{table}: no such file; the gestures are read from hands/ beneath PIXSTACK_DATA"
        )
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    complete = sorted({int(row["run"]) for row in rows if row["complete"] == "1"})
    held_out = set(complete[-HELD_OUT:])
    sets: tuple[list[dict[str, str]], list[dict[str, str]]] = ([], [])
    for row in rows:
        sets[int(row["run"]) in held_out].append(row)
    return load(root, sets[0]), load(root, sets[1])


def load(root: Path, rows: list[dict[str, str]]) -> Hands:
    """The pictures of some rows of the table, reduced."""
    pictures: list[np.ndarray] = []
    for row in rows:
        with Image.open(root / row["file"]) as picture:
            small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            pictures.append(np.asarray(small))
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    return Hands(pixels / 127.5 - 1, torch.tensor([int(row["gesture"]) for row in rows]))


class Classifier(nn.Module):
    """Three convolutions and a linear layer; the features before it are what is compared."""

    num_features = 64

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for reads, writes in ((3, 32), (32, 64), (64, 64)):
            layers += [
                nn.Conv2d(reads, writes, 3, padding=1),
                nn.BatchNorm2d(writes),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        self.layers = nn.Sequential(*layers)
        self.leave = nn.Linear(64, GESTURES)

    def forward(self, pictures: Tensor) -> Tensor:
        """``(N, 3, 32, 32)`` in [-1, 1] -> features ``(N, 64)``."""
        return self.layers(pictures).amax(dim=(2, 3))

    def logits(self, pictures: Tensor) -> Tensor:
        """``(N, 10)``."""
        return self.leave(self(pictures))


def train_classifier(hands: Hands, steps: int) -> Classifier:
    """Trained on real pictures, shifted and lit a little differently each time."""
    torch.manual_seed(0)
    classifier = Classifier()
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(len(hands.pictures), (64,))
        pictures = functional.pad(hands.pictures[chosen], (3, 3, 3, 3), mode="replicate")
        top, left = (int(torch.randint(7, ())) for _ in range(2))
        pictures = pictures[:, :, top : top + SIDE, left : left + SIDE]
        pictures = pictures * (0.8 + 0.4 * torch.rand(64, 1, 1, 1))
        loss = functional.cross_entropy(classifier.logits(pictures), hands.gestures[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return classifier.eval()


@torch.no_grad()
def accuracy(classifier: Classifier, pictures: Tensor, gestures: Tensor) -> float:
    """Share of pictures in which the gesture is found."""
    return float((classifier.logits(pictures).argmax(dim=1) == gestures).float().mean())


@torch.no_grad()
def variety(classifier: Classifier, hands: Hands) -> float:
    """Mean distance of the features of two pictures of the same gesture."""
    features = classifier(hands.pictures)
    distances: list[Tensor] = []
    for gesture in range(GESTURES):
        own = features[hands.gestures == gesture]
        if len(own) > 1:
            distances.append(functional.pdist(own).mean())
    return float(torch.stack(distances).mean())
