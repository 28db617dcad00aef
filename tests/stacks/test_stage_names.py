"""Names that a stage cannot have are told in one line."""

import pytest

from stacks.recipe import parse_recipe
from stacks.stack import Stack
from translate.tables import TableError

RECIPE = """
name = "one"
[data]
views = {{ source = "rgb", target = "rgb" }}
[[stage]]
name = "{name}"
generator = {{ kind = "unet", widths = [2, 2], blocks = 1 }}
[[phase]]
train = ["{name}"]
steps = 1
"""


@pytest.mark.parametrize("name", ["double", "train", "forward", "a.b", "global"])
def test_refused(name: str) -> None:
    with pytest.raises(TableError, match=r"^stage\[0\]\.name: .*cannot name a stage"):
        Stack(parse_recipe(RECIPE.format(name=name)))


def test_dashes_and_digits_are_fine() -> None:
    assert list(Stack(parse_recipe(RECIPE.format(name="x2-fine"))).stages) == ["x2-fine"]
