"""Measure any predictor on pictures, by a protocol that is part of the result.

``predict`` is any callable from views to views in numpy: a stack, an ONNX translator, a baseline.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stacks.feeds import random_view
from stacks.spec import Recipe
from stacks.stack import Stack
from stacks.stage import ViewSpec
from translate.degrade import parse_degradation
from translate.kinds import parse_kind
from translate.losses.structure import WINDOW
from translate.metrics import measure
from translate.pairs import DataError, Pairs
from translate.pictures import content_of
from translate.pixels import to_floats, to_picture

Picture = NDArray[np.float32]
Predict = Callable[[Mapping[str, Any]], Mapping[str, Picture]]
Observe = Callable[[Mapping[str, Any], Picture, Picture], Mapping[str, float]]
"""The views that were read, the result and its target, borders cut -> further measures, if any."""


@dataclass(frozen=True)
class Protocol:
    """How pictures are degraded and compared.

    With a reduction by S, or targets S times as large as their sources, the result of scale S is
    measured and S pixels are cut from each border; otherwise the result of scale 1, nothing cut.
    Noise is keyed by (seed, index in name order).

    Args:
        degrade: how sources are made of targets; empty where they are brought.
        seed: of the noise.
        given: pixels of targets on one of the sources that are brought, along a side.
    """

    degrade: str = ""
    seed: int = 0
    given: int = 1

    @property
    def scale(self) -> int:
        """Of the result that is measured."""
        return parse_degradation(self.degrade).scale if self.degrade else self.given

    @property
    def border(self) -> int:
        """Pixels cut from each side of a result before it is measured."""
        return self.scale if self.scale > 1 else 0

    def describe(self) -> dict[str, Any]:
        """For the printed result."""
        return {
            "degrade": self.degrade or "none",
            "seed": self.seed,
            "border": self.border,
            "luma": "BT.601 studio range",
            "rounded": "8 bits",
        }


def held_out_protocol(recipe: Recipe) -> Protocol:
    """How a recipe's training measures by the pictures that it holds out."""
    degrade = recipe.degrade.written(recipe.validation.degrade)
    return Protocol(degrade, recipe.seed, recipe.data.scale)


@dataclass(frozen=True)
class Score:
    """The measures of one picture, and how long its prediction took in seconds."""

    name: str
    measures: dict[str, float]
    seconds: float


def evaluate(
    predict: Predict,
    pairs: Pairs,
    protocol: Protocol,
    output: str,
    inputs: Mapping[str, Any] | None = None,
    observe: Observe | None = None,
) -> Iterable[Score]:
    """Score the pictures one by one, in name order.

    Args:
        predict: views with ``source (H, W, C)`` in [0, 1], or ids ``(H, W, 1)`` of labels -> views.
        pairs: targets, and sources where the protocol does not make them.
        output: the view that is measured.
        inputs: further inputs, the same for every picture.
        observe: sees every result, and may measure more of it.

    Raises:
        ValueError: a picture cannot be degraded, predicted or measured; the message names it.
    """
    for index, item in enumerate(pairs.items):
        with named(item.name):
            source, target = prepare(pairs, index, protocol)
            views = {**others(pairs, index), "source": source, **(inputs or {})}
            started = time.perf_counter()
            result = predict(views)[output]
            seconds = time.perf_counter() - started
            measures = measure(result, target, protocol.border)
            if observe is not None:
                cut = slice(protocol.border, -protocol.border or None)
                measures |= observe(views, result[cut, cut], target[cut, cut])
        yield Score(item.name, measures, seconds)


@contextmanager
def named(name: str) -> Iterator[None]:
    """Put the name of a picture before what is wrong with it."""
    try:
        yield
    except DataError:
        raise  # names the file already
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def others(pairs: Pairs, index: int) -> dict[str, Any]:
    """What an item has beside source and target: pictures, label ids, classes, keypoints."""
    pictures = {
        name: as_given(pairs, index, name)
        for name in pairs.items[index].views
        if name not in ("source", "target")
    }
    return {**pictures, **pairs.values(index)}


def as_given(pairs: Pairs, index: int, name: str) -> NDArray[Any]:
    """A picture ``(H, W, C)`` in [0, 1], or label ids ``(H, W, 1)``."""
    pixels = pairs.load(index)[name]
    labels = parse_kind(pairs.items[index].views[name].kind).family == "labels"
    return pixels if labels else to_floats(pixels)


def prepare(pairs: Pairs, index: int, protocol: Protocol) -> tuple[Picture, Picture]:
    """Source and target of one picture, degraded by the protocol."""
    views = pairs.load(index)
    target = to_floats(views["target"])
    if not protocol.degrade:
        return as_given(pairs, index, "source" if "source" in views else "target"), target
    scale = protocol.scale
    height, width = (side - side % scale for side in target.shape[:2])
    target = target[:height, :width]
    random = np.random.default_rng([protocol.seed, index])
    return parse_degradation(protocol.degrade).apply(target, random).source, target


