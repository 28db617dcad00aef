"""The C library keeps what training frees, so that the next step finds it warm."""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Of ``mallopt``, as malloc.h numbers them."""


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
