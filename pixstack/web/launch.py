"""Start the web app and keep it going until Ctrl-C."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixstack.web.studio import Studio

WAITING = 32  # runs that may stand in the queue before newcomers are told to come back


@dataclass(frozen=True)
class Settings:
    """What `pixstack serve` was told; `port` 0 takes any free one.

    login: the name and the password that visitors are asked for; None lets everybody in.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    models: Path | None = None
    shipped: bool = True
    precision: str = "exact"
    provider: str = "auto"
    share: bool = False
    login: tuple[str, str] | None = None


def serve(settings: Settings) -> None:
    """Serve the page, print its address, and return when the process is asked to end.

    Raises:
        OSError: the port is taken.
        ValueError: the folder of models does not exist or holds none.
    """
    with started(settings) as address:
        print(f"Pixstack is at {address} (Ctrl-C ends it)", flush=True)
        forever = threading.Event()
        while not forever.wait(1):
            # Awake now and then: a signal that comes just before the wait would not end it.
            pass


@contextmanager
def started(settings: Settings) -> Iterator[str]:
    """The running app's address; on leaving, the app ends and its files are deleted."""
    port = _free_port(settings.host, settings.port)
    # Uploads and results live in a folder of this process alone and go when it ends.
    with tempfile.TemporaryDirectory(prefix="pixstack-", ignore_cleanup_errors=True) as cache:
        # gradio reads both when it is imported or builds its components.
        os.environ["GRADIO_TEMP_DIR"] = cache
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        # Its history would keep every picture in the browser of whoever used the page, and its
        # routes offer whoever runs the server's own account to strangers behind a proxy.
        os.environ["GRADIO_RUN_HISTORY"] = "False"

        from starlette.middleware import Middleware

        from pixstack.shelf import list_models
        from pixstack.web.guard import ServesFilesAlone
        from pixstack.web.look import CSS, HEAD, theme
        from pixstack.web.page import build_page
        from pixstack.web.studio import Studio

        models = {path.stem: path for path in list_models(settings.models, settings.shipped)}
        if not models:
            raise ValueError("no models found; name a folder of .onnx files with --models")
        studio = Studio(models, Path(cache), settings.precision, settings.provider)
        if not studio.manifests:
            raise ValueError("none of the models can be used; name another folder with --models")
        page = build_page(studio)
        page.queue(max_size=WAITING)
        ended = threading.Event()
        tidier = threading.Thread(target=tidy, args=(studio, page.delete_cache, ended), daemon=True)
        tidier.start()
        try:
            _, address, public = page.launch(
                # In an address, one of IPv6 stands in brackets.
                server_name=f"[{settings.host}]" if ":" in settings.host else settings.host,
                server_port=port,
                share=settings.share,
                auth=settings.login,
                prevent_thread_lock=True,
                quiet=True,
                show_error=False,
                max_file_size=studio.limits.file_bytes,
                theme=theme(),
                css=CSS,
                head=HEAD,
                footer_links=["api"],
                ssr_mode=False,
                pwa=False,
                mcp_server=False,
                enable_monitoring=False,
                app_kwargs={"middleware": [Middleware(ServesFilesAlone)]},
            )
            yield (public or address).rstrip("/")
        finally:
            ended.set()
            # A thread that works in ONNX Runtime when the process ends would abort it.
            studio.end()
            page.close(verbose=False)


def tidy(studio: Studio, times: tuple[float, float], ended: threading.Event) -> None:
    """Delete old results every so often, until the app has ended.

    Args:
        studio: whose results.
        times: seconds from one look to the next, and how old results become.
        ended: set when there is nothing more to do.
    """
    every, age = times
    while not ended.wait(every):
        studio.forget(age)


def _free_port(host: str, port: int) -> int:
    """`port`, or any free one for 0; told now, for starting the page takes seconds."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OSError(
            f"cannot listen on {host} port {port}: {reason}; choose another with --port or --host"
        ) from None
