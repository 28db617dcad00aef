"""Graphs that do not do what their manifests promise: one line each, that names the file."""

from pathlib import Path

import numpy as np
import pytest

from export.manifest import Input, Manifest, Output
from export.runtime import ModelError, Translator
from tests.runtime import models

MANIFEST = Manifest(
    name="m", task="t", inputs=(Input("image", "rgb"),), outputs=(Output("result", "rgb"),),
    tiling="exact",
)  # fmt: skip


def saved(path: Path, graph: models.Graph, axes: int = 4) -> Path:
    kind, shape = models.picture()
    spec = {"image": (kind, shape)}
    return graph.save(path, MANIFEST, spec, {"result": (kind, shape[:axes])})


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_results_that_are_no_numbers_are_no_picture(tmp_path: Path, dtype: type):
    graph = models.Graph()
    # 0 / 0 where the picture is black.
    graph.add("Div", "image", "image", output="result")
    translator = Translator(saved(tmp_path / "a.onnx", graph), providers="cpu")
    picture = np.ones((4, 5, 3), dtype)
    assert (translator(picture) == (255 if dtype == np.uint8 else 1)).all()
    picture[2, 3] = 0
    with pytest.raises(ModelError, match=r"^output 'result' has values that are no numbers"):
        translator(picture)


def test_a_graph_that_fails_on_a_large_picture_is_named(tmp_path: Path):
    graph = models.Graph()
    # Of 16 pixels and no others: what is tried before a picture is cut into tiles fails, too.
    shape = graph.constant([1, 3, 4, 4], np.int64)
    graph.add("Reshape", "image", shape, output="result")
    translator = Translator(saved(tmp_path / "a.onnx", graph), providers="cpu")
    assert translator(np.zeros((4, 4, 3), np.uint8)).shape == (4, 4, 3)
    for side in (5, 300):
        with pytest.raises(ModelError, match=r"^a\.onnx failed on \d+x\d+ pixels: ") as error:
            translator(np.zeros((side, side, 3), np.uint8))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("axes", [0, 2, 3])
def test_outputs_of_other_axes_are_refused_when_a_file_is_opened(tmp_path: Path, axes: int):
    graph = models.Graph()
    kept = list(range(axes, 4))
    graph.add("ReduceMean", "image", graph.constant(kept, np.int64), output="result", keepdims=0)
    path = saved(tmp_path / "a.onnx", graph, axes)
    with pytest.raises(
        ModelError, match=rf"the output 'result' has {axes} axes in the graph; the manifest prom"
    ):
        Translator(path, providers="cpu")
