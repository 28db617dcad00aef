"""Opened test models, one file each for the whole run."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.runtime import Translator
from tests.runtime import models


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def enlarger(folder: Path) -> Translator:
    return Translator(models.enlarger(folder / "enlarger.onnx"), providers="cpu", threads=1)


@pytest.fixture(scope="session")
def adder(folder: Path) -> Translator:
    """Cut into as many tiles as can be, so that whatever is per tile shows."""
    path = models.adder(folder / "adder.onnx")
    return Translator(path, providers="cpu", threads=1, memory=1)


@pytest.fixture(scope="session")
def pointer(folder: Path) -> Translator:
    return Translator(models.pointer(folder / "pointer.onnx"), providers="cpu", threads=1)
