"""Items as the networks will see them: cropped, moved and degraded by the trainer's own sampler."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stacks.data import phase_sampler
from stacks.doctor.examine import Report
from stacks.doctor.findings import condemned
from stacks.doctor.labels import color_of
from stacks.doctor.looks import COLOR
from stacks.doctor.subject import TRAINING, kinds_seen
from stacks.spec import Recipe
from translate.joints import draw
from translate.kinds import Kind
from translate.pairs import DataError, Item, Pairs
from translate.pixels import to_bytes, to_picture

TOGETHER = 2
"""Items a batch: each batch draws its own degradation."""
GOLDEN = 0.618034
"""Of the color circle, from one label to the next: neighbors differ."""


@dataclass(frozen=True)
class Shown:
    """One view of one item.

    Args:
        name: of the view.
        told: its kind, or the value of a class or an angle.
        pixels: ``(H, W, 3)`` in 8 bits; None of what is no picture.
    """

    name: str
    told: str
    pixels: NDArray[np.uint8] | None


def samples(report: Report, count: int) -> Iterator[list[Shown]]:
    """The views of ``count`` training items without errors, drawn as training would draw them.

    Without a second look at the pixels (`quick`), an item may turn out to be unreadable: none are
    shown then.
    """
    subject = report.subject
    recipe = settled(report)
    bad = condemned(report.findings)
    items = [
        (entry.split, fresh(entry.item, recipe))
        for place, entry in enumerate(subject.entries)
        if place not in bad
    ]
    # Of a very small folder all is held out.
    training = [item for split, item in items if split == TRAINING] or [item for _, item in items]
    if not training:
        return
    phase = recipe.phase[0]
    sampler = replace(phase_sampler(recipe, [(in_sets(training), 1.0)], phase), batch=TOGETHER)
    for step in range(-(-count // TOGETHER)):
        try:
            batch = sampler(step).on(torch.device("cpu"))
        except DataError:
            return
        for index in range(min(TOGETHER, count - step * TOGETHER)):
            yield item_of(batch.views, index, recipe)


def settled(report: Report) -> Recipe:
    """The recipe; of a folder with all labels that were found in it."""
    subject = report.subject
    if not subject.guessed:
        return subject.recipe
    found = {view: list(census.labels()) for view, census in report.censuses.items()}
    values = {
        view: [color_of(value) if value >= COLOR else value for value in seen]
        for view, seen in found.items()
        if seen
    }
    return kinds_seen(subject, values)


def fresh(item: Item, recipe: Recipe) -> Item:
    """An item whose views are read as the recipe says."""
    data = recipe.data
    views = {
        name: replace(
            view, kind=data.views[name], palette=tuple(map(tuple, data.palette.get(name, ())))
        )
        if name in data.views
        else view
        for name, view in item.views.items()
    }
    return replace(item, views=views)


def in_sets(items: Sequence[Item]) -> Pairs:
    """Items to draw from; those without partners, which have other views, in sets of their own."""
    sets: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        sets.setdefault(tuple(item.views), []).append(item)
    first, *apart = (Pairs(own, 0) for own in sets.values())
    return replace(first, apart=apart)


def item_of(views: dict[str, Tensor], index: int, recipe: Recipe) -> list[Shown]:
    """What is worth seeing of one item of a batch."""
    shown: list[Shown] = []
    kinds = recipe.data.kinds
    order = sorted(views, key=lambda name: (name == "target", name != "source"))
    for name in order:
        view = views[name]
        kind = kinds.get(name, Kind("rgb"))
        if kind.family == "class":
            value = int(view[index])
            names = recipe.data.names.get(name, ())
            shown.append(Shown(name, names[value] if names else str(value), None))
        elif kind.family == "labels" and name in kinds:
            pixels = colors_of(recipe, name, kind.count)[view[index, 0].numpy()]
            shown.append(Shown(name, str(kind), pixels))
        elif kind.family == "angle":
            shown.append(Shown(name, f"{float(view[index]):g} degrees", None))
        elif kind.family == "keypoints":
            height, width = views["target"].shape[-2:]
            drawn = draw(view, kind.drawing, (height, width)).amax(dim=1, keepdim=True)
            shown.append(Shown(name, str(kind), in_color(drawn, index)))
        elif view.dim() == 4 and name in {*kinds, "source"} and kind.is_picture:
            pixels = in_color(view, index)
            height, width = pixels.shape[:2]
            shown.append(Shown(name, f"{kind}, {width}x{height}", pixels))
    if (sigma := views.get("noise_map")) is not None and float(sigma[index].max()):
        shown.append(Shown("noise", f"sigma {float(sigma[index].max()) * 255:.1f}", None))
    return shown


def in_color(view: Tensor, index: int) -> NDArray[np.uint8]:
    """One picture ``(H, W, 3)`` in 8 bits of a view ``(N, 1 or 3, H, W)``."""
    pixels = to_bytes(to_picture(view, index))
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def colors_of(recipe: Recipe, view: str, count: int) -> NDArray[np.uint8]:
    """A color for each label ``(K, 3)``: the palette's, or ones that differ."""
    palette = recipe.data.palette.get(view, ())
    if palette:
        return np.asarray(palette, np.uint8)
    around = [colorsys.hsv_to_rgb(index * GOLDEN % 1, 0.65, 0.9) for index in range(count)]
    return (np.asarray(around) * 255).astype(np.uint8)
