"""Hold a written file against the stack it was made from; what differs does not ship."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

# Before ONNX Runtime, which it asks to keep things to itself.
from export.runtime.translator import Translator

# isort: split
import numpy as np
import onnxruntime
import torch
from torch import Tensor
from torch.nn import functional

from export.graph import ShippedStack
from export.manifest import Manifest

TOLERANCE = 1e-4
"""Largest difference between PyTorch and ONNX Runtime, of values in [0, 1]."""
LABELS = 0.01
"""Largest share of the label ids, and of the pixels at the edge of an area, that may differ."""
SEAM = 1e-5
"""Largest difference between a tiled and an untiled run, of values in [0, 1]."""

MOVED = 8
"""Pixels between random colors where a stack moves pixels: with a color of its own to each, a
thousandth of a pixel more or less would be a difference of colors, as in no photo."""

# (pictures, height, width), from the smallest size up: one pixel, lines, odd and long ones, several
# at once.
_SIZES = ((1, 1, 1), (3, 1, 9), (1, 2, 3), (1, 7, 5), (3, 8, 8), (1, 13, 40), (3, 33, 17))
_LARGER = ((1, 64, 48), (1, 97, 61))
_NO_LIMIT = 2**40  # bytes: a run is untiled
_SMALLEST = 1  # byte: tiles are as small as the halo lets them be
_MOST_PIXELS = 2**22


class ExportError(ValueError):
    """A stack that cannot become a file, or a file that does not do what its stack does."""


def verify_values(module: ShippedStack, path: Path, manifest: Manifest) -> float:
    """Compare the file with the stack at many sizes, on random pictures.

    Args:
        module: what was exported.
        path: the file, run by ONNX Runtime on the CPU in fp32.
        manifest: of the file; its smallest and its multiple's neighboring sizes are among those
            tried, its strengths told and left to the stack.

    Returns:
        The largest difference found.

    Raises:
        ExportError: a shape differs, or a value by more than `TOLERANCE`.
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    shapes = {port.name: list(port.shape) for port in session.get_inputs()}
    grain = MOVED if module.moves else 1
    worst = 0.0
    for count, height, width in sizes(manifest):
        feeds = draw(manifest, shapes, count, height, width, random, grain)
        with torch.inference_mode():
            wanted: Sequence[Tensor] = module(*map(torch.from_numpy, feeds.values()))
        try:
            names = [output.name for output in manifest.outputs]
            found = cast(list[np.ndarray], session.run(names, feeds))
        except Exception as error:  # ONNX Runtime's errors share no base class.
            reason = str(error).splitlines()[0]
            raise ExportError(
                f"{manifest.name}: ONNX Runtime fails at {count} x {width}x{height}: {reason}"
            ) from None
        for output, ours, theirs in zip(module.outputs, wanted, found, strict=True):
            where = f"{manifest.name}: output {output.name!r} of {count} x {width}x{height} pixels"
            expected = tuple(ours.shape)
            if theirs.shape != expected:
                raise ExportError(
                    f"{where} has the shape {theirs.shape} in ONNX Runtime, {expected} in "
                    "PyTorch; the exported graph does not follow this size"
                )
            if output.kind.family == "labels":
                check_labels(ours.numpy(), theirs, where)
                continue
            difference = largest_difference(ours.numpy(), theirs, output.area)
            # Written so that a difference that is no number fails too.
            if not difference <= TOLERANCE:
                raise ExportError(
                    f"{where} differs by {difference:.2g} between PyTorch and ONNX Runtime; at "
                    f"most {TOLERANCE:g} is allowed"
                )
            worst = max(worst, difference)
    return worst


def largest_difference(ours: np.ndarray, theirs: np.ndarray, area: bool) -> float:
    """Between pictures ``(N, C, H, W)``; where an area decides, of all but a few pixels."""
    differences = np.abs(theirs - ours)
    if not area or np.isnan(differences).any():
        return float(differences.max())
    pixels = np.sort(differences.max(axis=1), axis=None)
    return float(pixels[-1 - int(LABELS * pixels.size)])


def check_labels(ours: np.ndarray, theirs: np.ndarray, where: str) -> None:
    """Refuse label ids of which more than a few differ, as where two labels are equally likely."""
    share = float(np.mean(ours != theirs))
    if share > LABELS:
        raise ExportError(
            f"{where}: {share:.1%} of the labels differ between PyTorch and ONNX Runtime; at most "
            f"{LABELS:.1%} are allowed"
        )


def sizes(manifest: Manifest) -> Iterable[tuple[int, int, int]]:
    """(pictures, height, width) to try: ten or more, all of which the file takes."""
    if manifest.picture is None:
        return [(1, 1, 1), (3, 1, 1)]
    multiple, least = manifest.size_multiple, manifest.min_size
    more = least - 1
    found = {(count, height + more, width + more) for count, height, width in (*_SIZES, *_LARGER)}
    around = ((3, multiple, 2 * multiple), (1, multiple + 1, 3 * multiple - 1))
    found |= {(count, max(height, least), max(width, least)) for count, height, width in around}
    return sorted(found)


