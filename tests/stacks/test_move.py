"""Pixels taken from elsewhere in the source (`join = "move"`)."""

import pytest
import torch

from export.halo import measure_halo
from stacks.move import moved
from stacks.recipe import parse_recipe
from stacks.stack import Stack
from translate.tables import TableError

RECIPE = """
name = "tiny-move"
precision = "fp32"
[data]
views = { source = "rgb", layout = "labels:3", target = "rgb" }
size = 16
fit = "resize"
[[stage]]
name = "move"
reads = ["source", "layout"]
join = "move"
generator = { kind = "resnet", blocks = 1, channels = 4, norm = "none" }
objective = { generator = { l1 = 1.0 } }
[[phase]]
train = ["move"]
steps = 1
"""


def everywhere(across: float, down: float, height: int, width: int) -> torch.Tensor:
    """The same displacement of every pixel, in pixels."""
    one = torch.tensor([across / width, down / height]).reshape(1, 2, 1, 1)
    return one.expand(-1, -1, height, width)


def picture(height: int = 6, width: int = 9) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_nothing_moves_by_nothing() -> None:
    source = picture()
    assert torch.allclose(moved(source, everywhere(0, 0, 6, 9)), source, atol=1e-6)


def test_a_pixel_comes_from_its_right_and_from_below() -> None:
    source = picture()
    result = moved(source, everywhere(2, 1, 6, 9))
    assert torch.allclose(result[..., :5, :7], source[..., 1:, 2:], atol=1e-6)
    # Beyond the edge the color there goes on.
    assert torch.allclose(result[..., :5, 7:], source[..., 1:, -1:].expand(-1, -1, -1, 2))


def test_between_pixels_lies_their_mean() -> None:
    source = picture()
    result = moved(source, everywhere(0.5, 0, 6, 9))
    assert torch.allclose(result[..., :8], (source[..., :8] + source[..., 1:]) / 2, atol=1e-6)


def test_the_opposite_edge_is_within_reach() -> None:
    source = picture(4, 8)
    # The displacement of each column to its mirror image, which is as smooth as a line.
    across = torch.arange(7, -8, -2) / 8
    mirror = torch.stack([across.expand(4, -1), torch.zeros(4, 8)])[None]
    assert mirror.abs().max() < 1
    # At its ends the mean over neighbors has fewer of them.
    expected = source.flip(-1)[..., 2:-2]
    assert torch.allclose(moved(source, mirror)[..., 2:-2], expected, atol=1e-6)


def test_neighbors_move_alike() -> None:
    source = torch.linspace(0, 1, 20).expand(1, 1, 20, -1)
    one = torch.zeros(1, 2, 20, 20)
    one[0, 0, 10, 10] = 5 / 20
    far = (moved(source, one) - source).abs() > 1e-3
    # A single pixel's five pixels are a fifth of a pixel of each in a window of five.
    assert far.nonzero()[:, 2:].aminmax(dim=0).min.tolist() == [8, 8]
    assert far.sum() == 25


def test_every_color_of_the_result_is_one_of_the_source() -> None:
    torch.manual_seed(0)
    stack = Stack(parse_recipe(RECIPE)).eval()
    for weights in stack.parameters():
        weights.data *= 3
    source = picture(16, 16)
    with torch.no_grad():
        result = stack({"source": source, "layout": torch.ones(1, 1, 16, 16).long()})["target"]
    assert (result - source).abs().max() > 0.05
    for channel in range(3):
        assert result[:, channel].min() >= source[:, channel].min()
        assert result[:, channel].max() <= source[:, channel].max()


def test_its_pixels_come_from_anywhere() -> None:
    # Convolutions alone reach a few pixels; what they choose lies where they say.
    assert measure_halo(Stack(parse_recipe(RECIPE, ["stage.0.join=replace"]))) is not None
    assert measure_halo(Stack(parse_recipe(RECIPE))) is None


def test_parts_of_a_side_are_of_whole_pictures() -> None:
    with pytest.raises(TableError, match=r"stage\[0\].join: 'move' .* data.fit = 'resize'"):
        parse_recipe(RECIPE, ["data.fit=crop"])
    with pytest.raises(TableError, match=r"phase\[0\].size: got 8; stage 'move' moves pixels"):
        parse_recipe(RECIPE, ["phase.0.size=8"])


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["stage.0.reads=['layout', 'source']"], "join = 'move' is of pictures; 'layout'"),
        (
            ["data.views.source='gray'"],
            "join = 'move' makes of 'source', which is gray, the same kind",
        ),
        (["data.views.target='labels:3'"], "join = 'move' is of pictures; 'source' is rgb, and"),
    ],
)
def test_pictures_move(overrides: list[str], told: str) -> None:
    with pytest.raises(TableError, match=told):
        Stack(parse_recipe(RECIPE, overrides))
