"""The wheel, unpacked outside the repository and without the `train` extra, runs and serves."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.repository.tree import ROOT, WITHOUT_TRAINING


@pytest.fixture(scope="module")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site-packages")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", folder, wheel],
        check=True,
        timeout=120,
    )
    return folder


@pytest.fixture
def environment(alone: Path, tmp_path: Path) -> dict[str, str]:
    """What the commands see: the unpacked wheel first, and nothing of the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIXSTACK")}
    return {**kept, "PYTHONPATH": str(alone), "HOME": str(tmp_path)}


def pixstack(
    *arguments: str, environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT_TRAINING, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_code_is_that_of_the_wheel(environment: dict[str, str], tmp_path: Path) -> None:
    program = "import app, export, pixstack, stacks, translate; " + "; ".join(
        f"print({name}.__file__)" for name in ("app", "export", "pixstack", "stacks", "translate")
    )
    result = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(line.startswith(environment["PYTHONPATH"]) for line in result.stdout.splitlines())


def test_it_lists_the_shipped_models(environment: dict[str, str], tmp_path: Path) -> None:
    result = pixstack("models", "--json", "-", environment=environment, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    shipped = {path.stem for path in (ROOT / "models").glob("*.onnx")}
    assert {model["name"] for model in json.loads(result.stdout)} == shipped
    assert "photo-sr" in shipped


def test_it_runs_a_shipped_model(environment: dict[str, str], tmp_path: Path) -> None:
    from PIL import Image

    Image.effect_noise((40, 30), 64).convert("RGB").save(tmp_path / "small.png")
    result = pixstack(
        "run", "photo-sr", "small.png", "-o", "large.png", environment=environment, folder=tmp_path
    )
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "large.png") as picture:
        assert picture.size == (160, 120)


def test_it_serves_the_app(environment: dict[str, str], tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-P", "-c", WITHOUT_TRAINING, "serve", "--port", "0"],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        # The address is the first thing that is printed, and only once the app answers.
        line = server.stdout.readline()
        address = next(word for word in line.split() if word.startswith("http://"))
        with urlopen(address, timeout=30) as page:
            assert page.status == 200
            assert b"Pixstack" in page.read()
    finally:
        server.terminate()
        server.wait(timeout=30)
