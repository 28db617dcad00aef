"""What the hardware multiplies fast, and how it likes weights to lie."""

from __future__ import annotations

from typing import TypeVar, overload

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


def channels_last_pays(device: torch.device) -> bool:
    """Whether convolutions are trained faster where the channels of a pixel lie side by side.

    On tensor cores and by kernels for AVX-512 they are. Where a processor has AVX2 alone, a step
    takes an eighth longer so; of others nothing was measured, and torch's own order stays.
    """
    if device.type == "cpu":
        return torch.cpu._is_avx512_supported()
    return device.type == "cuda"


@overload
def laid_out(laid: Network, device: torch.device) -> Network: ...
@overload
def laid_out(laid: Tensor, device: torch.device) -> Tensor: ...
def laid_out(laid: nn.Module | Tensor, device: torch.device) -> nn.Module | Tensor:
    """A network with its kernels, or pictures ``(N, C, H, W)``, in the order that a device likes.

    They go together: a convolution takes the order of one of them, and copies the other.
    """
    order = torch.channels_last if channels_last_pays(device) else torch.contiguous_format
    if isinstance(laid, Tensor):
        return laid.contiguous(memory_format=order)
    # The stubs of `to` know this form for tensors alone.
    return laid.to(memory_format=order)  # type: ignore[call-overload]


def memory_order(tensor: Tensor) -> tuple[int, ...]:
    """The axes of a tensor, that of the longest way in memory first.

    A dense tensor, permuted to this order, is contiguous.
    """
    if tensor.is_contiguous():
        return tuple(range(tensor.dim()))
    return tuple(sorted(range(tensor.dim()), key=tensor.stride, reverse=True))
