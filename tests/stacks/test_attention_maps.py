"""`pixstack eval --attention`: maps of a stack's attention as pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixstack.cli import main
from stacks.attention import COLORS, MARK, POINTS, SIDE, panels, watch
from stacks.checkpoint import save_stack
from stacks.recipe import parse_recipe
from stacks.stack import Stack
from tests.photographs import window, write_pictures

RECIPE = """
name = "looks"
[data]
views = {{ source = "rgb", target = "rgb" }}
[[stage]]
name = "look"
generator = {{ kind = "pix2pix", channels = 8, depth = 3, attention = {layers} }}
[[phase]]
train = ["look"]
steps = 1
"""


def stack(layers: str = "[1, 2]") -> Stack:
    torch.manual_seed(0)
    return Stack(parse_recipe(RECIPE.format(layers=layers))).eval()


def test_maps_are_kept_with_the_size_of_what_was_read() -> None:
    with watch(looking := stack()) as watched, torch.no_grad():
        looking({"source": torch.rand(1, 3, 16, 24)})
    assert list(watched.sizes.values()) == [(8, 12), (4, 6)]
    for maps, (height, width) in zip(watched.maps.values(), watched.sizes.values(), strict=True):
        assert maps.shape == (1, height * width, height * width)
        torch.testing.assert_close(maps.sum(dim=2), torch.ones(1, height * width))
    with torch.no_grad():
        looking({"source": torch.rand(1, 3, 8, 8)})
    assert list(watched.sizes.values()) == [(8, 12), (4, 6)], "watching ended"


def test_a_panel_is_bright_where_its_point_looks() -> None:
    """Every point of a 4x4 map looks at its own place alone."""
    white = np.full((64, 64, 3), 255, np.uint8)
    for panel, (down, across), color in zip(
        panels(white, torch.eye(16), (4, 4)), POINTS, COLORS, strict=True
    ):
        row, column = int(down * 4), int(across * 4)
        bright = panel[16 * row + 8, 16 * column + 8]
        assert (bright == 255).all()
        other = panel[16 * ((row + 2) % 4) + 8, 16 * column + 8]
        assert (other == round(0.15 * 255)).all()
        assert (panel[0, 0] == color).all()
        assert (panel[-1, MARK] == color).all()


def test_every_picture_gets_its_sheet(tmp_path: Path) -> None:
    for folder in ("A", "B"):
        pictures = {f"{name}.png": window("coffee", 40, 56) for name in ("one", "two")}
        write_pictures(tmp_path / folder, pictures)
    looking = stack()
    save_stack(tmp_path / "best.safetensors", looking, looking.recipe, {})
    arguments = ["--targets", str(tmp_path / "B"), "--sources", str(tmp_path / "A")]
    best, maps = str(tmp_path / "best.safetensors"), tmp_path / "maps"
    assert main(["eval", best, *arguments, "--attention", str(maps)]) == 0
    assert sorted(path.name for path in maps.iterdir()) == ["one.png", "two.png"]
    width = round(56 * SIDE / 40)
    # Two layers, and beside the result five points.
    assert Image.open(maps / "one.png").size == (6 * width, 2 * SIDE)


@pytest.mark.parametrize(
    ("layers", "message"),
    [("[]", "looks: no generator has attention; give one"), ("[1]", "")],
)
def test_what_has_no_attention_says_so(
    tmp_path: Path, layers: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path / "B", {"one.png": window("coffee", 40, 56)})
    looking = stack(layers)
    save_stack(tmp_path / "best.safetensors", looking, looking.recipe, {})
    arguments = ["--targets", str(tmp_path / "B"), "--attention", str(tmp_path / "maps")]
    code = main(["eval", str(tmp_path / "best.safetensors"), *arguments])
    assert code == (1 if message else 0)
    assert message in capsys.readouterr().err


def test_onnx_files_cannot_be_looked_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path, {"one.png": window("coffee", 40, 56)})
    arguments = ["--targets", str(tmp_path), "--attention", str(tmp_path / "maps")]
    assert main(["eval", "photo-denoise", *arguments]) == 2
    assert "give its best.safetensors" in capsys.readouterr().err
