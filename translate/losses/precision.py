"""Where many small numbers, squares or exponentials are summed, half precision is not enough."""

from __future__ import annotations

import torch
from torch import Tensor


def full(tensor: Tensor) -> Tensor:
    """The tensor in float32; float64 stays, so that losses can be checked in it."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def outside_autocast(tensor: Tensor) -> torch.autocast:
    """A context in which nothing on the tensor's device is cast down."""
    return torch.autocast(tensor.device.type, enabled=False)
