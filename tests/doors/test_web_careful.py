"""The choice of Careful: who is offered it, and what comes of it."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from pixstack.web.careful import offer
from pixstack.web.studio import Studio
from tests.doors.serving import client_of, served
from tests.doors.standins import write_super_resolution
from tests.runtime.models import leaner

FLIPS = "[augment]\nflip = true\n"


def shown(address: str) -> dict[str, bool]:
    """Whether each tab shows the choice."""
    parts = httpx.get(f"{address}/config").json()["components"]
    return {
        part["props"]["elem_id"].removesuffix("-careful"): part["props"]["visible"]
        for part in parts
        if (part["props"].get("elem_id") or "").endswith("-careful")
    }


def test_a_careful_result_is_the_mean_over_the_positions(photo: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    # The stand-in moves a picture by a pixel to the right; mirrored, to the left.
    leaner(models / "leaner.onnx", FLIPS, task="denoising")
    source = np.pad(np.asarray(Image.open(photo)).astype(float), [(0, 0), (1, 1), (0, 0)])
    with client_of(models, tmp_path) as client:
        asked = (handle_file(photo), True, 0, "leaner")
        for careful, expected in (
            (False, source[:, :-2]),
            (True, (source[:, :-2] + source[:, 2:]) / 2),
        ):
            file, line, _ = client.predict(*asked, careful, api_name="/denoise")
            assert np.abs(np.asarray(Image.open(file)) - expected).max() <= 0.5
            assert (" leaner · careful · " in line) == careful


def test_it_is_offered_to_models_that_learned_from_positions(photo: Path, tmp_path: Path) -> None:
    write_super_resolution(tmp_path / "plain.onnx")
    leaner(tmp_path / "leaner.onnx", FLIPS, task="denoising")
    with served(tmp_path) as address:
        assert shown(address) == {"super_resolution": False, "denoise": True}
    studio = Studio({name: tmp_path / f"{name}.onnx" for name in ("plain", "leaner")}, tmp_path)
    # A choice that is hidden is taken back, or it would go on being asked for.
    assert offer(studio, "plain")["value"] is False
    assert offer(studio, "plain")["visible"] is False
    assert "value" not in offer(studio, "leaner")
    assert offer(studio, "leaner")["visible"] is True
    assert offer(studio, "of no such name")["visible"] is False
    asked = (handle_file(photo), "2x", "plain", True)
    with (
        client_of(tmp_path, tmp_path / "downloads") as client,
        pytest.raises(AppError, match="has no self-ensemble"),
    ):
        client.predict(*asked, api_name="/super_resolution")
