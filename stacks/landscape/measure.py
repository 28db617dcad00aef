"""What a generator makes beside real pictures, through one network: FID, KID, diversity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stacks.checkpoint import CheckpointError, read, write
from stacks.data import open_folder, training_groups
from stacks.feeds import random_view
from stacks.judge import JudgeRecipe, class_names, read_classes, train_judge
from stacks.landscape.study import JudgeSpec, MetricSpec
from stacks.spec import FolderSpec, Recipe
from stacks.stack import Stack
from translate.diversity import likeness
from translate.features.network import FeatureNetwork, fit
from translate.metrics.frechet import frechet_distance
from translate.metrics.kernel import kernel_distance
from translate.pairs import DataError, Pairs
from translate.tables import TableError

FORM = "pixstack.landscape"
BATCH = 100
"""Pictures that are made, or looked at, together."""
Progress = Callable[[int, int], object]


class NotFinite(ValueError):
    """A generator makes no pictures any more."""


@dataclass(frozen=True)
class Measures:
    """Of one look at a generator; ``ms_ssim`` is 1 where all its pictures are copies."""

    fid: float
    kid: float
    ms_ssim: float


@dataclass(frozen=True)
class Real:
    """What a network sees of real pictures, computed once for a study.

    Args:
        features: ``(N, D)``.
        classes: of the pictures by view, ``(N,)`` each, for generators that read them.
        facts: what the numbers depend on, and what real pictures reach themselves: ``floor``, the
            FID between real pictures and others of them, and ``ms_ssim``.
    """

    features: Tensor
    classes: dict[str, Tensor]
    facts: dict[str, Any]

    def save(self, path: Path) -> None:
        """Keep it, whole or not at all."""
        classes = {f"class.{name}": ids for name, ids in self.classes.items()}
        write(path, FORM, {"features": self.features, **classes}, self.facts)


def load_real(path: Path) -> Real:
    """What `Real.save` wrote.

    Raises:
        CheckpointError: no such file, or another one.
    """
    file = read(path, FORM)
    if "features" not in file.tensors or "ms_ssim" not in file.facts:
        raise CheckpointError(f"{path}: holds no measures of real pictures")
    classes = {
        name.removeprefix("class."): ids
        for name, ids in file.tensors.items()
        if name.startswith("class.")
    }
    return Real(file.tensors["features"], classes, file.facts)


class Measure:
    """A network and what it sees of the real pictures."""

    def __init__(self, network: FeatureNetwork, real: Real, spec: MetricSpec) -> None:
        self.network, self.real, self.spec = network, real, spec

    def __call__(self, stack: Stack) -> Measures:
        """Measure as many pictures of a stack as there are real ones, from noise of a fixed seed.

        Args:
            stack: in evaluation mode.

        Raises:
            NotFinite: the pictures hold NaN or infinity.
        """
        features: list[Tensor] = []
        pictures: list[Tensor] = []
        for part in self.parts(stack):
            if not bool(part.isfinite().all()):
                raise NotFinite("what the generator makes is not finite")
            # In 8 bits, as a file would hold them, and as little memory as of many it takes.
            pictures.append((part.clamp(0, 1) * 255).round().byte())
            features.append(seen(self.network, pictures[-1]))
        made = torch.cat(features)
        return Measures(
            frechet_distance(self.real.features, made),
            kernel_distance(self.real.features, made).mean,
            likeness(list(torch.cat(pictures))),
        )

    @torch.inference_mode()
    def parts(self, stack: Stack) -> Iterator[Tensor]:
        """Pictures ``(N, C, H, W)`` on the host, a batch at a time, of the real ones' classes."""
        device = next(stack.parameters()).device
        generator = torch.Generator().manual_seed(self.spec.seed)
        count = len(self.real.features)
        shipped = (stack.stages[name].spec for name in stack.shipped)
        # Stages before it may have learned to write the target too, for it to go on from.
        *_, made = (stage.writes for stage in shipped if stage.truth == "target")
        for start in range(0, count, BATCH):
            chosen = slice(start, min(start + BATCH, count))
            views = {
                name: self.real.classes[name][chosen]
                if name in self.real.classes
                else random_view(view, chosen.stop - start, 1, 1, generator)
                for name, view in stack.inputs.items()
            }
            written = stack({name: view.to(device) for name, view in views.items()})
            yield written[made].float().cpu()

    def collapsed(self, measures: Measures) -> bool:
        """Whether pictures are far more alike than real ones, by the study's criterion."""
        return 1 - measures.ms_ssim < self.spec.collapse * (1 - self.real.facts["ms_ssim"])


