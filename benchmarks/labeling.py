"""The judge of photos drawn from labels: a stack that has learned to read labels off real ones.

Photos in which it finds what was asked for look like it to a network: the FCN score of pix2pix
(Isola et al. 2017, arXiv 1611.07004, section 4.1), with a U-Net as the network.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.functional.classification import multiclass_confusion_matrix

from benchmarks.toys.hands import Bytes
from stacks.checkpoint import load_stack
from stacks.data import training_groups
from stacks.evaluate import stack_predictor
from stacks.recipe import recipe_text
from stacks.spec import EmaSpec, LogSpec, PhaseSpec, Recipe, StageSpec
from stacks.stack import Stack
from stacks.train import train
from translate.generators.translation_unet import TranslationUNetSpec
from translate.objective import ObjectiveSpec
from translate.optim import OptimizerSpec, ScheduleSpec, Side
from translate.pictures import content_of
from translate.pixels import to_floats

Counts = NDArray[np.int64]
"""Pixels by true label and label found, ``(K, K)``."""
STEPS = 4000
CROP = 128
"""Side of what it learns from, in pixels; the whole photos that it judges may be larger."""
NETWORK = TranslationUNetSpec(channels=24, depth=6, most=6, norm="batch")


def judge_recipe(drawing: Recipe, steps: int = STEPS, seed: int = 0) -> Recipe:
    """A recipe that goes from the photos of another one to the labels that they are drawn from.

    Args:
        drawing: reads labels as ``source`` and writes ``target``; its training pictures, sizes and
            symmetries are the judge's too.
        steps: of training the judge.
        seed: of its weights and of the order of its pictures.

    Raises:
        ValueError: the other recipe does not go from labels to pictures.
    """
    data = drawing.data
    kinds = {name: data.views.get(name, "") for name in ("source", "target")}
    if not kinds["source"].startswith("labels:") or kinds["target"] != "rgb":
        raise ValueError(
            f"{drawing.name}: goes from {kinds['source'] or 'nothing'} to {kinds['target']}; "
            "expected a recipe from labels to rgb"
        )
    if data.layout not in ("side-by-side", "views"):
        raise ValueError(f"{drawing.name}: data.layout is {data.layout!r}; expected side-by-side")
    turned = replace(
        data,
        views={"source": kinds["target"], "target": kinds["source"]},
        swap=not data.swap,
        palette={"target": data.palette["source"]} if "source" in data.palette else {},
        names={"target": data.names["source"]} if "source" in data.names else {},
    )
    objective = ObjectiveSpec(generator={"cross_entropy": 1.0})
    return Recipe(
        name="labels-from-photos",
        seed=seed,
        batch=4,
        data=turned,
        augment=drawing.augment,
        stage=(StageSpec("read", generator=NETWORK, objective=objective),),
        optimizer=OptimizerSpec(generator=Side(rate=2e-3, weight_decay=1e-2)),
        schedule=ScheduleSpec(warmup=50, decay=1.0),
        ema=EmaSpec(0.99),
        log=LogSpec(every=100, checkpoint=100),
        phase=(PhaseSpec(("read",), steps, size=min(CROP, data.size)),),
    )


def appoint(drawing: Recipe, cache: Path, steps: int = STEPS, seed: int = 0) -> Stack:
    """The judge, trained on real pairs by the project's own loop, or found in a folder.

    Args:
        drawing: see `judge_recipe`; of its pictures those of the training folders are learned from.
        cache: what is kept there is found again for the same pictures and settings, and a training
            that was interrupted goes on.
        steps, seed: see `judge_recipe`.

    Raises:
        DataError: the training pictures are missing or unreadable.
        ValueError: see `judge_recipe`.
    """
    recipe = judge_recipe(drawing, steps, seed)
    folder = cache / f"labels-{fingerprint(recipe)}"
    # Without pictures to validate by, the best weights are the last ones, written at the end.
    trained = folder / "best.safetensors"
    if not trained.is_file():
        train(recipe, folder, resume=True)
    return load_stack(trained)


def fingerprint(recipe: Recipe) -> str:
    """Of everything that a training depends on: settings, and what the files hold."""
    settings = replace(recipe, data=replace(recipe.data, root=""))
    digest = hashlib.sha256(recipe_text(settings).encode())
    for pairs, _ in training_groups(recipe):
        for item in pairs.items:
            files = {str(view.path): view.path for view in item.views.values()}
            for _, file in sorted(files.items()):
                digest.update(hashlib.sha256(content_of(file)).digest())
    return digest.hexdigest()[:16]


def labels_in(judge: Stack, photo: Bytes) -> Bytes:
    """The label that the judge finds at each pixel: ``(H, W, 3)`` -> ``(H, W)``."""
    chances = stack_predictor(judge)({"source": to_floats(photo)})["target"]
    return chances.argmax(axis=2).astype(np.uint8)


def count_labels(truth: Bytes, found: Bytes, labels: int) -> Counts:
    """Pixels by true label and by the one found, ``(K, K)``, of two pictures of one size."""
    pair = (torch.from_numpy(ids.astype(np.int64)).reshape(-1) for ids in (found, truth))
    return multiclass_confusion_matrix(*pair, num_classes=labels).numpy()


def label_scores(counts: Counts) -> dict[str, float]:
    """Pixel accuracy, mean class accuracy and mean IoU of ``(K, K)`` counts, all 0 to 1.

    As in Long et al. 2015 (arXiv 1411.4038, section 5), over the whole set rather than by picture;
    labels that stand in no true picture are left out of the means.
    """
    right, true = counts.diagonal(), counts.sum(axis=1)
    there = true > 0
    union = true + counts.sum(axis=0) - right
    return {
        "pixel_accuracy": float(right.sum() / true.sum()),
        "class_accuracy": float((right[there] / true[there]).mean()),
        "iou": float((right[there] / union[there]).mean()),
    }


def recalls(counts: Counts) -> list[float | None]:
    """Share of each label's pixels in which it is found; None of a label that stands nowhere."""
    return [
        float(own / total) if total else None
        for own, total in zip(counts.diagonal(), counts.sum(axis=1), strict=True)
    ]
