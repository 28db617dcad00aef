"""Files that are whole or not there, whenever a run is killed and whoever writes beside it.

The names of unfinished files are those of `export.runtime.whole`, which must not be imported here.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

UNFINISHED = ".writing"


def unfinished(path: Path) -> Path:
    """A hidden name beside ``path``; by chance, so that two who write at once do not meet."""
    # Of a name as long as the system allows, the beginning.
    return path.with_name(f".{path.stem[:32]}.{secrets.token_hex(4)}{UNFINISHED}{path.suffix}")


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the place, flush, and rename over it; the last who writes is read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = unfinished(path)
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.filename == str(temporary):
            # Nobody asked for that one.
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def link(path: Path, other: Path) -> None:
    """Have ``other`` be the file that is at ``path`` now; later ones there leave it alone."""
    temporary = unfinished(other)
    try:
        try:
            os.link(path, temporary)
        except OSError:
            # A file system without hard links.
            shutil.copyfile(path, temporary)
        os.replace(temporary, other)
    finally:
        # Also where both were the same file, which a rename leaves as they are.
        temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a killed run was in the middle of writing."""
    for path in folder.rglob(f".*{UNFINISHED}*"):
        path.unlink(missing_ok=True)
