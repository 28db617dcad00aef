"""A small classifier of the user's own labels, for measures that work offline and off ImageNet.

It learns from one folder of pictures a class and is kept as a safetensors file with its recipe in
the header, so that two reports can tell whether the same judge spoke.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from stacks.checkpoint import CheckpointError, read, write
from translate.features.network import Identity, Seen, automatic_device, fit
from translate.features.weights import fingerprint
from translate.layouts import Reading, find_items
from translate.pairs import DataError, Item, folders_in
from translate.pixels import to_network

FORM = "pixstack.judge"
SHIFT, SCALE, TURN, LIGHT = 0.1, 0.15, math.radians(12), 0.2
"""What is varied in training: shift over half the side, scale, turn and brightness."""
DECAY = 1e-3
ROWS = 256
"""Pictures that are looked at together."""


@dataclass(frozen=True)
class JudgeRecipe:
    """Everything that a judge depends on beside the pictures.

    Args:
        names: of the classes, in order.
        side: pixels that pictures are brought to, both ways.
        widths: channels of each convolution; behind each the map is halved.
        steps: of training, with ``batch`` pictures each.
        rate: the highest of the one-cycle schedule.
        held_out: share of each class that it is tested on and never learns from.
        mirror: whether a mirrored picture is still of its class.
        seed: of its weights, of the split and of what it sees.

    Raises:
        ValueError: a number out of range.
    """

    names: tuple[str, ...]
    side: int = 64
    widths: tuple[int, ...] = (16, 32, 64, 128)
    steps: int = 1200
    batch: int = 32
    rate: float = 2e-3
    held_out: float = 0.2
    mirror: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.names) < 2:
            raise ValueError(f"a judge tells classes apart; got {len(self.names)}, expected 2+")
        least = 2 ** len(self.widths)
        if self.side < least:
            raise ValueError(f"size: got {self.side}; {len(self.widths)} halvings need {least}+")
        if self.steps < 1 or self.batch < 2:
            raise ValueError(
                f"got {self.steps} steps of {self.batch} pictures; expected 1 or more of 2 or more"
            )
        if not 0 < self.held_out < 1:
            raise ValueError(f"held out: got {self.held_out}; expected a share between 0 and 1")


class Classifier(nn.Module):
    """Convolutions and a linear layer; the features before it are what is compared."""

    def __init__(self, recipe: JudgeRecipe) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for reads, writes in zip((3, *recipe.widths), recipe.widths, strict=False):
            layers += [
                nn.Conv2d(reads, writes, 3, padding=1, bias=False),
                nn.BatchNorm2d(writes),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        self.layers = nn.Sequential(*layers)
        self.leave = nn.Linear(recipe.widths[-1], len(recipe.names))

    def features(self, pictures: Tensor) -> Tensor:
        """``(N, 3, side, side)`` in [0, 1] -> ``(N, D)``."""
        return self.layers(to_network(pictures)).amax(dim=(2, 3))

    def forward(self, pictures: Tensor) -> Tensor:
        """``(N, 3, side, side)`` in [0, 1] -> logits ``(N, K)``."""
        return self.leave(self.features(pictures))


class Judge:
    """A trained classifier as measures look through it."""

    def __init__(self, classifier: Classifier, recipe: JudgeRecipe, weights: str) -> None:
        self.classifier = classifier.eval()
        self.recipe = recipe
        self.device = next(classifier.parameters()).device
        self.identity = Identity("judge", weights, "pooled features", recipe.side, "[-1, 1]")

    @torch.inference_mode()
    def see(self, pictures: Tensor) -> Seen:
        """``(N, 3, side, side)`` in [0, 1] -> features and logits."""
        features = self.classifier.features(pictures.to(self.device))
        return Seen(features.cpu(), self.classifier.leave(features).cpu())


@dataclass(frozen=True)
class Labeled:
    """Pictures ``(N, 3, side, side)`` in 8 bits, on the host, and their classes ``(N,)``."""

    pictures: Tensor
    classes: Tensor

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Some of them, in [0, 1]."""
        return self.pictures[chosen].float() / 255, self.classes[chosen]


def class_names(folder: Path) -> tuple[str, ...]:
    """Names of the folders in a folder, in order.

    Raises:
        DataError: no such folder, or fewer than two folders in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected a folder of one folder a class")
    names = tuple(path.name for path in folders_in(folder))
    if len(names) < 2:
        raise DataError(
            f"{folder}: holds {len(names)} folders; a judge needs two or more, one a class"
        )
    return names


def read_classes(
    folder: Path, recipe: JudgeRecipe, progress: Callable[[int, int], object]
) -> Labeled:
    """Every picture of a folder of one folder a class.

    Raises:
        DataError: a folder or file is missing, empty or unreadable.
    """
    kinds = {"target": "rgb", "class": f"class:{len(recipe.names)}"}
    items = find_items(folder, "classes", Reading(kinds, names={"class": recipe.names}))
    pictures: list[Tensor] = []
    for done, item in enumerate(items, start=1):
        pictures.append(as_seen(item, recipe.side))
        progress(done, len(items))
    return Labeled(torch.cat(pictures), torch.tensor([item.values["class"] for item in items]))


def as_seen(item: Item, side: int) -> Tensor:
    """``(1, 3, side, side)`` in 8 bits."""
    pixels = torch.from_numpy(item.views["target"].decode()).permute(2, 0, 1)[None].float() / 255
    return (fit(pixels, side) * 255).round().clamp(0, 255).byte()


def split(labeled: Labeled, recipe: JudgeRecipe) -> tuple[Tensor, Tensor]:
    """Positions to learn from and those held out, at least one of each class in both.

    Raises:
        DataError: a class has a single picture.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    learned: list[Tensor] = []
    held_out: list[Tensor] = []
    for index, name in enumerate(recipe.names):
        own = (labeled.classes == index).nonzero().flatten()
        if len(own) < 2:
            raise DataError(f"class {name!r} has {len(own)} pictures; a judge needs 2 or more")
        own = own[torch.randperm(len(own), generator=generator)]
        count = min(max(1, round(recipe.held_out * len(own))), len(own) - 1)
        held_out.append(own[:count])
        learned.append(own[count:])
    return torch.cat(learned), torch.cat(held_out)


