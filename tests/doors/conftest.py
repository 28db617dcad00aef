"""Stand-in models, pictures, and the command line called in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from pixstack.cli import main
from tests.doors.serving import served
from tests.doors.standins import write_all


@dataclass(frozen=True)
class Answer:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def error_lines(self) -> list[str]:
        return self.err.strip().splitlines()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_all(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def address(models: Path) -> Iterator[str]:
    """Of the app with the stand-ins."""
    with served(models) as address:
        yield address


@pytest.fixture
def pixstack(
    models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Call `pixstack ARGUMENTS` with the stand-ins as its models, and no others."""
    monkeypatch.setenv("PIXSTACK_MODELS", str(models))
    monkeypatch.setattr("pixstack.shelf._own", lambda kind: ())
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str | Path) -> Answer:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A colorful picture of 60x40 pixels."""
    values = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(values).save(path)
    return path


RECIPE = """
name = "tiny"
task = "super-resolution"
batch = 2
precision = "fp32"

[data]
layout = "targets"
views = { target = "rgb" }
size = 16

[degrade]
choices = ["bicubic:2"]

[[stage]]
name = "x2"
writes = "x2"
join = "add"
generator = { kind = "pyramid", channels = 4, blocks = 1 }

[[phase]]
train = ["x2"]
steps = 3
adversarial = false
"""


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("astronaut", "coffee"):
        Image.fromarray(getattr(data, name)()[40:91, 30:95]).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path
