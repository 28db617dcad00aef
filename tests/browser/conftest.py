"""The app in a process of its own and a headless Chromium that looks at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.doors.standins import write_all
from tests.doors.translations import write_translations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("photo-sr", "photo-sr-crisp", "photo-denoise", "photo-denoise-real")
PATIENCE = 120_000  # milliseconds; the machine may be busy with other things
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class App:
    """A running app.

    address: where it is. models: what it serves. folder: its TMPDIR, with all its files.
    """

    address: str
    models: Path
    folder: Path


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    models = ROOT / "models"
    if not all((models / f"{name}.onnx").is_file() for name in MODELS):
        # Layers make a run on a large picture long enough to be stopped.
        models = write_all(tmp_path_factory.mktemp("models"), layers=12)
    with serving(models, tmp_path_factory.mktemp("app")) as app:
        yield app


@pytest.fixture(scope="session")
def translating_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app over stand-ins for pose and photo beside those that enlarge."""
    models = write_translations(write_all(tmp_path_factory.mktemp("models")))
    with serving(models, tmp_path_factory.mktemp("app")) as app:
        yield app


@contextmanager
def serving(models: Path, folder: Path) -> Iterator[App]:
    """The app in a process of its own, all its files in `folder`."""
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", "0", "--no-shipped", "--models", str(models)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("Pixstack is at "), "the app did not start"
        yield App(line.split()[3], models, folder)
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine (apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=[1280, 400])
def width(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def page(browser: Browser, app: App) -> Iterator[Page]:
    """The page at 1280x900, which must ask no other host for anything."""
    with new_page(app, browser, 1280) as page:
        yield page


@pytest.fixture
def page_of_width(browser: Browser, app: App, width: int) -> Iterator[Page]:
    with new_page(app, browser, width) as page:
        yield page


@contextmanager
def new_page(app: App, browser: Browser, width: int) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": width, "height": 900}, accept_downloads=True)
    page.set_default_timeout(PATIENCE)
    strange: list[str] = []

    def note(url: str) -> None:
        if not url.startswith((app.address, "data:", "blob:")):
            strange.append(url)

    page.on("request", lambda request: note(request.url))
    page.goto(app.address)
    page.locator("#super_resolution-run").wait_for()
    yield page
    page.close()
    assert strange == []


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """Something like a photograph, 150x100 pixels: smooth shapes and a little noise."""
    return write_photograph(tmp_path / "photograph.png", 150, 100)


def write_photograph(path: Path, width: int, height: int) -> Path:
    down, across = np.mgrid[0:height, 0:width] / min(width, height)
    waves = [np.sin(7 * across + 3 * down), np.cos(9 * down), np.sin(5 * across * down)]
    noise = np.random.default_rng(0).normal(0, 12, (height, width, 3))
    values = 128 + 80 * np.stack(waves, axis=-1) + noise
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path)
    return path
