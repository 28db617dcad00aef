"""The app over some models, for a while, and the environment as it was afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixstack.web.launch import Settings, started


@contextmanager
def served(models: Path) -> Iterator[str]:
    """The address of the app over a folder of models alone."""
    before = dict(os.environ)
    with started(Settings(port=0, models=models, shipped=False)) as address:
        yield address
    os.environ.clear()
    os.environ.update(before)
