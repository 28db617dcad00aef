"""The most memory that a process has held, as the system counted it."""

from __future__ import annotations

import resource
import sys


def peak_gigabytes(usage: resource.struct_rusage, platform: str = sys.platform) -> float:
    """Gigabytes of 2**30 bytes that a process, or one of those that it waited for, held at most."""
    # getrusage(2): macOS counts bytes, Linux kilobytes.
    return usage.ru_maxrss * (1 if platform == "darwin" else 1024) / 2**30
