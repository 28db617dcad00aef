"""Outputs that are not asked for are not computed."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from export.runtime import Translator
from export.runtime.prune import pruned
from tests.runtime import models

PICTURE = np.random.default_rng(5).random((21, 34, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.upscaler(tmp_path_factory.mktemp("models") / "sr.onnx")


def nodes(model: bytes) -> int:
    return len(onnx.load_from_string(model).graph.node)


def test_what_an_output_does_not_need_is_left_out(path: Path) -> None:
    whole = path.read_bytes()
    smaller = pruned(whole, ["x2"])
    assert smaller is not None
    onnx.checker.check_model(onnx.load_from_string(smaller), full_check=True)
    model = onnx.load_from_string(smaller)
    assert [output.name for output in model.graph.output] == ["x2"]
    # The same as ONNX's own extraction leaves, node for node.
    extracted = onnx.utils.Extractor(onnx.load(path)).extract_model(["image"], ["x2"])
    assert list(model.graph.node) == list(extracted.graph.node)
    assert {one.name for one in model.graph.initializer} == {
        one.name for one in extracted.graph.initializer
    }
    assert nodes(smaller) < nodes(whole)
    assert model.metadata_props == onnx.load(path).metadata_props


def test_nothing_is_made_where_nothing_is_spared(path: Path) -> None:
    assert pruned(path.read_bytes(), ["x4", "x2"]) is None


def test_a_graph_within_a_node_stays_whole(tmp_path: Path) -> None:
    true = onnx.helper.make_graph(
        [onnx.helper.make_node("Neg", ["x"], ["t"])], "then", [],
        [onnx.helper.make_tensor_value_info("t", 1, [1])],
    )  # fmt: skip
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Abs", ["x"], ["unused"]),
            onnx.helper.make_node("If", ["c"], ["y"], then_branch=true, else_branch=true),
        ],
        "outer",
        [
            onnx.helper.make_tensor_value_info("x", 1, [1]),
            onnx.helper.make_tensor_value_info("c", 9, [1]),
        ],
        [
            onnx.helper.make_tensor_value_info("y", 1, [1]),
            onnx.helper.make_tensor_value_info("unused", 1, [1]),
        ],
    )
    content = onnx.helper.make_model(graph).SerializeToString()
    assert pruned(content, ["y"]) is None
    only = pruned(content, ["unused"])
    assert only is not None
    assert [node.op_type for node in onnx.load_from_string(only).graph.node] == ["Abs"]


@pytest.mark.parametrize("memory", ["auto", 1])
def test_an_output_alone_is_what_it_is_among_all(path: Path, memory: str | int) -> None:
    translator = Translator(path, providers="cpu", threads=1, memory=memory)
    both = translator.run({"image": PICTURE})
    for name in ("x2", "x4", "x2"):
        alone = translator.run({"image": PICTURE}, name)
        assert list(alone) == [name]
        assert np.array_equal(alone[name], both[name])
    backwards = translator.run({"image": PICTURE}, ["x2", "x4"])
    assert list(backwards) == ["x2", "x4"]
    assert all(np.array_equal(backwards[name], both[name]) for name in both)


def test_the_session_of_an_output_computes_less_and_is_opened_once(path: Path) -> None:
    translator = Translator(path, providers="cpu", threads=1)
    assert translator._session_of(["x2", "x4"]) is translator._session
    small = translator._session_of(["x2"])
    assert small is not translator._session
    assert [output.name for output in small.get_outputs()] == ["x2"]
    assert translator._session_of(["x2"]) is small
    # Of the last one nothing but the crop of the other is spared.
    large = translator._session_of(["x4"])
    assert [output.name for output in large.get_outputs()] == ["x4"]
