"""How joints are named, mirrored and drawn."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from translate.joints import Drawing, JointsSpec, draw
from translate.kinds import parse_kind, planes, seen
from translate.tables import TableError, parse

NAMES = ("head", "left_hand", "right_hand", "prow", "stern")


def test_left_and_right_change_places_and_named_pairs_too() -> None:
    assert JointsSpec(NAMES).swapped == (0, 2, 1, 3, 4)
    assert JointsSpec(NAMES, mirror=(("prow", "stern"),)).swapped == (0, 2, 1, 4, 3)
    # A pair that is named goes before the names.
    crossed = JointsSpec(NAMES, mirror=(("left_hand", "prow"), ("right_hand", "stern")))
    assert crossed.swapped == (0, 3, 4, 1, 2)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "joints.names: missing"),
        ({"names": []}, "joints.names: got []"),
        ({"names": ["a", "a"]}, "joints.names: got ['a', 'a']; allowed: names that differ"),
        ({"names": ["left_eye"]}, "joints.names: 'left_eye' has no partner 'right_eye'"),
        ({"names": ["a"], "limbs": [["a", "b"]]}, "joints.limbs[0]: unknown joint 'b'; known: a"),
        ({"names": ["a", "b"], "limbs": [["a"]]}, "joints.limbs[0]: got ['a']; allowed: two join"),
        ({"names": ["a"], "limbs": [["a", "a"]]}, "joints.limbs[0]: got ['a', 'a']; allowed: two"),
        ({"names": ["a", "b"], "draw": "limbs"}, "joints.limbs: missing; draw = 'limbs' draws"),
        ({"names": ["a", "b", "c"], "mirror": [["a", "b"], ["b", "c"]]},
         "joints.mirror: got 'b'; allowed: each joint in one pair"),
        ({"names": ["a"], "spread": 0}, "joints.spread: got 0"),
        ({"names": ["a"], "sigma": 1}, "joints.sigma: unknown key"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_of_joints(table: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError) as error:
        parse(JointsSpec, table, "joints")
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_joint_is_a_gaussian_around_it() -> None:
    keypoints = torch.tensor([[[3.0, 1.0, 1.0], [0.0, 0.0, 0.0]]])
    drawn = draw(keypoints, Drawing(spread=2.0), (4, 6))
    assert drawn.shape == (1, 2, 4, 6)
    assert drawn[0, 0, 1, 3] == 1
    # Two pixels away: exp(-2 ** 2 / (2 * 2 ** 2)); one down and two right: exp(-5 / 8).
    assert drawn[0, 0, 1, 5].item() == pytest.approx(math.exp(-0.5), abs=1e-6)
    assert drawn[0, 0, 2, 5].item() == pytest.approx(math.exp(-0.625), abs=1e-6)
    assert not drawn[0, 1].any(), "what is not visible is not drawn"


def test_on_half_the_grid_a_joint_is_where_the_mean_of_the_whole_is() -> None:
    keypoints = torch.tensor([[[17.0, 30.0, 1.0]]])
    whole = draw(keypoints, Drawing(spread=4.0), (64, 48))
    small = draw(keypoints, Drawing(spread=4.0), (32, 24), scale=0.5)
    means = torch.nn.functional.avg_pool2d(whole, 2)
    assert (small - means).abs().max() < 0.02
    assert (draw(keypoints, Drawing(spread=4.0), (32, 24)) - means).abs().max() > 0.5


def test_a_limb_is_as_far_away_as_its_nearest_point() -> None:
    # Along a row, the distances are those to a row of pixels, which scipy measures.
    keypoints = torch.tensor([[[4.0, 6.0, 1.0], [11.0, 6.0, 1.0]]])
    [limb] = draw(keypoints, Drawing(False, ((0, 1),), spread=3.0), (13, 16))[0]
    line = np.ones((13, 16))
    line[6, 4:12] = 0
    distances = np.asarray(ndimage.distance_transform_edt(line))
    assert np.allclose(limb, np.exp(-(distances**2) / 18), atol=1e-6)


def test_a_slanted_limb_and_one_without_length() -> None:
    keypoints = torch.tensor([[[0.0, 0.0, 1.0], [8.0, 8.0, 1.0], [8.0, 8.0, 1.0]]])
    limb, dot = draw(keypoints, Drawing(False, ((0, 1), (1, 2)), spread=1.0), (9, 9))[0]
    # (4, 2) lies sqrt(2) beside the diagonal.
    assert limb[2, 4].item() == pytest.approx(math.exp(-1), abs=1e-6)
    assert limb.diagonal().tolist() == [1.0] * 9
    assert dot[8, 7].item() == pytest.approx(math.exp(-0.5), abs=1e-6)
    assert dot[0, 0] < 1e-6


def test_a_limb_needs_both_its_joints() -> None:
    keypoints = torch.tensor([[[1.0, 1.0, 1.0], [5.0, 5.0, 0.0]]])
    drawn = draw(keypoints, Drawing(True, ((0, 1),)), (8, 8))
    assert [bool(plane.any()) for plane in drawn[0]] == [True, False, False]


def test_what_is_not_visible_may_be_no_number() -> None:
    keypoints = torch.tensor([[[math.nan, math.inf, 0.0], [1.0, 1.0, 1.0]]])
    drawn = draw(keypoints, Drawing(True, ((0, 1),)), (4, 4))
    assert torch.isfinite(drawn).all()
    assert not drawn[0, 0].any()


def test_planes_of_a_kind_are_those_that_are_drawn() -> None:
    kind = parse_kind("keypoints:5")
    assert (str(kind), kind.channels, kind.is_map, kind.is_picture) == ("keypoints:5", 5, False, 0)
    spec = JointsSpec(NAMES, limbs=(("head", "prow"), ("head", "stern")), draw="both")
    assert spec.drawing.limbs == ((0, 3), (0, 4))
    assert spec.drawing.channels(5) == 7
    assert JointsSpec(NAMES, limbs=(("head", "prow"),)).drawing.channels(5) == 5
    drawn = torch.rand(2, 5, 4, 4)
    assert planes(drawn, kind) is drawn
    assert torch.equal(seen(drawn, kind), drawn * 2 - 1)


def test_pairs_that_leave_a_joint_alone_are_refused() -> None:
    with pytest.raises(TableError, match=r"mirror: got .* leave no joint called left or right"):
        JointsSpec(("left_x", "right_x", "y"), mirror=(("right_x", "y"),))
