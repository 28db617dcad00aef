"""The app over some models, for a while, and the environment as it was afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradio_client import Client

from pixstack.web.launch import Settings, started


@contextmanager
def served(
    models: Path, host: str = "127.0.0.1", login: tuple[str, str] | None = None
) -> Iterator[str]:
    """The address of the app over a folder of models alone."""
    before = dict(os.environ)
    try:
        with started(Settings(host, 0, models, shipped=False, login=login)) as address:
            yield address
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def client_of(models: Path, downloads: Path) -> Iterator[Client]:
    """A client of such an app, which keeps what it gets in a folder."""
    with served(models) as address:
        client = Client(address, verbose=False, download_files=downloads)
        yield client
        client.close()
