"""Pixels moved: a picture made of the source's own, each taken from elsewhere in it.

Appearance flow (Zhou et al. 2016, "View Synthesis by Appearance Flow", arXiv 1605.03557, section
3.1): where every pixel of the result comes from is generated, not its color. What is moved keeps
the colors and the texture of the source, which a network of a few people or things does not know.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

AXES = 2
"""Across and down."""
FARTHEST = 2.0
"""Sides are this long where a picture spans [-1, 1]: a pixel may come from the opposite edge."""
SMOOTH = 5
"""Neighbors move alike: displacements are means over windows of this side."""


def moved(picture: Tensor, displacements: Tensor) -> Tensor:
    """Every pixel taken from elsewhere.

    Args:
        picture: ``(N, C, H, W)``.
        displacements: ``(N, 2, H, W)`` in [-1, 1]: how far to the right, and down, of a pixel lies
            what comes there, 1 being the whole width or height. Beyond its edges a picture goes on
            with the color there.

    Returns:
        ``(N, C, H, W)``, interpolated bilinearly.
    """
    smooth = functional.avg_pool2d(
        displacements, SMOOTH, stride=1, padding=SMOOTH // 2, count_include_pad=False
    )
    height, width = picture.shape[-2:]
    rows, columns = (centers(side, picture.device) for side in (height, width))
    own = torch.stack([columns.expand(height, -1), rows[:, None].expand(-1, width)])
    grid = (own + FARTHEST * smooth).permute(0, 2, 3, 1)
    return functional.grid_sample(
        picture, grid.to(picture.dtype), "bilinear", "border", align_corners=False
    )


def centers(side: int, device: torch.device) -> Tensor:
    """Where the middles of ``side`` pixels lie from -1 to 1."""
    return (2 * torch.arange(side, device=device) + 1) / side - 1
