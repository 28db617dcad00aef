"""By which kernels a device computes: exact ones, fast ones, or always the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def prepare_devices() -> None:
    """Say to cuBLAS what it reads when it starts: to be called before anything is multiplied."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def choose_kernels(device: torch.device, same: bool) -> None:
    """Set once for the process how cuDNN computes, where the device has it.

    What stands outside autocast, penalties and variances among it, is there for the digits that
    TF32 leaves out, and fp32 is what a recipe of that precision asks for. Crops are of few sizes,
    so the fastest kernel for each is worth a search, but where results must be the ``same``.
    """
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = not same


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Inside, where wanted, torch refuses operations whose results vary; after, all is as before.

    On a GPU nothing may have been multiplied before, or `prepare_devices` was called before that.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn
    prepare_devices()
    torch.use_deterministic_algorithms(True)
    with cudnn.flags(
        enabled=cudnn.enabled, benchmark=False, deterministic=True, allow_tf32=cudnn.allow_tf32
    ):
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
