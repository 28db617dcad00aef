"""Measure any predictor on pictures, by a protocol that is part of the result.

``predict`` is any callable from views to views in numpy: a stack, an ONNX translator, a baseline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stacks.stack import Stack
from translate.degrade import parse_degradation
from translate.layers.resampling import pad_to_multiple
from translate.metrics import measure
from translate.pairs import DataError, Item, Pairs
from translate.pixels import to_floats, to_picture

Picture = NDArray[np.float32]
Predict = Callable[[Mapping[str, Any]], Mapping[str, Picture]]


@dataclass(frozen=True)
class Protocol:
    """How pictures are degraded and compared.

    With a reduction by S the result of scale S is measured and S pixels are cut from each border;
    otherwise the result of scale 1, nothing cut. Noise is keyed by (seed, index in name order).
    """

    degrade: str = ""
    seed: int = 0

    @property
    def scale(self) -> int:
        """Of the degradation."""
        return parse_degradation(self.degrade).scale if self.degrade else 1

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
) -> Iterable[Score]:
    """Score the pictures one by one, in name order.

    Args:
        predict: views with ``source (H, W, C)`` in [0, 1] -> views.
        pairs: targets, and sources where the protocol does not make them.
        output: the view that is measured.
        inputs: further inputs, the same for every picture.

    Raises:
        ValueError: a picture cannot be degraded, predicted or measured; the message names it.
    """
    for index, item in enumerate(pairs.items):
        with named(item.name):
            source, target = prepare(pairs, index, protocol)
            started = time.perf_counter()
            result = predict({"source": source, **(inputs or {})})[output]
            seconds = time.perf_counter() - started
            measures = measure(result, target, protocol.border)
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


def prepare(pairs: Pairs, index: int, protocol: Protocol) -> tuple[Picture, Picture]:
    """Source and target of one picture, degraded by the protocol."""
    views = pairs.load(index)
    target = to_floats(views["target"])
    if not protocol.degrade:
        return to_floats(views["source"] if "source" in views else views["target"]), target
    scale = protocol.scale
    height, width = (side - side % scale for side in target.shape[:2])
    target = target[:height, :width]
    random = np.random.default_rng([protocol.seed, index])
    return parse_degradation(protocol.degrade).apply(target, random).source, target


def means(scores: Sequence[Score]) -> dict[str, float]:
    """Mean of every measure over the pictures."""
    return {
        name: float(np.mean([score.measures[name] for score in scores]))
        for name in scores[0].measures
    }


def stack_predictor(stack: Stack) -> Predict:
    """A stack as a predictor; sources are padded to its multiple and results cut back."""
    device = next(stack.parameters()).device

    def predict(views: Mapping[str, Any]) -> dict[str, Picture]:
        source = torch.from_numpy(np.ascontiguousarray(views["source"])).permute(2, 0, 1)[None]
        height, width = source.shape[-2:]
        tensors = {"source": pad_to_multiple(source, stack.multiple).to(device)}
        if "strength" in stack.inputs:
            strength = float(views.get("strength", -1.0))
            tensors["strength"] = torch.tensor([strength], device=device)
        with torch.inference_mode():
            written = stack(tensors)
        return {
            name: to_picture(view)[
                : height * stack.views[name].scale, : width * stack.views[name].scale
            ]
            for name, view in written.items()
        }

    return predict


def output_of_scale(stack: Stack, scale: int) -> str:
    """The last picture that a stack writes at a scale.

    Raises:
        ValueError: no stage writes that scale.
    """
    written = {stage.spec.writes: stage.writes.scale for stage in stack.stages.values()}
    matching = [name for name, own in written.items() if own == scale]
    if not matching:
        scales = ", ".join(f"{name} x{own}" for name, own in written.items())
        raise ValueError(f"no output of scale {scale}; this stack writes {scales}")
    return matching[-1]


def subset(pairs: Pairs, names: Sequence[str]) -> Pairs:
    """The pictures of these names (without extension), in name order.

    Raises:
        ValueError: no names, or a name that is not there.
    """
    if not names:
        raise ValueError("no names of pictures were given")
    known: dict[str, Item] = {item.name: item for item in pairs.items}
    for name in names:
        if name not in known:
            raise ValueError(f"no picture is named {name!r} among the {len(known)} targets")
    return Pairs([known[name] for name in sorted(set(names))], pairs.cache_bytes)
