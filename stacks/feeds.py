"""Inputs for a stack, made up: what tracing, counting and measuring feed it."""

from __future__ import annotations

import torch
from torch import Tensor

from stacks.stack import Stack
from stacks.stage import ViewSpec

AUTOMATIC = -1.0
"""A strength, or a color, that the stack finds itself."""
UNSEEN = 0.2
"""Share of the joints that are not visible."""


def random_inputs(
    stack: Stack, count: int, height: int, width: int, generator: torch.Generator | None = None
) -> dict[str, Tensor]:
    """Inputs by name for ``count`` sources of ``height x width`` pixels."""
    return {
        name: random_view(view, count, height, width, generator)
        for name, view in stack.inputs.items()
    }


def random_view(
    view: ViewSpec, count: int, height: int, width: int, generator: torch.Generator | None
) -> Tensor:
    """One input: pictures in [0, 1], ids and classes among those there are, angles of a whole turn,
    normal noise, joints inside the picture, some of them not visible.
    """
    kind = view.kind
    size = (int(height * view.scale), int(width * view.scale))
    match kind.family:
        case "strength":
            return torch.full((count,), AUTOMATIC)
        case "angle":
            return 360 * torch.rand(count, generator=generator)
        case "colors":
            return torch.full((count, kind.count, 3), AUTOMATIC)
        case "class":
            return torch.randint(kind.count, (count,), generator=generator)
        case "labels":
            return torch.randint(kind.count, (count, 1, *size), generator=generator)
        case "noise":
            return torch.randn(count, kind.count, generator=generator)
        case "noise-map":
            return torch.randn(count, kind.count, *size, generator=generator)
        case "keypoints":
            places = torch.rand(count, kind.count, 2, generator=generator)
            seen = torch.rand(count, kind.count, 1, generator=generator) > UNSEEN
            return torch.cat([places * torch.tensor([size[1], size[0]]), seen.float()], dim=2)
        case _:
            return torch.rand(count, kind.channels, *size, generator=generator)
