"""Memory of training on the CPU: kept when it is freed, and mapped in large pages."""

from __future__ import annotations

import ctypes
import os

LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"
"""Of PyTorch: whether tensors of 2 MB and more ask the kernel for pages of 2 MB."""
TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Of ``mallopt``, as malloc.h numbers them."""


def ask_for_large_pages() -> None:
    """Give large tensors pages of 2 MB, where the kernel leaves that to the process.

    A step of a large network walks through gigabytes; with pages of 4 KB the processor spends part
    of that on finding where each lies. To be called before torch is imported, which reads the
    switch when the first tensor is made. Who has set the switch keeps what was set.
    """
    os.environ.setdefault(LARGE_PAGES, "1")


def keep_freed_memory() -> bool:
    """Give tensors their memory from the heap, and never hand it back before the process ends.

    As it comes, glibc maps every large tensor anew and unmaps it when it is freed. On the CPU each
    step then spends a tenth of its time and more on page faults and on zeroing pages that held a
    tensor of the same size a step before. Returns whether the C library took the request: others
    than glibc have no such switch, and keep their ways.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(mallopt(MMAP_MAX, 0) and mallopt(TRIM_THRESHOLD, -1))
