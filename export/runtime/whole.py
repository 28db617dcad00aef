"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; what was written takes the place of `path` at the end.

    Whoever reads `path` meanwhile finds the old file or the new one, whole, also after the power
    failed. Where the block raises, `path` stays as it was and nothing is left beside it.

    Raises OSError where the disk does not take the file.
    """
    # Hidden, with the ending of its kind; by chance, so that two who write at once do not meet.
    # Of a name as long as the system allows, the beginning.
    temporary = path.with_name(f".{path.stem[:32]}.{secrets.token_hex(4)}.writing{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.filename == str(temporary):
            # Nobody asked for that one.
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)
