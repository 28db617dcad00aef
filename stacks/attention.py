"""Where a stack looks: the attention maps of its generators, as pictures.

For a few points of the result, each in a color of its own, the map shows how much every position
gave to that point (Zhang et al. 2019, SAGAN, arXiv 1805.08318, figure 5).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from stacks.stack import Stack
from translate.layers.attention import SelfAttention
from translate.pixels import to_bytes

Bytes = NDArray[np.uint8]
POINTS = ((0.25, 0.25), (0.25, 0.75), (0.5, 0.5), (0.75, 0.25), (0.75, 0.75))
"""The points that are asked, as shares of the height and the width."""
COLORS = ((230, 60, 60), (60, 160, 230), (240, 190, 40), (90, 200, 90), (200, 90, 210))
SIDE = 192
"""The shorter side of a panel, in pixels: small maps are to be seen too."""
MARK = 4
"""Half the side of a point's mark, and the width of a panel's frame, in pixels."""


@dataclass
class Watched:
    """What the attention layers of a stack did in its last run.

    maps: by layer, ``(N, H W, h w)`` as `SelfAttention.attention_map` gives them; sizes: H and W.
    """

    maps: dict[str, Tensor] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)


@contextmanager
def watch(stack: Stack) -> Iterator[Watched]:
    """Inside, the maps of every run of the stack are kept until the next one.

    Raises:
        ValueError: no generator has attention.
    """
    layers = {
        name.removeprefix("stages."): module
        for name, module in stack.named_modules()
        if isinstance(module, SelfAttention)
    }
    if not layers:
        raise ValueError(
            f"{stack.recipe.name}: no generator has attention; give one, such as attention = [3]"
        )
    watched = Watched()

    def keep(name: str, layer: SelfAttention, features: Tensor) -> None:
        height, width = features.shape[2:]
        watched.maps[name] = layer.attention_map(features).float().cpu()
        watched.sizes[name] = (height, width)

    def hook(name: str, layer: SelfAttention) -> RemovableHandle:
        def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            keep(name, layer, inputs[0])

        return layer.register_forward_pre_hook(look)

    hooks = [hook(name, layer) for name, layer in layers.items()]
    try:
        yield watched
    finally:
        for handle in hooks:
            handle.remove()


def sheet(picture: NDArray[np.float32], watched: Watched) -> Bytes:
    """A row for each layer: the result with the points asked, then the map of each point.

    Args:
        picture: the result ``(H, W, 1 or 3)`` in [0, 1].
        watched: what the layers did for it, of one picture.
    """
    pixels = np.broadcast_to(to_bytes(picture), (*picture.shape[:2], 3))
    scale = SIDE / min(picture.shape[:2])
    height, width = (round(scale * side) for side in picture.shape[:2])
    shown = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
    rows = [
        np.concatenate([marked(shown), *panels(shown, watched.maps[name][0], size)], axis=1)
        for name, size in watched.sizes.items()
    ]
    return np.concatenate(rows)


def marked(picture: Bytes) -> Bytes:
    """The picture with a colored square at each point."""
    made = picture.copy()
    for (down, across), color in zip(POINTS, COLORS, strict=True):
        row, column = round(down * made.shape[0]), round(across * made.shape[1])
        made[row - MARK : row + MARK, column - MARK : column + MARK] = color
    return made


def panels(picture: Bytes, attention: Tensor, size: tuple[int, int]) -> list[Bytes]:
    """For each point the picture as bright as the map is there, in a frame of its color.

    Args:
        picture: ``(H', W', 3)``.
        attention: ``(H W, h w)``, all points of a map.
        size: H and W.
    """
    height, width = size
    # Pooled keys make a smaller map of the same shape.
    factor = round((height * width / attention.shape[1]) ** 0.5)
    made: list[Bytes] = []
    for (down, across), color in zip(POINTS, COLORS, strict=True):
        row, column = int(down * height), int(across * width)
        weights = attention[row * width + column].reshape(height // factor, width // factor)
        light = Image.fromarray((weights / weights.max()).numpy().astype(np.float32))
        spread = np.asarray(light.resize(picture.shape[1::-1], Image.Resampling.NEAREST))
        panel = np.rint(picture * (0.15 + 0.85 * spread[..., None])).astype(np.uint8)
        frame = np.ones(panel.shape[:2], bool)
        frame[MARK:-MARK, MARK:-MARK] = False
        panel[frame] = color
        made.append(panel)
    return made
