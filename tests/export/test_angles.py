"""A file that is told an angle: what it says of it, what comes in, and who asks for it."""

import math
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from export.convert import export_stack
from export.runtime import Translator
from export.runtime.errors import InputError
from pixstack.cli import main
from pixstack.web.choices import build_choices, can_be_asked, checked_inputs
from stacks.recipe import parse_recipe
from stacks.stack import Stack
from tests.export import small
from tests.photographs import write_pictures
from translate.tables import TableError

TURN = """
name = "turn"
task = "pose"
[data]
layout = "table"
views = { source = "gray", turn = "angle", target = "gray" }
size = 16
[[stage]]
name = "turn"
reads = ["source", "turn"]
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
[[phase]]
train = ["turn"]
steps = 1
"""
PICTURE = np.random.default_rng(0).integers(256, size=(16, 20, 1), dtype=np.uint8)


@pytest.fixture(scope="module")
def turner(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    folder = tmp_path_factory.mktemp("turn")
    exported = export_stack(small.saved(small.make(TURN), folder), folder / "turn.onnx")
    assert exported.difference <= 1e-4
    return Translator(exported.path, providers="cpu", threads=1)


def turned(translator: Translator, turn: object) -> np.ndarray:
    return translator.run({"source": PICTURE / np.float32(255), "turn": turn})["target"]


def test_what_the_file_says_of_an_angle(turner: Translator) -> None:
    port = turner.manifest.input("turn")
    assert (port.kind, port.unit, port.default, port.range) == ("angle", "degrees", 0, (-180, 180))


def test_angles_come_round(turner: Translator) -> None:
    given = turned(turner, 30)
    for same in (390, -330, "30", 30 + 360 * 1_000_000):
        assert turned(turner, same) == pytest.approx(given, abs=1e-5)
    assert np.abs(turned(turner, -30) - given).max() > 1e-3
    # Unsaid, nothing is turned.
    unsaid = turner.run({"source": PICTURE / np.float32(255)})["target"]
    assert np.array_equal(unsaid, turned(turner, 0))


def test_an_angle_for_each_of_several_pictures(turner: Translator) -> None:
    pictures = np.stack([PICTURE, PICTURE])
    both = turner.run({"source": pictures, "turn": [0, 90]})["target"]
    for made, turn in zip(both, (0, 90), strict=True):
        assert np.array_equal(made, turner.run({"source": PICTURE, "turn": turn})["target"])


@pytest.mark.parametrize("turn", ["left", math.nan, math.inf, [1, 2], "nan"])
def test_what_is_no_angle(turner: Translator, turn: object) -> None:
    with pytest.raises(InputError, match=r"^input 'turn' is .*; expected a number$"):
        turned(turner, turn)


def test_the_command_line_takes_an_angle(
    turner: Translator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path, {"cup.png": PICTURE[..., 0]})
    command = ["run", str(turner.path), str(tmp_path / "cup.png"), "-o", str(tmp_path / "to.png")]
    assert main([*command, "--input", "turn=45"]) == 0
    assert (tmp_path / "to.png").is_file()
    capsys.readouterr()
    assert main([*command, "--input", "turn=left"]) == 2
    assert capsys.readouterr().err.strip().endswith("--input turn=left: expected a number")
    assert main([*command, "--input", "turn=inf"]) == 2
    assert capsys.readouterr().err.strip().endswith("input 'turn' is 'inf'; expected a number")


def test_the_page_asks_for_an_angle_by_a_slider(turner: Translator) -> None:
    manifest = turner.manifest
    assert can_be_asked(manifest)
    [choice] = build_choices("pose", "turn", manifest, {})
    slider = choice.component
    assert isinstance(slider, gr.Slider)
    assert (slider.minimum, slider.maximum, slider.value) == (-180, 180, 0)
    assert checked_inputs(manifest, {"turn": 45}) == {"turn": 45}


def test_recipes_that_do_not_go_with_angles() -> None:
    with pytest.raises(TableError, match="layout 'views' brings no angles; 'table' does"):
        parse_recipe(TURN, ["data.layout=views"])
    with pytest.raises(TableError, match="'turn' is an angle, which does not turn along"):
        parse_recipe(TURN, ["augment.turn=true"])
    assert Stack(parse_recipe(TURN)).stages["turn"].channels == (3, 1, 0)