@dataclass(frozen=True)
class Trained:
    """A classifier and what it was tested on.

    accuracy: share of the held-out pictures that it names rightly. learned, held_out: counts.
    """

    classifier: Classifier
    recipe: JudgeRecipe
    accuracy: float
    learned: int
    held_out: int

    def save(self, path: Path) -> None:
        """Write the judge, whole or not at all."""
        facts = {
            "recipe": asdict(self.recipe),
            "accuracy": self.accuracy,
            "learned": self.learned,
            "held_out": self.held_out,
        }
        write(path, FORM, dict(self.classifier.state_dict()), facts)


def train_judge(
    labeled: Labeled, recipe: JudgeRecipe, progress: Callable[[int, int], object]
) -> Trained:
    """Train on the pictures that are not held out, each shown a little differently every time.

    Raises:
        DataError: a class has a single picture.
    """
    learned, held_out = split(labeled, recipe)
    device = automatic_device()
    generator = torch.Generator().manual_seed(recipe.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        classifier = Classifier(recipe).to(device)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=recipe.rate, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=max(2, recipe.steps)
    )
    for step in range(recipe.steps):
        chosen = learned[torch.randint(len(learned), (recipe.batch,), generator=generator)]
        pictures, classes = labeled.take(chosen)
        logits = classifier(vary(pictures, recipe.mirror, generator).to(device))
        loss = functional.cross_entropy(logits, classes.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        progress(step + 1, recipe.steps)
    right = accuracy(classifier.eval(), labeled, held_out)
    return Trained(classifier, recipe, right, len(learned), len(held_out))


def vary(pictures: Tensor, mirror: bool, generator: torch.Generator) -> Tensor:
    """Each picture ``(N, 3, H, W)`` in [0, 1] shifted, scaled, turned and lit on its own."""
    count = len(pictures)

    def around(width: float) -> Tensor:
        return width * (2 * torch.rand(count, generator=generator) - 1)

    scale, turn, across, down, light = map(around, (SCALE, TURN, SHIFT, SHIFT, LIGHT))
    scale = 1 + scale
    sign = torch.where(around(1) < 0, -1.0, 1.0) if mirror else torch.ones(count)
    placed = moved(pictures, sign, scale, turn, (across, down))
    return (placed * (1 + light)[:, None, None, None]).clamp(0, 1)


def moved(
    pictures: Tensor, mirror: Tensor, scale: Tensor, turn: Tensor, shift: tuple[Tensor, Tensor]
) -> Tensor:
    """Pictures ``(N, C, H, W)``, each looked at through a frame of its own; edges go on.

    Args:
        pictures: of any range.
        mirror: ``(N,)``, -1 where left and right change places, else 1.
        scale: ``(N,)``, by which the picture grows.
        turn: ``(N,)``, by which the frame is turned, in radians.
        shift: ``(N,)`` each, of the frame across and down, over half the side.
    """
    across, down = shift
    rows = (
        torch.stack([mirror * turn.cos() / scale, -turn.sin() / scale, across], dim=1),
        torch.stack([mirror * turn.sin() / scale, turn.cos() / scale, down], dim=1),
    )
    grid = functional.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


@torch.inference_mode()
def accuracy(classifier: Classifier, labeled: Labeled, chosen: Tensor) -> float:
    """Share of the chosen pictures that are named rightly."""
    device = next(classifier.parameters()).device
    right = 0
    for part in chosen.split(ROWS):
        pictures, classes = labeled.take(part)
        right += int((classifier(pictures.to(device)).argmax(dim=1).cpu() == classes).sum())
    return right / len(chosen)


def load_judge(path: Path) -> Judge:
    """A judge of `Trained.save`.

    Raises:
        CheckpointError: no such file, damaged, or no judge.
    """
    file = read(path, FORM)
    try:
        recipe = recipe_of(file.facts["recipe"])
        classifier = Classifier(recipe)
        classifier.load_state_dict(file.tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: its recipe does not make its tensors: {reason}") from None
    return Judge(classifier.to(automatic_device()), recipe, fingerprint(path))


def recipe_of(facts: dict[str, Any]) -> JudgeRecipe:
    """The recipe of a header, in which tuples are lists."""

    def whole(value: Any) -> Any:
        return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value

    return JudgeRecipe(**{name: whole(value) for name, value in facts.items()})
