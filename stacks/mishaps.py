"""What the machine refuses a run, as one line each: memory, room on the disk, a writable folder."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from stacks.run import Run
from translate.batches import AHEAD, Sampler
from translate.tables import TableError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space, a quota that is used up, a file larger than may be."""


class OutOfMemory(ValueError):
    """A batch does not fit into the memory of the host or of the device."""


class OutOfSpace(OSError):
    """The disk is full; what was on it before is whole."""


def prepare_folder(folder: Path) -> None:
    """Make the folder of a run, and see that files can be written there before any work is done.

    Raises:
        OSError: they cannot; the message says why.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OSError(
            f"{folder}: cannot be written to ({reason}); choose another folder for the run"
        ) from None


def check_memory(sampler: Sampler, key: str) -> None:
    """See that the batches that are held at a time fit into memory, by the size of one item.

    It is the least that a run takes: networks and what they compute come on top.

    Raises:
        TableError: they do not.
    """
    available = available_memory()
    if available is None:
        return
    item = replace(sampler, batch=1, device=0, devices=1)(0).nbytes
    held = item * (sampler.batch // sampler.devices) * AHEAD
    if held > available:
        raise TableError(
            f"{key}: got {sampler.batch}; {AHEAD} batches ahead take {gigabytes(held)} and "
            f"{gigabytes(available)} of memory are free; at most "
            f"{max(1, available // (item * AHEAD)) * sampler.devices} fit: lower it, or data.size; "
            "accumulate = N averages the gradients of N smaller batches"
        )


def available_memory() -> int | None:
    """Bytes that can be had without swapping; None where the system does not say (not Linux)."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    table = dict(line.split(":", 1) for line in lines if ":" in line)
    available = int(table["MemAvailable"].split()[0]) * 1024
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text("ascii").strip()
        used = int((group / "memory.current").read_text("ascii"))
        parts = dict(map(str.split, (group / "memory.stat").read_text("ascii").splitlines()))
    except (OSError, ValueError):
        return available
    if limit == "max":
        return available
    # Files that were read are kept as long as nobody else needs the room.
    files = int(parts.get("inactive_file", 0)) + int(parts.get("active_file", 0))
    return min(available, max(0, int(limit) - used + files))


def gigabytes(count: int) -> str:
    """Bytes for people."""
    return f"{count / 2**30:.1f} GB"


@contextmanager
def told(run: Run, folder: Path) -> Iterator[None]:
    """Inside, what the machine refuses is told in one line that says what to do.

    Raises:
        OutOfMemory: a batch does not fit.
        OutOfSpace: the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        reason = (error.strerror or "no space left").lower()
        raise OutOfSpace(
            f"{error.filename or folder}: {reason} at step {run.step}; {folder / 'last'} is whole: "
            "make room, then go on with --resume"
        ) from None
    except (MemoryError, RuntimeError) as error:
        if not is_memory(error):
            raise
        phase, recipe = run.phase_spec, run.recipe
        batch, size = phase.batch or recipe.batch, phase.size or recipe.data.size
        said = str(error).splitlines() or ["there is no more"]
        more = not (recipe.checkpointing or recipe.compile)
        again = ", checkpointing = true computes activations again" if more else ""
        raise OutOfMemory(
            f"step {run.step}: a batch of {batch} at {size} pixels does not fit into the memory of "
            f"{run.fabric.device} ({said[0][:120]}); lower batch or data.size; accumulate = N "
            f"averages the gradients of N smaller batches{again}"
        ) from None


NO_MEMORY = ("can't allocate memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")
"""How the CPU, the driver of a GPU, and cuBLAS or cuDNN say it."""


def is_memory(error: BaseException) -> bool:
    """Whether memory ran out: torch has a type of its own on GPUs, and none on the CPU."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)
