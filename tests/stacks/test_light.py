"""Light carried from the source to the result (`join = "light"`)."""

import pytest
import torch

from stacks.light import light
from stacks.recipe import parse_recipe
from stacks.stack import Stack
from translate.tables import TableError

RECIPE = """
name = "tiny-light"
precision = "fp32"
[data]
views = { source = "rgb", layout = "labels:3", target = "rgb" }
size = 16
[[stage]]
name = "draw"
reads = ["source", "layout"]
join = "light"
generator = { kind = "pix2pix", channels = 4, depth = 2 }
objective = { generator = { l1 = 1.0 } }
[[phase]]
train = ["draw"]
steps = 1
"""


def drawn(source: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(0)
    stack = Stack(parse_recipe(RECIPE)).eval()
    layout = torch.ones(1, 1, 16, 16, dtype=torch.int64)
    with torch.no_grad():
        return stack({"source": source, "layout": layout})["target"]


@pytest.mark.parametrize(("height", "width", "rim"), [(40, 60, (2, 3)), (16, 16, (1, 1))])
def test_it_is_the_mean_along_a_frame_of_a_twentieth(
    height: int, width: int, rim: tuple[int, int]
) -> None:
    picture = torch.full((1, 2, height, width), 0.25)
    picture[:, 1] = 0.5
    # What stands in the middle does not count.
    picture[..., rim[0] : -rim[0], rim[1] : -rim[1]] = 1.0
    assert light(picture).flatten().tolist() == pytest.approx([0.25, 0.5])


def test_all_of_the_frame_counts_alike() -> None:
    picture = torch.zeros(1, 1, 20, 20)
    picture[..., 0, :] = 1
    assert light(picture).item() == pytest.approx(20 / 76)


def test_a_change_of_the_light_is_a_change_of_the_result() -> None:
    source = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1)) / 2
    tint = torch.tensor([0.1, 0.2, 0.3]).reshape(1, 3, 1, 1)
    before, after = drawn(source), drawn(source + tint)
    assert (before - light(source)).abs().max() > 0.01
    assert torch.allclose(after - before, tint.expand_as(before), atol=1e-5)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["stage.0.reads=['layout', 'source']"], "join = 'light' is of pictures; 'layout'"),
        (["data.views.source='gray'"], "cannot add 3 channels to fewer"),
        (["data.views.target='labels:3'"], "join = 'light' is of pictures; 'source' is rgb, and"),
    ],
)
def test_light_is_of_pictures(overrides: list[str], told: str) -> None:
    with pytest.raises(TableError, match=told):
        Stack(parse_recipe(RECIPE, overrides))
