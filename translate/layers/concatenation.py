"""Feature maps side by side, as U-Nets put what comes up beside what went down."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from translate.layers.normalization import channels_last


def side_by_side(*maps: Tensor) -> Tensor:
    """Maps ``(N, C, H, W)`` of one size -> one of all their channels.

    The gradient of a concatenation is a view of some channels of a larger one. On the CPU, where
    channels of a pixel lie side by side, normalizations have no kernel for such gaps and take many
    times as long as a copy without them, which each map is given here.
    """
    if not torch.compiler.is_compiling():
        # A compiler writes kernels of its own, for gaps too.
        for each in maps:
            if each.requires_grad and each.device.type == "cpu" and channels_last(each):
                cast(Any, each).register_hook(without_gaps)
    return torch.cat(maps, dim=1)


def without_gaps(gradient: Tensor) -> Tensor:
    """The same gradient, with nothing of another between its pixels."""
    return gradient.contiguous(memory_format=torch.channels_last)
