"""What the hardware multiplies fast, and how it likes weights to lie."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def bf16_pays(device: torch.device) -> bool:
    """Whether the hardware multiplies in bf16; elsewhere it would be emulated, and slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def laid_out(module: Network) -> Network:
    """The module with its kernels channels last in memory, as pictures and features are."""
    # The stubs of `to` know this form for tensors alone.
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def memory_order(tensor: Tensor) -> tuple[int, ...]:
    """The axes of a tensor, that of the longest way in memory first.

    A dense tensor, permuted to this order, is contiguous.
    """
    if tensor.is_contiguous():
        return tuple(range(tensor.dim()))
    return tuple(sorted(range(tensor.dim()), key=tensor.stride, reverse=True))