def draw(
    manifest: Manifest,
    shapes: Mapping[str, list[Any]],
    count: int,
    height: int,
    width: int,
    random: np.random.Generator,
    grain: int = 1,
) -> dict[str, np.ndarray]:
    """Random inputs of a size: pictures a little beyond [0, 1], strengths told and automatic.

    ``shapes`` are those of the graph's inputs, which tell how many channels noise has. ``grain`` is
    how many pixels lie between a picture's random colors, along one side.
    """
    feeds: dict[str, np.ndarray] = {}
    for port in manifest.inputs:
        if port.family == "strength":
            low, high = port.range or (0.0, 1.0)
            told = random.uniform(low, high, count)
            automatic = np.arange(count) % 2 == random.integers(2)
            feeds[port.name] = np.where(automatic, -1.0, told).astype(np.float32)
            continue
        if port.family == "colors":
            asked = random.uniform(0, 1, (count, port.count, 3))
            automatic = random.random((count, port.count, 1)) < 0.5
            feeds[port.name] = np.where(automatic, -1.0, asked).astype(np.float32)
            continue
        size = (round(height * port.scale), round(width * port.scale))
        if port.family == "angle":
            # More than a turn too: the graph itself knows that angles come round.
            feeds[port.name] = random.uniform(-540, 540, count).astype(np.float32)
        elif port.family == "keypoints":
            feeds[port.name] = draw_joints(random, (count, port.count), size)
        elif port.family == "class":
            feeds[port.name] = random.integers(port.count, size=count)
        elif port.family == "labels":
            feeds[port.name] = random.integers(port.count, size=(count, 1, *size))
        elif port.family == "noise":
            channels = shapes[port.name][1:2] + list(size if len(shapes[port.name]) == 4 else ())
            noise = random.standard_normal((count, *channels), dtype=np.float32)
            feeds[port.name] = noise
        else:
            channels = 3 if port.family == "rgb" else 1
            feeds[port.name] = draw_picture(random, (count, channels, *size), grain)
    return feeds


def draw_picture(
    random: np.random.Generator, shape: tuple[int, int, int, int], grain: int
) -> np.ndarray:
    """Pictures ``(N, C, H, W)`` in [-0.1, 1.1], bilinear between colors ``grain`` pixels apart."""
    *lead, height, width = shape
    few = (*lead, -(-height // grain), -(-width // grain))
    colors = torch.from_numpy(random.uniform(-0.1, 1.1, few).astype(np.float32))
    if grain == 1:
        return colors.numpy()
    return functional.interpolate(colors, (height, width), mode="bilinear").numpy()


def draw_joints(
    random: np.random.Generator, shape: tuple[int, ...], size: tuple[int, int]
) -> np.ndarray:
    """Keypoints (*shape, 3) in and a little around a picture of (height, width), some unseen."""
    places = random.uniform(-0.2, 1.2, (*shape, 2)) * (size[1], size[0])
    visible = random.random((*shape, 1)) > 0.2
    return np.concatenate([places, visible], axis=-1).astype(np.float32)


def verify_tiles(path: Path) -> float:
    """Compare a run in the smallest tiles with an untiled one, through the runtime.

    The picture is just large enough for two tiles along each side, and of odd sizes. A file whose
    tiling is not exact has nothing to compare.

    Returns:
        The largest difference found.

    Raises:
        ExportError: a value differs by more than `SEAM`, so the halo is wrong; or the halo is so
            large that no two tiles fit into a picture of four megapixels.
    """
    tiled = Translator(path, providers="cpu", memory=_SMALLEST)
    untiled = Translator(path, providers="cpu", memory=_NO_LIMIT)
    manifest = tiled.manifest
    if manifest.tiling != "exact":
        return 0.0
    side = smallest_side(tiled)
    height, width = side + 1, side + manifest.size_multiple - 1
    random = np.random.default_rng(0)
    views: dict[str, np.ndarray | float] = {}
    for port in manifest.inputs:
        if port.family in ("strength", "angle", "class", "colors", "noise"):
            continue  # Left to its default, or drawn from one seed by both.
        if port.family == "labels":
            views[port.name] = random.integers(port.count, size=(height, width))
            continue
        if port.family == "keypoints":
            views[port.name] = draw_joints(random, (port.count,), (height, width))
            continue
        shape = (height, width, 3 if port.family == "rgb" else 1)
        views[port.name] = random.random(shape, dtype=np.float32)
    whole, parts = untiled.run(views), tiled.run(views)
    worst = 0.0
    for name, picture in whole.items():
        difference = float(np.abs(parts[name] - picture).max())
        if manifest.output(name).family == "labels":
            check_labels(picture, parts[name], f"{manifest.name}: output {name!r} in tiles")
            continue
        if not difference <= SEAM:
            raise ExportError(
                f"{manifest.name}: output {name!r} differs by {difference:.2g} between a tiled "
                f"and an untiled run of {width}x{height} pixels; at most {SEAM:g} is allowed, so "
                f"a halo of {manifest.halo} is too small"
            )
        worst = max(worst, difference)
    return worst


def smallest_side(translator: Translator) -> int:
    """Pixels of the smallest square, in whole cells, that is cut along both sides."""
    multiple = translator.manifest.size_multiple
    side = -(-translator.manifest.min_size // multiple) * multiple
    while side * side <= _MOST_PIXELS:
        if len(translator.plan(side + 1, side + multiple - 1).tiles) >= 4:
            return side
        side += max(multiple, side // 8 // multiple * multiple)
    raise ExportError(
        f"{translator.manifest.name}: a halo of {translator.manifest.halo} pixels leaves no room "
        "for tiles; use a smaller network, or one of global operations"
    )
