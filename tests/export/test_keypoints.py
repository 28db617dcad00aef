"""A stack that reads keypoints: trained for two steps, shipped, and run with a pose."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from export.convert import Exported, export_stack
from export.runtime import Translator
from export.runtime.errors import InputError
from pixstack.cli import main
from stacks.evaluate import stack_predictor
from stacks.recipe import parse_recipe
from stacks.record import shown
from stacks.stack import Stack
from stacks.train import train
from tests.photographs import window, write_pictures
from translate.kinds import parse_kind
from translate.tables import TableError

RECIPE = """
name = "pose"
task = "pose"
batch = 2
precision = "fp32"
[data]
views = { source = "rgb", pose = "keypoints:3", target = "rgb" }
size = 16
[data.joints]
names = ["head", "left_hand", "right_hand"]
limbs = [["head", "left_hand"], ["head", "right_hand"]]
draw = "both"
[[stage]]
name = "small"
reads = ["source", "pose"]
writes = "coarse"
reduce = 2
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
objective = { generator = { l1 = 1.0 } }
[[stage]]
name = "draw"
reads = ["source", "pose"]
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
discriminator = { kind = "patch", channels = 4, layers = 1, norm = "instance" }
sees = "pair"
objective = { adversarial = "hinge", generator = { l1 = 1.0 } }
[[phase]]
train = ["small", "draw"]
steps = 2
"""
POSE = {"head": [20.0, 9.0], "left_hand": [7, 12, 1], "right_hand": None}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    root = tmp_path_factory.mktemp("posed")
    for folder in ("source", "target"):
        write_pictures(root / folder, {"1.png": window("coffee", 20, 30)})
    (root / "pose.json").write_text(json.dumps({"1.png": POSE}))
    recipe = parse_recipe(RECIPE, [f"data.root={str(root)!r}"])
    return export_stack(train(recipe, root / "run"), root / "pose.onnx")


def test_the_file_takes_keypoints_as_the_design_says(exported: Exported) -> None:
    session = onnxruntime.InferenceSession(str(exported.path))
    shapes = {port.name: (port.type, port.shape) for port in session.get_inputs()}
    assert shapes["pose"] == ("tensor(float)", ["N", 3, 3])
    port = exported.manifest.input("pose")
    assert (port.kind, port.names) == ("keypoints:3", ("head", "left_hand", "right_hand"))
    assert port.limbs == ((0, 1), (0, 2))
    assert exported.manifest.tiling == "exact"


def test_tiles_are_drawn_where_they_lie(exported: Exported) -> None:
    # The export has held tiles against the whole already; here on a picture of many of them.
    picture = np.tile(window("coffee", 90, 90), (2, 3, 1))
    pose = {"head": [250, 20], "left_hand": [130, 100], "right_hand": [3, 170]}
    whole, tiled = (
        Translator(exported.path, providers="cpu", memory=memory) for memory in (2**40, 1)
    )
    assert len(tiled.plan(180, 270).tiles) > 3
    views = {"source": picture.astype(np.float32) / 255, "pose": pose}
    assert np.abs(whole.run(views)["target"] - tiled.run(views)["target"]).max() < 1e-5
    elsewhere = whole.run({**views, "pose": {**pose, "head": [9, 160]}})["target"]
    assert np.abs(whole.run(views)["target"] - elsewhere).max() > 1e-3


def test_the_command_line_takes_a_file_of_joints(
    exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, pose, out = tmp_path / "a.png", tmp_path / "pose.json", tmp_path / "b.png"
    Image.fromarray(window("chelsea", 20, 30)).save(source)
    pose.write_text(json.dumps(POSE))
    run = ["run", str(exported.path), str(source), "-o", str(out), "--input"]
    assert main([*run, f"pose={pose}"]) == 0
    views = {
        "source": window("chelsea", 20, 30),
        "pose": np.array([[20, 9, 1], [7, 12, 1], [0] * 3]),
    }
    expected = Translator(exported.path, providers="cpu").run(views)["target"]
    assert np.array_equal(np.asarray(Image.open(out)), expected)
    pose.write_text(json.dumps({"head": [1, 2]}))
    capsys.readouterr()
    assert main([*run, f"pose={pose}"]) != 0
    assert "input 'pose' has no joint 'left_hand' and 1 more; add it" in capsys.readouterr().err


def test_several_pictures_have_a_pose_each(exported: Exported) -> None:
    translator = Translator(exported.path, providers="cpu")
    pictures = np.stack([window("coffee", 16, 16), window("chelsea", 16, 16)])
    poses = np.random.default_rng(0).uniform(0, 16, (2, 3, 3)).astype(np.float32)
    poses[..., 2] = 1
    both = translator.run({"source": pictures, "pose": poses})["target"]
    for index in (0, 1):
        views = {"source": pictures[index], "pose": poses[index]}
        assert np.array_equal(both[index], translator.run(views)["target"])
    with pytest.raises(InputError, match="'pose' is missing"):
        translator.run({"source": pictures[0]})


def test_keypoints_need_a_picture_beside_them() -> None:
    with pytest.raises(TableError, match=r"'pose' are keypoints, which are drawn on the grid of a"):
        Stack(parse_recipe(RECIPE, ["stage.0.reads=['pose']"]))


def test_a_small_stage_sees_the_joints_at_the_same_place() -> None:
    stack = Stack(parse_recipe(RECIPE))
    views = {
        "source": torch.zeros(1, 3, 32, 32),
        "pose": torch.tensor([[[16.0, 8.0, 1.0], [24.0, 30.0, 1.0], [0.0, 0.0, 0.0]]]),
    }
    small, large = (stack.stages[name].drawn(views, "pose") for name in ("small", "draw"))
    assert small.shape == (1, 5, 16, 16)
    assert large.shape == (1, 5, 32, 32)
    averaged = torch.nn.functional.avg_pool2d(large, 2)
    assert (small - averaged).abs().max() < 0.1
    assert (small[0, 2] == 0).all()


def test_a_stack_is_not_measured_with_a_pose_made_up() -> None:
    predict = stack_predictor(Stack(parse_recipe(RECIPE)))
    source = np.zeros((16, 16, 3), np.float32)
    with pytest.raises(ValueError, match="no keypoints 'pose' are given"):
        predict({"source": source})
    pose = np.array([[1, 2, 1], [3, 4, 1], [0, 0, 0]], np.float32)
    assert predict({"source": source, "pose": pose})["target"].shape == (16, 16, 3)


def test_samples_show_the_joints_on_black() -> None:
    pose = torch.tensor([[[4.0, 2.0, 1.0], [6.0, 7.0, 1.0], [0.0, 0.0, 0.0]]])
    drawn = shown(pose, parse_kind("keypoints:3"), (8, 12), ())
    assert drawn.shape == (1, 1, 8, 12)
    assert drawn[0, 0, 2, 4] == drawn[0, 0, 7, 6] == 1
    assert drawn[0, 0, 0, 11] < 0.01
