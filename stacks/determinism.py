"""Deterministic mode, for the time of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def prepare_devices() -> None:
    """Say to cuBLAS what it reads when it starts: to be called before anything is multiplied."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


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
    with cudnn.flags(enabled=cudnn.enabled, benchmark=False, deterministic=True):
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