def seen(network: FeatureNetwork, pictures: Tensor) -> Tensor:
    """Features ``(N, D)`` of pictures ``(N, C, H, W)`` in 8 bits."""
    side = network.identity.side
    parts = [network.see(fit(part.float() / 255, side)) for part in pictures.split(BATCH)]
    return torch.cat([part.features for part in parts])


def protocol(network: FeatureNetwork, recipe: Recipe, spec: MetricSpec) -> dict[str, Any]:
    """All that numbers depend on, but for the generator."""
    folders = spec.folder or recipe.data.folder
    return {
        "network": network.identity.describe(),
        "real": [f"{folder.path} [{folder.pictures}]" for folder in folders],
        "asked": spec.pictures,
        "size": recipe.data.size,
        "seed": spec.seed,
    }


def measure_real(network: FeatureNetwork, recipe: Recipe, spec: MetricSpec) -> Real:
    """Look at the real pictures.

    With pictures of their own folder, the floor is their FID against as many that are trained on;
    else that of the one half of them against the other.

    Raises:
        DataError: a folder is missing, or its pictures are not of one size.
    """
    groups = [pairs for pairs, _ in training_groups(recipe)]
    training, classes = real_pictures(groups, spec.pictures, recipe)
    pictures, others = training, training[1::2]
    if spec.folder:
        pictures, classes = real_pictures(opened(recipe, spec.folder), spec.pictures, recipe)
        others = training
    features = seen(network, pictures)
    against = seen(network, others)
    facts = {
        **protocol(network, recipe, spec),
        "pictures": len(pictures),
        "floor": frechet_distance(features if spec.folder else features[::2], against),
        "floor_of": f"{len(features) if spec.folder else len(features[::2])} real pictures against "
        f"{len(against)} others",
        "ms_ssim": likeness(list(pictures)),
    }
    return Real(features, classes, facts)


def opened(recipe: Recipe, folders: Sequence[FolderSpec]) -> list[Pairs]:
    """Folders of the study, read as those of the recipe are."""
    measured = replace(recipe, data=replace(recipe.data, folder=tuple(folders)))
    return [open_folder(measured, folder) for folder in folders]


def real_pictures(
    groups: Sequence[Pairs], count: int, recipe: Recipe
) -> tuple[Tensor, dict[str, Tensor]]:
    """At most ``count`` pictures ``(N, C, H, W)`` in 8 bits, spread over all, and their classes.

    Raises:
        DataError: they are not of the size that is trained at.
    """
    places = [(pairs, index) for pairs in groups for index in range(len(pairs))]
    chosen = np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int)
    pictures: list[Tensor] = []
    classes: dict[str, list[int]] = {
        name: [] for name, kind in recipe.data.kinds.items() if kind.family == "class"
    }
    for place in chosen:
        pairs, index = places[place]
        pixels = pairs.load(index)["target"]
        if pixels.shape[:2] != (recipe.data.size, recipe.data.width or recipe.data.size):
            raise DataError(
                f"{pairs.items[index].name}: is of {pixels.shape[1]}x{pixels.shape[0]} pixels and "
                f"{recipe.data.size} are trained at; use data.fit = 'resize'"
            )
        pictures.append(torch.from_numpy(pixels).permute(2, 0, 1))
        for name, ids in classes.items():
            ids.append(int(pairs.values(index)[name]))  # pyright: ignore[reportArgumentType]
    ids = {name: torch.tensor(values) for name, values in classes.items()}
    return torch.stack(pictures), ids


def train_study_judge(
    spec: JudgeSpec, recipe: Recipe, path: Path, progress: Progress
) -> dict[str, Any]:
    """Train the judge of a study and write it; returns its facts.

    Raises:
        TableError: there are no labels to learn.
        DataError: the folders of the classes cannot be used.
    """
    root = Path(recipe.data.root)
    if spec.path:
        folder = root / spec.path
    elif recipe.data.layout == "classes":
        folder = root / recipe.data.folder[0].path
    else:
        raise TableError(
            f"judge.path: missing; data of layout {recipe.data.layout!r} have no folders of "
            "classes: name a folder of one folder a class, or give --judge NETWORK"
        )
    judge = JudgeRecipe(
        class_names(folder),
        spec.size,
        steps=spec.steps,
        batch=spec.batch,
        mirror=spec.mirror,
        seed=spec.seed,
    )
    trained = train_judge(read_classes(folder, judge, progress), judge, progress)
    trained.save(path)
    return {"accuracy": trained.accuracy, "held_out": trained.held_out}
