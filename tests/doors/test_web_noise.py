"""Models that draw from noise alone, and models of no named task, in the Photo tab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from pixstack.web.page import build_page
from pixstack.web.studio import Studio
from tests.doors.serving import client_of
from tests.doors.translations import write_dream, write_facade


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("dreams")
    write_dream(folder / "dream.onnx")
    with client_of(folder, tmp_path_factory.mktemp("downloads")) as client:
        yield client


def drawn(client: Client, seed: int = 0, inputs: Any = None) -> tuple[Any, ...]:
    return client.predict(None, "dream", inputs or {}, seed, "", api_name="/photo")


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def test_a_seed_and_a_class_make_a_picture(client: Client) -> None:
    file, line, before, after = drawn(client, 3)
    assert Path(file).name == "dream-3.png"
    assert line.startswith("4\N{MULTIPLICATION SIGN}4 pixels")
    assert before is None
    assert (pixels(after) == pixels(file)).all()
    again, other, lit = (
        drawn(client, seed, inputs)[0] for seed, inputs in ((3, {}), (4, {}), (3, {"kind": "lit"}))
    )
    assert (pixels(again) == pixels(file)).all()
    assert (pixels(other) != pixels(file)).any()
    # Half of white is added, but for what is cut off below black and above white.
    change = pixels(lit) - pixels(file)
    assert change.min() >= 0
    assert 0 < change.max() <= 128


def test_a_seed_that_is_none_is_told(client: Client) -> None:
    with pytest.raises(AppError, match="the seed is '-1'"):
        drawn(client, -1)


@pytest.mark.parametrize("beside", [False, True])
def test_there_is_nothing_to_upload_for_it(tmp_path: Path, beside: bool) -> None:
    write_dream(tmp_path / "dream.onnx")
    if beside:
        write_facade(tmp_path / "facade-photo.onnx")
    page = build_page(Studio({path.stem: path for path in tmp_path.glob("*.onnx")}, tmp_path))
    blocks = {getattr(one, "elem_id", None): one for one in page.blocks.values()}
    upload, source, seed = (blocks[f"photo-{name}"] for name in ("upload", "before", "seed"))
    assert isinstance(upload, gradio.Image)
    assert isinstance(source, gradio.Image)
    # Where a model that reads a picture comes first, its board does.
    assert not upload.visible
    assert source.visible == beside
    assert isinstance(seed, gradio.Number)
