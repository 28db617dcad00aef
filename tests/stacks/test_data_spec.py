"""What a recipe may say of its views: each has a place in the layout, labels have their colors."""

from dataclasses import replace
from typing import Any

import pytest

from stacks.data_spec import DataSpec
from translate.joints import JointsSpec
from translate.tables import TableError

PAIR = {"source": "rgb", "target": "rgb"}
LABELS = {"source": "labels:2", "target": "rgb"}
POSED = {**PAIR, "pose": "keypoints:2"}
ENDS = JointsSpec(("head", "foot"), limbs=(("head", "foot"),), draw="both")


def test_what_fits() -> None:
    spec = DataSpec(
        views={**LABELS, "noise": "noise-map:1@4"},
        palette={"source": ((0, 0, 0), (255, 0, 0))},
        names={"source": ("off", "on")},
    )
    assert [str(kind) for kind in spec.kinds.values()] == ["labels:2", "rgb", "noise-map:1@4"]


def test_joints_are_drawn_as_the_recipe_says() -> None:
    spec = DataSpec(views=POSED, joints=ENDS)
    assert spec.kinds["pose"].channels == 3, "two joints and a limb"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"views": {"source": "rgb", "target": "cmyk"}}, "views.target: unknown kind 'cmyk'; "),
        ({"views": {"source": "rgb"}}, "views: no 'target'; a stack learns from target pictures"),
        ({"views": {"target": "rgb"}}, "views: no 'source'; layout 'views' brings one"),
        ({"views": {"source": "class:2", "target": "rgb"}}, "views: no 'source'; layout 'views' b"),
        ({"layout": "targets", "views": {**PAIR, "depth": "gray"}},
         "views: 'depth' has no place in layout 'targets'"),
        ({"layout": "targets", "views": LABELS},
         "views.source: got 'labels:2'; sources made from targets are of their kind, 'rgb'"),
        ({"layout": "classes", "views": {**PAIR, "group": "class:2"}},
         "views: 'source' has no place in layout 'classes'"),
        ({"layout": "classes", "views": {"target": "rgb"}},
         "views: layout 'classes' brings one view of kind class:K"),
        ({"views": {**PAIR, "group": "class:2"}},
         "views.group: layout 'views' brings no classes; 'classes', 'table' and 'shards' do"),
        ({"views": PAIR, "palette": {"source": ((0, 0, 0),)}},
         "palette.source: expected a view of kind labels:K"),
        ({"views": PAIR, "descriptions": {"group": "a hand"}},
         "descriptions.group: expected a view of pictures"),
        ({"views": PAIR, "names": {"group": ("a",)}},
         "names.group: expected a view of kind labels:K or class:K"),
        ({"views": LABELS, "names": {"source": ("a",)}}, "names.source: got 1; allowed: 2 ones"),
        ({"views": LABELS, "names": {"source": ("a", "a")}},
         "names.source: got ['a', 'a']; allowed: ones that differ"),
        ({"views": LABELS, "palette": {"source": ((0, 0, 0), (0, 0, 0))}}, "palette.source: got "),
        ({"views": LABELS, "palette": {"source": ((0, 0, 0), (0, 0, 256))}},
         "palette.source: got [0, 0, 256]; allowed: red, green and blue, 0 to 255 each"),
        ({"views": PAIR, "joints": ENDS}, "joints: no view is of kind keypoints:K"),
        ({"views": POSED}, "joints: missing; views.pose needs the names of its joints"),
        ({"views": {**PAIR, "pose": "keypoints:3"}, "joints": ENDS},
         "joints.names: got 2; allowed: 3 ones, as views.pose is of kind keypoints:3"),
        ({"views": {"target": "rgb", "pose": "keypoints:2"}, "layout": "targets", "joints": ENDS},
         "views.pose: layout 'targets' brings no keypoints; 'table' and 'views' do"),
        ({"views": POSED, "layout": "table", "joints": ENDS},
         "joints.file: missing; a table names the pictures whose joints stand in it"),
        ({"views": POSED, "joints": replace(ENDS, file="a.csv")}, "joints.file: is for tables; "),
        ({"views": POSED, "joints": replace(ENDS, file="../a.csv")}, "joints.file: got '../a.csv"),
    ],
)  # fmt: skip
def test_what_does_not(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError) as error:
        DataSpec(**settings)
    assert str(error.value).startswith(message)
