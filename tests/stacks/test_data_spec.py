"""What a recipe may say of its views: each has a place in the layout, labels have their colors."""

from typing import Any

import pytest

from stacks.data_spec import DataSpec
from translate.tables import TableError

PAIR = {"source": "rgb", "target": "rgb"}
LABELS = {"source": "labels:2", "target": "rgb"}


def test_what_fits() -> None:
    spec = DataSpec(
        views={**LABELS, "noise": "noise-map:1@4"},
        palette={"source": ((0, 0, 0), (255, 0, 0))},
        names={"source": ("off", "on")},
    )
    assert [str(kind) for kind in spec.kinds.values()] == ["labels:2", "rgb", "noise-map:1@4"]


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
         "views.group: layout 'views' brings no classes; 'classes' and 'table' do"),
        ({"views": PAIR, "palette": {"source": ((0, 0, 0),)}},
         "palette.source: expected a view of kind labels:K"),
        ({"views": PAIR, "names": {"group": ("a",)}},
         "names.group: expected a view of kind labels:K or class:K"),
        ({"views": LABELS, "names": {"source": ("a",)}}, "names.source: got 1; allowed: 2 ones"),
        ({"views": LABELS, "names": {"source": ("a", "a")}},
         "names.source: got ['a', 'a']; allowed: ones that differ"),
        ({"views": LABELS, "palette": {"source": ((0, 0, 0), (0, 0, 0))}}, "palette.source: got "),
        ({"views": LABELS, "palette": {"source": ((0, 0, 0), (0, 0, 256))}},
         "palette.source: got [0, 0, 256]; allowed: red, green and blue, 0 to 255 each"),
    ],
)  # fmt: skip
def test_what_does_not(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError) as error:
        DataSpec(**settings)
    assert str(error.value).startswith(message)
