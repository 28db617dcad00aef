"""Gestures of hands, and the small classifier that judges pictures of them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.pictures import DATA
from benchmarks.toys.page import UnavailableError

GESTURES, SIDE = 10, 32
HELD_OUT = 15
"""Complete runs, the last ones, that nothing is trained on."""
ADVICE = "the gestures are read from hands/ beneath PIXSTACK_DATA"

Row = dict[str, str]
"""A line of ``runs.csv``: run, complete, gesture, file."""
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Hands:
    """Pictures ``(N, 3, H, W)`` in [-1, 1] and their gestures ``(N,)``."""

    pictures: Tensor
    gestures: Tensor


def read_hands() -> tuple[Hands, Hands]:
    """Those to train on, and those of the people who are held out, at 32x32.

    Raises:
        UnavailableError: the pictures are not there.
    """
    root = DATA / "hands"
    learned, held_out = split_rows(root)
    return (
        as_hands(load(root, learned, reduced), learned),
        as_hands(load(root, held_out, reduced), held_out),
    )


def split_rows(root: Path, held_out: int = HELD_OUT) -> tuple[list[Row], list[Row]]:
    """The lines of ``runs.csv`` to train on, and those of the last complete runs.

    Raises:
        UnavailableError: the table is not there, or has not enough runs.
    """
    table = root / "runs.csv"
    if not table.is_file():
        raise UnavailableError(f"{table}: no such file; {ADVICE}")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    complete = sorted({int(row["run"]) for row in rows if row["complete"] == "1"})
    if len(complete) <= held_out:
        raise UnavailableError(
            f"{table}: has {len(complete)} complete runs; expected more than the {held_out} that "
            "are held out"
        )
    last = set(complete[-held_out:])
    sets: tuple[list[Row], list[Row]] = ([], [])
    for row in rows:
        sets[int(row["run"]) in last].append(row)
    return sets


def load(root: Path, rows: Sequence[Row], read: Callable[[Path], Bytes]) -> Bytes:
    """The pictures of some rows of the table, ``(N, H, W, 3)``, each as `read` gives it."""
    return np.stack([read(root / row["file"]) for row in rows])


def reduced(path: Path) -> Bytes:
    """A picture at 32x32.

    Raises:
        UnavailableError: the picture is not there, or not readable.
    """
    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            return np.asarray(small)
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be read: {error}; {ADVICE}") from None


def as_hands(pictures: Bytes, rows: Sequence[Row]) -> Hands:
    """Pictures ``(N, H, W, 3)`` and the gestures of their rows, as a classifier reads them."""
    return Hands(as_network(pictures), torch.tensor([int(row["gesture"]) for row in rows]))


def as_network(pictures: Bytes) -> Tensor:
    """``(N, H, W, C)`` in 8 bits -> ``(N, C, H, W)`` in [-1, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


class Classifier(nn.Module):
    """Convolutions and a linear layer; the features before it are what is compared.

    Args:
        widths: channels of each convolution; behind each the map is halved.
    """

    def __init__(self, widths: Sequence[int] = (32, 64, 64)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for reads, writes in zip((3, *widths), widths, strict=False):
            layers += [
                nn.Conv2d(reads, writes, 3, padding=1),
                nn.BatchNorm2d(writes),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        self.layers = nn.Sequential(*layers)
        self.num_features = widths[-1]
        self.leave = nn.Linear(widths[-1], GESTURES)

    def forward(self, pictures: Tensor) -> Tensor:
        """``(N, 3, H, W)`` in [-1, 1] -> features ``(N, 64)``, or as wide as the last layer."""
        return self.layers(pictures).amax(dim=(2, 3))

    def logits(self, pictures: Tensor) -> Tensor:
        """``(N, 10)``."""
        return self.leave(self(pictures))


def shift_and_light(pictures: Tensor) -> Tensor:
    """All pictures of a batch shifted alike, each lit a little differently."""
    height, width = pictures.shape[2:]
    padded = functional.pad(pictures, (3, 3, 3, 3), mode="replicate")
    top, left = (int(torch.randint(7, ())) for _ in range(2))
    shifted = padded[:, :, top : top + height, left : left + width]
    return shifted * (0.8 + 0.4 * torch.rand(len(pictures), 1, 1, 1))


def train_classifier(
    hands: Hands,
    steps: int,
    classifier: Callable[[], Classifier] = Classifier,
    vary: Callable[[Tensor], Tensor] = shift_and_light,
    batch: int = 64,
    seed: int = 0,
) -> Classifier:
    """Trained on real pictures, which `vary` changes a little each time."""
    torch.manual_seed(seed)
    trained = classifier()
    optimizer = torch.optim.AdamW(trained.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(len(hands.pictures), (batch,))
        logits = trained.logits(vary(hands.pictures[chosen]))
        loss = functional.cross_entropy(logits, hands.gestures[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return trained.eval()


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