def check_measured(protocol: Protocol, sets: Sequence[Pairs]) -> None:
    """Every target is large enough to be measured, by the headers of their files.

    Raises:
        DataError: one is not.
    """
    scale, border = protocol.scale, protocol.border
    least = scale * math.ceil((WINDOW + 2 * border) / scale)
    for pairs in sets:
        for item in pairs.items:
            view = item.views["target"]
            height, width = view.size()
            if min(height, width) < least:
                raise DataError(
                    f"{view.path}: is {width}x{height}; to be measured a picture is "
                    f"{least}x{least} or larger: leave it out of validation.folder"
                )


def means(scores: Sequence[Score]) -> dict[str, float]:
    """Mean of every measure over the pictures."""
    return {
        name: float(np.mean([score.measures[name] for score in scores]))
        for name in scores[0].measures
    }


def fingerprint(pairs: Pairs) -> str:
    """The start of the SHA-256 of all targets, by name and file, in the order they are measured.

    Two reports with the same one measured the same pictures; their sources may differ, for what a
    model reads is its own.
    """
    digest = hashlib.sha256()
    for item in pairs.items:
        # A hash each, so that no name can run on into a file.
        file = item.views["target"].path
        # Of partners whose names differ, the item's name is what they share.
        name = file.stem if isinstance(file, Path) else item.name
        for part in (name.encode(), content_of(file)):
            digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def stack_predictor(stack: Stack) -> Predict:
    """A stack as a predictor; sources are padded to its multiple and results cut back.

    Noise that is not given is drawn from a generator of a fixed seed.
    """
    device = next(stack.parameters()).device
    pictures = [name for name, spec in stack.inputs.items() if spec.kind.is_picture]

    def predict(views: Mapping[str, Any]) -> dict[str, Picture]:
        # A stack that reads no picture makes one from a single point.
        height, width = views[pictures[0]].shape[:2] if pictures else (1, 1)
        generator = torch.Generator().manual_seed(0)
        tensors: dict[str, Tensor] = {}
        for name, spec in stack.inputs.items():
            if name in views:
                given = as_tensor(views[name], spec)
            elif spec.kind.family == "keypoints":
                raise ValueError(f"no keypoints {name!r} are given, and none can be made up")
            else:
                given = random_view(spec, 1, height, width, generator)
            tensors[name] = given.to(device)
        with torch.inference_mode():
            written = stack(stack.padded(tensors))
        return {
            name: to_picture(view)[
                : int(height * stack.views[name].scale), : int(width * stack.views[name].scale)
            ]
            for name, view in written.items()
        }

    return predict


def as_tensor(value: Any, spec: ViewSpec) -> Tensor:
    """A view of one item in numpy, or a number, as a batch of one.

    Raises:
        ValueError: there is no such class, or a number is not finite.
    """
    match spec.kind.family:
        case "class":
            if not 0 <= int(value) < spec.kind.count:
                raise ValueError(f"class {value}: expected 0..{spec.kind.count - 1}")
            return torch.tensor([int(value)])
        case "strength" | "angle":
            if not math.isfinite(value):
                raise ValueError(f"{spec.kind} {value}: expected a finite number")
            return torch.tensor([float(value)])
        case "noise" | "noise-map" | "keypoints" | "colors":
            return torch.as_tensor(np.asarray(value, np.float32))[None]
        case "labels":
            return torch.as_tensor(np.asarray(value, np.int64)).reshape(1, 1, *value.shape[:2])
        case _:
            return torch.from_numpy(np.ascontiguousarray(value)).permute(2, 0, 1)[None]


def output_of_scale(stack: Stack, scale: int) -> str:
    """The last picture that a stack writes at a scale; labels are no picture to be measured.

    Where stages learn to write the target, theirs are meant: it is what results are held against.

    Raises:
        ValueError: no stage writes that scale.
    """
    shipped = [stack.stages[name] for name in stack.shipped]
    stages = [stage for stage in shipped if stage.spec.truth == "target"] or shipped
    written = {
        stage.spec.writes: stage.writes.scale
        for stage in stages
        if stage.writes.kind.family != "labels"
    }
    matching = [name for name, own in written.items() if own == scale]
    if not matching:
        scales = (
            ", ".join(f"{name} of scale {own}" for name, own in written.items())
            or "labels alone, which are not measured"
        )
        raise ValueError(f"no output of scale {scale}; this stack writes {scales}")
    return matching[-1]


def subset(pairs: Pairs, names: Sequence[str]) -> Pairs:
    """The pictures of these names (without extension), in name order.

    Raises:
        ValueError: no names, or a name that is not there.
    """
    if not names:
        raise ValueError("no names of pictures were given")
    known = {item.name for item in pairs.items}
    for name in names:
        if name not in known:
            raise ValueError(f"no picture is named {name!r} among the {len(known)} targets")
    # Of several folders, some may be of one name.
    chosen = [item for item in pairs.items if item.name in set(names)]
    return Pairs(sorted(chosen, key=lambda item: item.name), pairs.cache_bytes)
