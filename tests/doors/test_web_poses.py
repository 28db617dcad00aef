"""The Pose tab of a model that reads joints."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from onnx import helper
from PIL import Image

from export.manifest import Input, Manifest, Output
from pixstack.shelf import example_files
from pixstack.web.page import build_page
from pixstack.web.poses import example_poses, skeleton
from pixstack.web.studio import Studio
from stacks.tables.bodies import JOINTS, LIMBS
from tests.doors.serving import client_of
from tests.doors.standins import constant, save

SIDE = 96
PORTS = [
    Input(
        name,
        "keypoints:14",
        names=JOINTS,
        limbs=tuple((JOINTS.index(one), JOINTS.index(two)) for one, two in LIMBS),
    )
    for name in ("source_pose", "pose")
]
POSE: dict[str, Any] = {joint: [10, 20] for joint in JOINTS}


def write_figure(path: Path) -> None:
    """`source`, `source_pose`, `pose` -> `target`: everywhere x of the heads, asked + source."""
    nodes = [
        helper.make_node("Add", ["source_pose", "pose"], ["sum"]),
        helper.make_node("Gather", ["sum", "first"], ["head"], axis=1),
        helper.make_node("Gather", ["head", "first"], ["x"], axis=1),
        helper.make_node("Div", ["x", "most"], ["gray"]),
        helper.make_node("Unsqueeze", ["gray", "axes"], ["gray4"]),
        helper.make_node("Mul", ["source", "none"], ["black"]),
        helper.make_node("Add", ["black", "gray4"], ["target"]),
    ]
    weights = [
        constant("first", np.array(0, np.int64)),
        constant("most", np.array(255, np.float32)),
        constant("none", np.array(0, np.float32)),
        constant("axes", np.array([1, 2, 3], np.int64)),
    ]
    manifest = Manifest(
        name=path.stem,
        task="pose",
        inputs=(Input("source", "rgb", range=(0, 1)), *PORTS),
        outputs=(Output("target", "rgb"),),
        tiling="fixed",
        size=SIDE,
    )
    save(path, nodes, weights, manifest)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    models = tmp_path_factory.mktemp("figures")
    write_figure(models / "figure-pose.onnx")
    with client_of(models, tmp_path_factory.mktemp("downloads")) as client:
        yield client


def value(client: Client, folder: Path, side: int, inputs: dict[str, Any]) -> int:
    """The gray that the stand-in gives for a square picture."""
    picture = folder / "figure.png"
    Image.fromarray(np.zeros((side, side, 3), np.uint8)).save(picture)
    file, *_ = client.predict(handle_file(picture), "figure-pose", inputs, 0, "", api_name="/pose")
    [gray] = np.unique(np.asarray(Image.open(file))).tolist()
    return gray


def test_joints_reach_the_model_in_its_own_pixels(client: Client, tmp_path: Path) -> None:
    other = {**POSE, "head": [40, 5]}
    assert value(client, tmp_path, SIDE, {"source_pose": POSE, "pose": other}) == 50
    # As the page sends them, in JSON.
    texts = {"source_pose": json.dumps(POSE), "pose": json.dumps(other)}
    assert value(client, tmp_path, SIDE, texts) == 50
    # Of a picture twice as large: 40.5 / 2 - 0.5 and 10.5 / 2 - 0.5, which is 19.75 + 4.75.
    assert value(client, tmp_path, 2 * SIDE, texts) in (24, 25)
    # Of another picture, whose size is told: as before, whatever was uploaded.
    sized = {"size": [SIDE, SIDE], "joints": other}
    here = {"size": [SIDE, SIDE], "joints": POSE}
    assert value(client, tmp_path, 2 * SIDE, {"source_pose": here, "pose": sized}) == 50


@pytest.mark.parametrize(
    ("pose", "words"),
    [
        (None, "input 'pose' is missing"),
        ("", "input 'pose' is missing"),
        ("secret.json", "input 'pose': is not JSON"),
        (["head"], "expected an object of joints"),
        (3, "expected an object of joints"),
        ({"head": [1, 2]}, "has no joint 'neck' and 12 more"),
        ({**POSE, "tail": [1, 2]}, "has the joint 'tail', which the model does not know"),
        ({**POSE, "head": ["<b>", 2]}, "&lt;b&gt;"),
    ],
)
def test_what_is_no_pose_is_told(pose: Any, words: str, client: Client, tmp_path: Path) -> None:
    with pytest.raises(AppError, match=words):
        value(client, tmp_path, SIDE, {"source_pose": POSE, "pose": pose})


def test_the_page_offers_the_shipped_poses(tmp_path: Path) -> None:
    write_figure(tmp_path / "figure-pose.onnx")
    page = build_page(Studio({"figure-pose": tmp_path / "figure-pose.onnx"}, tmp_path))
    blocks = {getattr(one, "elem_id", None): one for one in page.blocks.values()}
    poses = example_poses(PORTS[0])
    assert len(poses) == len(example_files("pose-*.json")) >= 5
    for port, chosen in zip(PORTS, list(poses), strict=False):
        radio = blocks[f"pose-figure-pose-{port.name}-examples"]
        assert isinstance(radio, gradio.Radio)
        assert [name for name, _ in radio.choices] == list(poses)
        assert radio.value == chosen
        joints = blocks[f"pose-figure-pose-{port.name}"]
        assert isinstance(joints, gradio.Textbox)
        assert json.loads(str(joints.value)) == poses[chosen]
    # What the page starts with is what it shows.
    [inputs] = [one for one in page.blocks.values() if getattr(one, "label", None) == "Inputs"]
    assert isinstance(inputs, gradio.JSON)
    assert set(inputs.value) == {"source_pose", "pose"}


def test_a_pose_is_drawn_limb_by_limb() -> None:
    port = Input("pose", "keypoints:2", names=("head", "left_hand"), limbs=((0, 1),))
    url = skeleton(port, {"size": [80, 40], "joints": {"head": [1, 2], "left_hand": [3, 4, 1]}})
    drawing = base64.b64decode(url.removeprefix("data:image/svg+xml;base64,")).decode()
    assert 'viewBox="0 0 80 40"' in drawing
    assert '<line x1="1" y1="2" x2="3" y2="4" stroke="#e8663c"/>' in drawing
    assert drawing.count("<circle") == 2
    unseen = skeleton(port, {"size": [80, 40], "joints": {"head": [1, 2], "left_hand": None}})
    drawing = base64.b64decode(unseen.removeprefix("data:image/svg+xml;base64,")).decode()
    assert "<line" not in drawing
    assert drawing.count("<circle") == 1


def test_other_joints_have_no_examples() -> None:
    assert example_poses(Input("pose", "keypoints:2", names=("head", "foot"))) == {}
