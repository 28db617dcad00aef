"""Files that are whole or not there, whenever a run is killed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

UNFINISHED = ".writing"


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the place, flush, and rename over it; what a killed run began is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}{UNFINISHED}")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def link(path: Path, other: Path) -> None:
    """Have ``other`` be the file that is at ``path`` now; later ones there leave it alone."""
    temporary = other.with_name(f".{other.name}{UNFINISHED}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(path, temporary)
    except OSError:
        # A file system without hard links.
        shutil.copyfile(path, temporary)
    os.replace(temporary, other)


def sweep(folder: Path) -> None:
    """Remove what a killed run was in the middle of writing."""
    for path in folder.rglob(f".*{UNFINISHED}"):
        path.unlink(missing_ok=True)
