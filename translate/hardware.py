"""What the hardware multiplies fast."""

from __future__ import annotations

import torch


def bf16_pays(device: torch.device) -> bool:
    """Whether the hardware multiplies in bf16; elsewhere it would be emulated, and slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False
