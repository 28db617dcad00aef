"""Light and color carried from the source to the result (`join = "light"`, `"tone"`)."""

import pytest
import torch

from stacks.light import CARRIED, light, toned
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


def drawn(source: torch.Tensor, join: str = "light") -> torch.Tensor:
    torch.manual_seed(0)
    stack = Stack(parse_recipe(RECIPE, [f"stage.0.join={join}"])).eval()
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
        (
            ["data.views.source='gray'"],
            "join = 'light' makes of 'source', which is gray, the same kind",
        ),
        (["data.views.target='labels:3'"], "join = 'light' is of pictures; 'source' is rgb, and"),
    ],
)
def test_light_is_of_pictures(overrides: list[str], told: str) -> None:
    with pytest.raises(TableError, match=told):
        Stack(parse_recipe(RECIPE, overrides))


WALL, SKIN, OTHER = (0.7, 0.7, 0.72), (0.6, 0.4, 0.3), (0.8, 0.55, 0.5)


def hand(color: tuple[float, float, float], height: int = 24, width: int = 16) -> torch.Tensor:
    """A patch of color before a wall that darkens downwards."""
    picture = torch.tensor(WALL).reshape(1, 3, 1, 1).repeat(1, 1, height, width)
    picture[..., 6:18, 4:12] = torch.tensor(color).reshape(1, 3, 1, 1)
    return picture * torch.linspace(1, 0.8, height).reshape(1, 1, -1, 1)


def test_what_stands_before_the_wall_nears_the_color_of_the_source() -> None:
    drawn, source = hand(SKIN), hand(OTHER).flip(-2)
    result = toned(drawn, source)
    inside = (..., slice(6, 18), slice(4, 12))
    ours, before, theirs = (one[inside].mean(dim=(2, 3)) for one in (result, drawn, source))
    assert torch.allclose(ours - before, CARRIED * (theirs - before), atol=0.02)
    wall = torch.ones_like(drawn, dtype=torch.bool)
    wall[inside] = False
    assert (result - drawn)[wall].abs().max() < 0.01


def test_a_picture_keeps_its_own_colors() -> None:
    drawn = hand(SKIN)
    assert torch.allclose(toned(drawn, drawn.clone()), drawn, atol=1e-6)


@pytest.mark.parametrize("gray", [0.0, 0.5, 1.0])
def test_nothing_stands_out_of_gray(gray: float) -> None:
    drawn, plain = hand(SKIN), torch.full((1, 3, 24, 16), gray)
    speckled = plain + 0.01 * torch.rand(1, 3, 24, 16, generator=torch.Generator().manual_seed(0))
    black_and_white = hand(SKIN).mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    for source in (plain, speckled, black_and_white):
        assert (toned(drawn, source) - drawn).abs().max() < 0.03
        assert (toned(source, drawn) - source).abs().max() < 0.03


def test_a_stage_tones_what_it_lights() -> None:
    source = hand(OTHER, 16, 16)
    lit, result = drawn(source, "light"), drawn(source, "tone")
    assert (lit - result).abs().max() > 1e-3
    assert torch.allclose(result, toned(lit, source), atol=1e-6)


def test_tones_are_of_colors() -> None:
    gray = ["data.views.source='gray'", "data.views.target='gray'", "stage.0.join=tone"]
    with pytest.raises(TableError, match="join = 'tone' is of colors; 'source' is gray"):
        Stack(parse_recipe(RECIPE, gray))
