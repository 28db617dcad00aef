"""Batches that are a pure function of (seed, step), made ahead of the trainer.

Every random choice of a batch comes from a generator keyed by seed, step and item, so resuming a
run, or changing the number of workers, changes nothing.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from translate.augment import Augment
from translate.degrade import Degradation, divisors, reduce
from translate.hardware import laid_out
from translate.keypoints import Motion, shifted
from translate.kinds import Kind
from translate.pairs import Joints, Pairs
from translate.pixels import SIGMA_UNIT, to_batch, to_floats
from translate.undegraded import Undegraded, undegraded
from translate.zoom import looked_at, zoomed

Views = dict[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """Named views, and how many target pixels one source pixel stands for.

    Pictures are ``(N, C, H, W)`` in [0, 1], labels ids ``(N, 1, H, W)`` and classes ``(N,)``, both
    int64, angles ``(N,)`` in degrees, keypoints ``(N, K, 3)`` in pixels of the source, noise
    ``(N, C)`` or ``(N, C, H, W)``. What ``left`` holds is left to the device: the target and all
    that is made of it are among the views only once the batch is there.
    """

    views: Views
    scale: int
    left: Undegraded | None = None

    def __len__(self) -> int:
        """Items."""
        return len(self.left.targets if self.left else next(iter(self.views.values())))

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        left = self.left.nbytes if self.left else 0
        return left + sum(view.nbytes for view in self.views.values())

    def pinned(self) -> Batch:
        """The same in pinned memory."""
        views = {name: view.pin_memory() for name, view in self.views.items()}
        return Batch(views, self.scale, self.left.pinned() if self.left else None)

    def on(self, device: torch.device) -> Batch:
        """The batch on a device, whole, its pictures in the order in memory that the device likes.

        Copies overlap with work where memory is pinned.
        """
        views = {
            name: view.to(device, non_blocking=view.is_pinned())
            for name, view in self.views.items()
        }
        views |= self.left.views(device) if self.left else {}
        return Batch(
            {
                name: laid_out(view, device) if view.dim() == 4 else view
                for name, view in views.items()
            },
            self.scale,
        )


@dataclass
class Sampler:
    """Draws batches of crops: aligned ones of views that belong together.

    Args:
        groups: sets of pairs and the share of the items that each gives.
        batch: items a batch.
        size: side of the crop of the largest view, in pixels, at the largest scale; at a smaller
            scale the crop is smaller, so that sources, and the cost of a step, stay the same.
        degradations: with their shares; one is drawn per batch, since its scale sets the shapes.
            Empty where the pairs bring their own source.
        told: share of the items whose noise strength the networks are told; the others get -1.
        kinds: of the views, where they are no plain pictures.
        points: the stack starts from points of noise, so a source pixel is the whole crop.
        swapped: by view, of each joint, label or class the one that stands for it in a mirrored
            picture.
        width: of the crop, where it is no square of ``size``.
        scale: pixels of the targets on one of the other views, along a side.
        device, devices: several devices share a batch; this one makes every ``devices``-th item.
        leaves: targets are degraded on the device and not here (`translate.undegraded`).
        reductions: by how much targets are reduced for views of their own; by all that divides the
            scale where None.
    """

    groups: Sequence[tuple[Pairs, float]]
    batch: int
    size: int
    degradations: Sequence[tuple[Degradation, float]]
    augment: Augment
    seed: int
    told: float = 0.5
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    points: bool = False
    swapped: Mapping[str, Sequence[int]] = field(default_factory=dict)
    width: int = 0
    scale: int = 1
    device: int = 0
    devices: int = 1
    leaves: bool = False
    reductions: Collection[int] | None = None

    def __call__(self, step: int) -> Batch:
        """The batch of a step."""
        random = np.random.default_rng([self.seed, step])
        degradation = choose(self.degradations, random) if self.degradations else None
        # Items count from 1: to numpy the keys (seed, step) and (seed, step, 0) are the same.
        randoms = [
            np.random.default_rng([self.seed, step, 1 + index])
            for index in range(self.device, self.batch, self.devices)
        ]
        items = [self.item(random, degradation) for random in randoms]
        left = None
        if degradation and self.leaves:
            targets = [item.pop("target") for item in items]
            left = undegraded(degradation, targets, randoms, self.told)
        views = {
            name: to_batch([item[name] for item in items])
            if items[0][name].ndim == 3
            else torch.from_numpy(np.stack([item[name] for item in items]))
            for name in items[0]
        }
        if self.points:
            return Batch(views, self.size)
        return Batch(views, degradation.scale if degradation else self.scale, left)

    def item(
        self, random: np.random.Generator, degradation: Degradation | None
    ) -> dict[str, NDArray[Any]]:
        """One item: crop, move, degrade, draw its noise.

        Views that belong together are cropped and moved together, those without partners each on
        their own.
        """
        item: dict[str, NDArray[Any]] = {}
        drawn = choose(self.groups, random)
        for pairs in (drawn, *drawn.apart):
            index = int(random.integers(len(pairs)))
            item |= self.pictures(pairs.load(index), pairs.values(index), random, degradation)
        return item | self.noise(random)

    @property
    def source_size(self) -> int:
        """Side of the sources, in pixels, which is that of every batch."""
        if self.points:
            return 1
        scales = (option.scale for option, _ in self.degradations)
        return self.size // max(scales, default=self.scale)

    def noise(self, random: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        """Standard normal values for noise; strengths and colors are left to the stack."""
        drawn: dict[str, NDArray[np.float32]] = {}
        for name, kind in self.kinds.items():
            if kind.is_noise:
                side = self.source_size * kind.scale
                across = self.width * kind.scale if self.width else side
                shape = (side, across, kind.count) if kind.is_map else (kind.count,)
                drawn[name] = random.standard_normal(shape, dtype=np.float32)
            elif kind.family == "strength":
                drawn[name] = np.asarray(-1, np.float32)
            elif kind.family == "colors":
                drawn[name] = np.full((kind.count, 3), -1, np.float32)
        return drawn

    def pictures(
        self,
        views: Mapping[str, NDArray[np.uint8]],
        values: Mapping[str, int | float | Joints],
        random: np.random.Generator,
        degradation: Degradation | None,
    ) -> dict[str, NDArray[Any]]:
        """Pictures ``(H, W, C)`` and values of one item, and what is known of a degraded one."""
        height, width = (side // self.scale for side in (self.size, self.width or self.size))
        margin = 0
        window = (height, width)
        if degradation is not None:
            margin = degradation.margin
            side = self.source_size * degradation.scale + 2 * margin
            window = (side, side)
            # A picture as small as its crop is seen to its edges, beyond which there is a mirror.
            views = {name: widened(pixels, window, margin) for name, pixels in views.items()}
        # On the grid of the source, of which the target has whole multiples.
        grid = {name: pixels for name, pixels in views.items() if name != "target"} or views
        picture = next(iter(grid.values())).shape
        part = looked_at(window, (picture[0], picture[1]), self.augment.spec.zoom, random)
        top, left = corner(grid, part, random)
        labels = [name for name in views if self.is_labels(name)]
        views, grown = zoomed(cut(views, part, top, left, self.scale), window, self.scale, labels)
        views, motion = self.augment.move(views, random)
        if degradation is not None and self.leaves:
            # In 8 bits, with its margin: what is made of it is made on the device.
            return {"target": views["target"]}
        pictures: dict[str, NDArray[Any]] = {
            name: self.ids(name, pixels, motion) if self.is_labels(name) else to_floats(pixels)
            for name, pixels in views.items()
        }
        motion = motion.after(grown.after(shifted(left, top)))
        pictures |= {
            name: moved(value, motion, self.swapped.get(name, ())) for name, value in values.items()
        }
        if self.points:
            for step in self.steps(self.size):
                pictures[f"down{step}:target"] = self.reduced(pictures["target"], step)
        if degradation is None:
            for step in self.steps(self.scale):
                pictures[f"down{step}:target"] = self.reduced(pictures["target"], step)
            return pictures
        degraded = degradation.apply(pictures["target"], random)
        pictures["source"] = trim(degraded.source, margin // degradation.scale)
        for step in self.steps(degradation.scale):
            # Reduced with its margin, so that the crop of it is what the whole picture would give.
            down = reduce(pictures["target"], step)
            pictures[f"down{step}:target"] = trim(down, margin // step)
        pictures["target"] = trim(pictures["target"], margin)
        told = degraded.sigma if random.random() < self.told else -1.0
        pictures["strength"] = np.asarray(told, np.float32)
        height, width = pictures["source"].shape[:2]
        pictures["noise_map"] = np.full((height, width, 1), degraded.sigma / SIGMA_UNIT, np.float32)
        return pictures

    def steps(self, scale: int) -> list[int]:
        """By how much the targets of a batch of this scale are reduced."""
        asked = self.reductions
        return [step for step in divisors(scale) if asked is None or step in asked]

    def reduced(self, target: NDArray[Any], step: int) -> NDArray[Any]:
        """A target reduced by a whole factor; of labels, which have no mean, one of each block."""
        if self.is_labels("target"):
            return target[step // 2 :: step, step // 2 :: step]
        return reduce(target, step)

    def ids(self, view: str, pixels: NDArray[np.uint8], motion: Motion) -> NDArray[np.int64]:
        """The labels of a view that has moved: a left arm is a right one in a mirror."""
        ids = pixels.astype(np.int64)
        swapped = self.swapped.get(view)
        return np.asarray(swapped, np.int64)[ids] if swapped and motion.mirrors else ids

    def is_labels(self, view: str) -> bool:
        """Whether the pictures of a view hold ids."""
        return view in self.kinds and self.kinds[view].family == "labels"


def moved(value: int | float | Joints, motion: Motion, swapped: Sequence[int]) -> NDArray[Any]:
    """What is told of a picture, after the picture has moved: a class and an angle as a mirror
    shows them, joints where their pixels went (``swapped`` as in `Sampler`, of the one view).
    """
    if isinstance(value, int):
        return np.asarray(swapped[value] if swapped and motion.mirrors else value, np.int64)
    if isinstance(value, float):
        return np.asarray(-value if motion.mirrors else value, np.float32)
    return motion(value, swapped)


def choose(options: Sequence[tuple], random: np.random.Generator):
    """One of ``(option, share)`` in proportion to the shares."""
    if len(options) == 1:
        return options[0][0]
    shares = np.array([share for _, share in options])
    return options[int(random.choice(len(options), p=shares / shares.sum()))][0]


def corner(
    views: Mapping[str, NDArray[np.uint8]], size: tuple[int, int], random: np.random.Generator
) -> tuple[int, int]:
    """Where a window of ``size`` (height, width) begins: (top, left), 0 along a side on which the
    views are smaller than it.
    """
    height, width = next(iter(views.values())).shape[:2]
    top = int(random.integers(max(height - size[0], 0) + 1))
    return top, int(random.integers(max(width - size[1], 0) + 1))


def cut(
    views: Mapping[str, NDArray[np.uint8]],
    size: tuple[int, int],
    top: int,
    left: int,
    scale: int = 1,
) -> dict[str, NDArray[np.uint8]]:
    """The same window of every view; pictures smaller than the window are mirrored at the edge.

    ``size``, ``top`` and ``left`` are in pixels of the first view; the target has ``scale`` on one.
    """
    if scale > 1:
        rest = {name: pixels for name, pixels in views.items() if name != "target"}
        height, width = size
        large = cut(
            {"target": views["target"]}, (height * scale, width * scale), top * scale, left * scale
        )
        return cut(rest, size, top, left) | large
    height, width = next(iter(views.values())).shape[:2]
    missing = (max(0, size[0] - height), max(0, size[1] - width))
    if any(missing):
        pad = ((0, missing[0]), (0, missing[1]), (0, 0))
        views = {name: np.pad(pixels, pad, "symmetric") for name, pixels in views.items()}
    rows, columns = slice(top, top + size[0]), slice(left, left + size[1])
    return {name: pixels[rows, columns] for name, pixels in views.items()}


def widened(picture: NDArray[np.uint8], window: tuple[int, int], margin: int) -> NDArray[np.uint8]:
    """A picture ``(H, W, C)`` mirrored beyond both ends of each side that the window (height,
    width) with its margins on all sides does not fit into.
    """
    sides = zip(picture.shape[:2], window, strict=True)
    pad = [(margin, margin) if side < asked else (0, 0) for side, asked in sides]
    return np.pad(picture, (*pad, (0, 0)), "symmetric") if any(map(any, pad)) else picture


def trim(picture: NDArray[np.float32], border: int) -> NDArray[np.float32]:
    """Cut ``border`` pixels from every side."""
    return picture[border:-border, border:-border] if border else picture


AHEAD = 6
"""Batches that are made before they are asked for."""
WORKERS = 2
"""Threads that make them, where the same cores train."""


def workers_for(device: torch.device, processes: int = 1) -> int:
    """Threads that make batches for a device: more of them where it leaves the cores alone, which
    several processes of a machine share.
    """
    if device.type == "cpu":
        return WORKERS
    return max(WORKERS, min(AHEAD, (os.cpu_count() or 1) // processes))


class Prefetch:
    """Makes the next batches in threads while the trainer works on the present one.

    With ``pin`` the threads also put batches into memory that a GPU copies from while it works.
    ``waited`` is the time in seconds that the trainer spent waiting for a batch.
    """

    def __init__(
        self,
        make: Callable[[int], Batch],
        steps: range,
        ahead: int = AHEAD,
        workers: int = WORKERS,
        pin: bool = False,
    ) -> None:
        self.make = (lambda step: make(step).pinned()) if pin else make
        self.steps = steps
        self.ahead = ahead
        self.workers = workers
        self.waited = 0.0

    def __iter__(self) -> Iterator[Batch]:
        with ThreadPoolExecutor(self.workers, thread_name_prefix="batches") as pool:
            queue: deque[Future[Batch]] = deque()
            coming = iter(self.steps)
            try:
                for _ in self.steps:
                    while len(queue) < self.ahead and (step := next(coming, None)) is not None:
                        queue.append(pool.submit(self.make, step))
                    started = time.perf_counter()
                    batch = queue.popleft().result()
                    self.waited += time.perf_counter() - started
                    yield batch
            finally:
                for future in queue:
                    future.cancel()
