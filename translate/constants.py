"""Numbers of the code as tensors that stay where they are used: each copy makes a GPU wait."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor


def constant(values: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """A tensor of numbers, in the shape in which they are nested; to be read only."""
    # What is traced takes them into its graph: a tensor of the tracer is of no use to anybody else.
    if torch.compiler.is_compiling():
        return torch.tensor(values, dtype=dtype, device=device)
    return kept(values, dtype, device)


@cache
def kept(values: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The same, made once."""
    # One that is made in inference mode could not be used in training.
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device)
