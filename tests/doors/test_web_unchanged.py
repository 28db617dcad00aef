"""A model that gives back its source unless it is asked for a change."""

from __future__ import annotations

import threading
from pathlib import Path

import gradio
import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from export.manifest import Input, Manifest, Output
from pixstack.web.page import build_page
from pixstack.web.studio import UNCHANGED, Order, Studio
from tests.doors.standins import constant, save

OUTFITS = ("as it is", "dress", "shorts")


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Of one model: `source`, `outfit` -> `target`, the source by outfit + 1."""
    nodes = [
        helper.make_node("Cast", ["outfit"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["number", "one"], ["counted"]),
        helper.make_node("Unsqueeze", ["counted", "axes"], ["counted4"]),
        helper.make_node("Div", ["source", "counted4"], ["target"]),
    ]
    weights = [
        constant("one", np.array(1, np.float32)),
        constant("axes", np.array([1, 2, 3], np.int64)),
    ]
    manifest = Manifest(
        name="fashion",
        task="photo",
        inputs=(
            Input("source", "rgb", range=(0, 1)),
            Input("outfit", "class:3", default=0, names=OUTFITS),
        ),
        outputs=(Output("target", "rgb", keeps="source"),),
        tiling="fixed",
        size=(96, 64),
    )
    save(tmp_path / "fashion.onnx", nodes, weights, manifest)
    return Studio({"fashion": tmp_path / "fashion.onnx"}, tmp_path / "cache")


def test_the_page_starts_with_an_outfit_that_changes_something(studio: Studio) -> None:
    blocks = list(build_page(studio).blocks.values())
    [outfit] = [one for one in blocks if getattr(one, "elem_id", None) == "photo-fashion-outfit"]
    assert isinstance(outfit, gradio.Dropdown)
    assert outfit.value == "dress"
    # What is chosen from the start is also what a run is told.
    [inputs] = [one for one in blocks if getattr(one, "label", None) == "Inputs"]
    assert isinstance(inputs, gradio.JSON)
    assert inputs.value == {"outfit": "dress"}


@pytest.mark.parametrize(("outfit", "changes"), [("as it is", False), ("dress", True)])
@pytest.mark.parametrize("name", ["photo.png", "photo.jpg"])
def test_a_result_that_is_the_source_is_told_to_be(
    name: str, outfit: str, changes: bool, studio: Studio, photo: Path, tmp_path: Path
) -> None:
    # Not of the size of the network: what comes back are the pixels of the source itself.
    Image.open(photo).resize((130, 200)).save(tmp_path / name)
    order = Order("fashion", "target", {"outfit": outfit})
    upload = str(tmp_path / name)
    result = studio.translate(order, upload, lambda done, total: None, threading.Event())
    assert (UNCHANGED in result.line) == (not changes)
