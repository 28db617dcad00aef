"""Stacks exported once for the whole run."""

from __future__ import annotations

import pytest
import torch

from export.convert import Exported, export_stack
from stacks.stack import Stack
from tests.export import small
from translate.generators import GENERATORS


@pytest.fixture(autouse=True)
def one_thread():
    """Tests run beside each other; the results do not depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generator of the tests among the kinds of recipes, for one test."""
    monkeypatch.setitem(GENERATORS._specs, "layers", small.LayersSpec)


@pytest.fixture(scope="session")
def pyramid() -> Stack:
    return small.make(small.PYRAMID)


@pytest.fixture(scope="session")
def denoiser() -> Stack:
    return small.make(small.DENOISER)


@pytest.fixture(scope="session")
def exported_pyramid(pyramid: Stack, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("pyramid")
    metrics = {"set5": {"psnr_y": 31.5, "protocol": {"degrade": "bicubic:4"}}}
    checkpoint = small.saved(pyramid, folder)
    return export_stack(checkpoint, folder / "sr.onnx", "named", "3", metrics)


@pytest.fixture(scope="session")
def exported_denoiser(denoiser: Stack, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("denoiser")
    # A folder that is not there yet is made.
    return export_stack(small.saved(denoiser, folder), folder / "models" / "denoise.onnx")
