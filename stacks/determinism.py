"""Deterministic mode, for the time of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Inside, where wanted, torch refuses operations whose results vary; after, all is as before.

    cuBLAS reads its setting when it starts, so on a GPU nothing may have been multiplied before.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    with cudnn.flags(enabled=cudnn.enabled, benchmark=False, deterministic=True):
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
