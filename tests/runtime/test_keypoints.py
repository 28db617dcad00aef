"""Joints as callers hand them over: by number, by name, of a picture of another size."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.manifest import Input, Manifest, ManifestError, Output
from export.runtime.errors import InputError
from export.runtime.keypoints import as_keypoints, read_pose

PORT = Input("pose", "keypoints:3", names=("head", "left_hand", "right_hand"))
NAMED = {"head": [5, 1.5], "right_hand": [2, 3, 1], "left_hand": None}
ARRAY = [[5, 1.5, 1], [0, 0, 0], [2, 3, 1]]


def test_names_are_put_in_their_order() -> None:
    points = as_keypoints(PORT, NAMED, (8, 8))
    assert points.dtype == np.float32
    assert points.tolist() == ARRAY
    assert as_keypoints(PORT, ARRAY, (8, 8)).tolist() == ARRAY
    unseen = np.array([[np.nan, 1, 0], [1, 1, 1], [7, 8, 0]])
    assert as_keypoints(PORT, unseen, (8, 8)).tolist() == [[0, 0, 0], [1, 1, 1], [7, 8, 0]]


def test_a_pose_of_another_picture_fits_into_this_one_undistorted() -> None:
    # 10x10 pixels become 20x20 in the middle of 40x20: x = 2 * (5 + 0.5) - 0.5 + 10, y likewise.
    pose = {"size": [10, 10], "joints": NAMED}
    points = as_keypoints(PORT, pose, (20, 40))
    assert points[0].tolist() == [20.5, 3.5, 1]
    assert points[2].tolist() == [14.5, 6.5, 1]
    assert points[1, 2] == 0
    assert as_keypoints(PORT, {**pose, "size": [40, 20]}, (20, 40))[0].tolist() == ARRAY[0]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((2, 3)), "has the shape (2, 3); expected (3, 3)"),
        ([[1, 2, 3], [1]], "has the shape (0,); expected (3, 3)"),
        ("a", "is a path; Translator.file reads files of joints"),
        ([[1, 2, 1], [1, 2, 0.5], [1, 2, 1]], "visible of joint 'left_hand' is 0.5; expected 0"),
        ([[1, 2, 1], [1, 2, 1], [1, np.inf, 1]], "joint 'right_hand' is at (1, inf); expected p"),
        ({"head": [1, 1]}, "has no joint 'left_hand' and 1 more; add it, as null where it"),
        ({**NAMED, "tail": [1, 1]}, "has the joint 'tail', which the model does not know; take"),
        ({**NAMED, "head": [1]}, "joint 'head' is [1]; expected [x, y], [x, y, visible 0 or 1]"),
        ({**NAMED, "head": ["1", 2]}, "joint 'head' is ['1', 2]; expected [x, y]"),
        ({**NAMED, "head": [True, 2]}, "joint 'head' is [True, 2]; expected [x, y]"),
        ({**NAMED, "head": [10**400, 2]}, "joint 'head' is [1000"),
        ({"size": [10**400, 3], "joints": NAMED}, "size is [1000"),
        ({**NAMED, "head": {}}, "joint 'head' is {}; expected [x, y]"),
        ({"size": [0, 3], "joints": NAMED}, "size is [0, 3]; expected [width, height] in pixels"),
        ({**NAMED, "head": [1e300, 2]}, "joint 'head' is at (1e+300, 2); expected pixels"),
        ([[1, 2, 1], [1, 2, 1], [1, -1e300, 1]], "joint 'right_hand' is at (1, -1e+300); exp"),
        ({"size": [1e-300, 3], "joints": NAMED}, "size is [1e-300, 3]; expected [width, height]"),
        ({"size": 3, "joints": NAMED}, "size is 3; expected [width, height]"),
        ({"joints": NAMED}, "has the joint 'joints', which the model does not know"),
    ],
)
def test_what_is_no_pose_is_told(value: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        as_keypoints(PORT, value, (8, 8))
    assert message in str(error.value)
    assert str(error.value).startswith("input 'pose'")
    assert "\n" not in str(error.value)


def test_without_names_there_are_numbers_alone() -> None:
    with pytest.raises(InputError, match=r"does not name its joints; give an array \(2, 3\)"):
        as_keypoints(Input("pose", "keypoints:2"), {"head": [1, 1]}, (8, 8))


def test_files_of_a_pose(tmp_path: Path) -> None:
    file = tmp_path / "pose.json"
    file.write_text(json.dumps(NAMED))
    assert read_pose(file) == NAMED
    for text, message in (
        ("{", r"pose.json: is not JSON: "),
        ("[1]", r"pose.json: expected an object of joints, such as"),
        (" " * 1_000_001, "pose.json: is too large"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=message):
            read_pose(file)


def test_limbs_are_of_the_joints_there_are() -> None:
    port = Input("pose", "keypoints:2", names=("a", "b"), limbs=((0, 1),))
    manifest = Manifest("a", "pose", (Input("source", "rgb"), port), (Output("target", "rgb"),))
    assert Manifest.from_json(manifest.to_json()) == manifest
    for kind, limbs in (("keypoints:2", ((0, 2),)), ("class:2", ((0, 1),))):
        with pytest.raises(ManifestError, match=r"has limbs \[.*\]; expected pairs of its joints"):
            Input("pose", kind, limbs=limbs)
    broken = manifest.to_json().replace("[[0, 1]]", "[[0, 1, 2]]")
    with pytest.raises(ManifestError, match="limbs must be a list of pairs of whole numbers"):
        Manifest.from_json(broken)
