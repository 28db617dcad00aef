"""A stack of whole pictures at one size: its weights are measured as its file is."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.convert import export_stack
from export.runtime.translator import Translator
from pixstack.cli import main
from pixstack.opened import open_stack
from tests.export.small import make, saved
from tests.photographs import photograph
from tests.stacks.test_inside import FASHION

WHOLE = """
name = "whole"
[data]
size = 32
width = 24
fit = "resize"
[[stage]]
name = "paint"
generator = { kind = "pix2pix", channels = 4, depth = 3 }
[[phase]]
train = ["paint"]
steps = 1
"""


def test_the_weights_are_measured_as_the_file_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = make(WHOLE)
    weights = saved(stack, tmp_path)
    file = export_stack(weights, tmp_path / "whole.onnx").path
    # Neither of the size nor of the shape that the network works at.
    for name, cut in (("a", np.s_[:90, :70]), ("b", np.s_[:20, :51])):
        for folder, photo in (("sources", "coffee"), ("targets", "astronaut")):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(photograph(photo)[cut]).save(tmp_path / folder / f"{name}.png")
    found = []
    for model in (weights, file):
        folders = ["--targets", str(tmp_path / "targets"), "--sources", str(tmp_path / "sources")]
        assert main(["eval", str(model), *folders, "--json", "-"]) == 0
        found.append(json.loads(capsys.readouterr().out)["outputs"]["target"])
    assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_what_is_outside_an_area_stays_the_caller_s(tmp_path: Path) -> None:
    stack = make(FASHION.replace("[data]", '[data]\nfit = "resize"'))
    weights = saved(stack, tmp_path)
    file = Translator(export_stack(weights, tmp_path / "a.onnx").path, providers="cpu")
    source = photograph("astronaut")[:40, :52].astype(np.float32) / 255
    layout = np.zeros((40, 52, 1), np.uint8)
    layout[4:9, 10:20] = 3
    ours = open_stack(str(weights), 1, []).predict({"source": source, "layout": layout})["target"]
    theirs = file.run({"source": source, "layout": layout})["target"]
    same = (theirs == source).all(axis=2)
    assert 0.1 < same.mean() < 1
    # An area's edge may fall to the other side of a rounding.
    assert (ours == source).all(axis=2)[same].mean() > 0.99
    assert np.abs(ours - theirs).mean() < 1e-3
