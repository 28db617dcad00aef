"""What may lie in the folder of a run before it starts; asked before anything slow is imported."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


class RunExistsError(ValueError):
    """There is a run in the folder, and it was not asked to go on, or goes on already."""


BEST = "best.safetensors"
RECIPE = "recipe.toml"


def weights_of(path: Path) -> Path:
    """The file of weights that a path means: of a run's folder it is its best."""
    return path / BEST if path.is_dir() else path


def state_of(folder: Path) -> Path:
    """The file of a run's full state."""
    return folder / "last" / "state.safetensors"


def refuse_second_run(folder: Path, resume: bool) -> None:
    """See that a run would not be written over.

    Raises:
        RunExistsError: it would.
    """
    if state_of(folder).exists() and not resume:
        raise RunExistsError(f"{folder} holds a run already; add --resume or choose another folder")


def claim(folder: Path) -> AbstractContextManager[object]:
    """Keep other processes from training into a folder until what is returned is left.

    It is the folder itself that is locked, and the system lets go of it when the process ends,
    however it ends. Where it has no such locks, nothing is kept.

    Raises:
        RunExistsError: another process has it.
    """
    held = ExitStack()
    if fcntl is None:
        return held
    descriptor = os.open(folder, os.O_RDONLY)
    held.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        raise RunExistsError(
            f"{folder}: another process trains into it; wait for it, or choose another folder"
        ) from None
    except OSError:
        pass  # a file system without locks
    return held
