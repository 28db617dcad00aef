"""How large a tile may be: what a pixel costs this network, and how much memory there is."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from numbers import Real
from pathlib import Path

import numpy as np
import onnxruntime

from export.runtime.errors import InputError

# Tiles are as small as their halos let them be, as progress is told after each, and grow to the
# most where they must.
_LEAST, _FIRST, _MOST = 64 * 2**20, 256 * 2**20, 2 * 2**30
# Above a node's own inputs and outputs, what skip connections and the convolutions' workspace
# hold; measured on a residual pyramid and a U-Net.
_HELD = 2.0


def bytes_per_pixel(
    model: bytes, feeds: Mapping[str, np.ndarray], pixels: int, threads: int | None = None
) -> float:
    """Bytes of working memory that the network needs per pixel of the picture.

    One run on a small picture under ONNX Runtime's profiler, which reports what each node reads
    and writes; `pixels` is that picture's size.
    """
    with tempfile.TemporaryDirectory(prefix="pixstack-") as folder:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.enable_profiling = True
        options.intra_op_num_threads = threads or 0
        options.profile_file_prefix = str(Path(folder) / "run")
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        session.run(None, dict(feeds))
        events = json.loads(Path(session.end_profiling()).read_text())
    sizes = [
        int(event["args"]["activation_size"]) + int(event["args"]["output_size"])
        for event in events
        if "activation_size" in event.get("args", {}) and "output_size" in event["args"]
    ]
    return _HELD * max(sizes, default=0) / pixels + 1


def amounts(memory: str | int) -> list[int]:
    """Bytes that a tile's activations may take, the least first: as told, or up to a quarter of
    what is free.

    Raises InputError for a wrong `memory`.
    """
    if memory == "auto":
        free = _free()
        most = _MOST if free is None else min(_MOST, max(_LEAST, free // 4))
        return [*(_FIRST * 2**step for step in range(3) if _FIRST * 2**step < most), most]
    whole = isinstance(memory, Real) and not isinstance(memory, (bool, str))
    number = float(memory) if whole else 0.0
    if not 1 <= number < 2**62 or not number.is_integer():
        raise InputError(f'memory must be "auto" or a number of bytes; got {memory!r}')
    return [int(number)]


def _free() -> int | None:
    """Bytes this process may still take; None where the system does not tell."""
    found: list[int] = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(int(line.split()[1]) * 1024)
    except OSError:
        pass
    try:
        # A container may have less than the machine.
        group = Path("/sys/fs/cgroup")
        limit = (group / "memory.max").read_text().strip()
        if limit != "max":
            used = int((group / "memory.current").read_text())
            parts = dict(map(str.split, (group / "memory.stat").read_text().splitlines()))
            # Files that were read are kept as long as nobody else needs the room.
            files = int(parts.get("inactive_file", 0)) + int(parts.get("active_file", 0))
            found.append(max(0, int(limit) - used + files))
    except (OSError, ValueError):
        pass
    return min(found, default=None)
