"""`pixstack models` and `pixstack info`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from tests.doors.conftest import Answer
from tests.doors.standins import write_super_resolution
from tests.doors.translations import write_facade, write_fashion

Call = Callable[..., Answer]


def test_models_lists_what_is_at_hand(pixstack: Call, models: Path) -> None:
    rows = json.loads(pixstack("models", "--json", "-").out)
    assert [row["name"] for row in rows] == ["photo-denoise", "photo-sr", "photo-sr-crisp"]
    assert rows[1] | {"megabytes": 0.0} == {
        "name": "photo-sr",
        "task": "super-resolution",
        "inputs": ["source"],
        "outputs": ["x4", "x2"],
        "megabytes": 0.0,
        "license": "Apache-2.0",
        "path": str(models / "photo-sr.onnx"),
    }
    table = pixstack("models").out
    assert "photo-sr-crisp" in table
    assert "x4, x2" in table


def test_models_goes_on_past_a_file_that_is_none(pixstack: Call, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    answer = pixstack("models", "--models", tmp_path)
    assert answer.code == 1
    assert len(answer.error_lines) == 2
    assert "broken.onnx" in answer.err
    assert "error: none of the 1 .onnx files is a model" in answer.err
    write_super_resolution(tmp_path / "good.onnx")
    answer = pixstack("models", "--models", tmp_path)
    assert (answer.code, len(answer.error_lines)) == (0, 1)
    assert "good" in answer.out


@pytest.mark.parametrize(
    "port",
    [
        {"name": "source", "kind": "rgb", "scale": 10**400},
        {"name": "source", "kind": "labels:" + "9" * 5000},
        {"name": "source", "kind": "class:2", "default": 9},
    ],
)
def test_models_goes_on_past_strange_numbers(pixstack: Call, tmp_path: Path, port: dict) -> None:
    write_super_resolution(tmp_path / "good.onnx")
    write_super_resolution(tmp_path / "strange.onnx")
    model = onnx.load(tmp_path / "strange.onnx")
    [entry] = model.metadata_props
    entry.value = json.dumps(json.loads(entry.value) | {"inputs": [port]})
    onnx.save(model, tmp_path / "strange.onnx")
    answer = pixstack("models", "--models", tmp_path)
    assert (answer.code, len(answer.error_lines)) == (0, 1)
    assert "strange.onnx: " in answer.err
    assert "good" in answer.out


def test_info_prints_the_manifest(pixstack: Call, models: Path, tmp_path: Path) -> None:
    manifest = json.loads(pixstack("info", "photo-denoise", "--json", "-").out)
    assert manifest["inputs"][1]["name"] == "strength"
    assert manifest["inputs"][1]["default"] == -1
    assert manifest["tiling"] == "exact"
    # As the file itself has them, with its own names of the sides.
    tensors = [port["tensor"] for port in (*manifest["inputs"], *manifest["outputs"])]
    assert tensors[:2] == ["float32 (N, 3, H_source, W_source)", "float32 (N,)"]
    answer = pixstack("info", models / "photo-denoise.onnx", "--json", tmp_path / "manifest.json")
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest
    assert "noise_map (gray), float32 (N, 1, " in answer.out
    assert "strength (strength), float32 (N,)" in answer.out
    assert "Apache-2.0" in answer.out


def test_info_tells_the_tensors_of_every_kind(pixstack: Call, tmp_path: Path) -> None:
    """As the onnx package reads them, of a file with a shape of each kind."""
    write_fashion(tmp_path / "fashion.onnx")
    graph = onnx.load(tmp_path / "fashion.onnx").graph
    expected: dict[str, str] = {}
    for port in (*graph.input, *graph.output):
        kind = onnx.helper.tensor_dtype_to_np_dtype(port.type.tensor_type.elem_type).name
        sides = [one.dim_param or str(one.dim_value) for one in port.type.tensor_type.shape.dim]
        expected[port.name] = f"{kind} ({', '.join(sides)}{',' if len(sides) == 1 else ''})"
    manifest = json.loads(pixstack("info", tmp_path / "fashion.onnx", "--json", "-").out)
    ports = (*manifest["inputs"], *manifest["outputs"])
    assert {port["name"]: port["tensor"] for port in ports} == expected
    assert {"float32 (N,)", "int64 (N,)", "float32 (N, 2, 3)"} <= set(expected.values())


def test_info_runs_nothing_of_a_graph(pixstack: Call, tmp_path: Path) -> None:
    """A file that ONNX Runtime would not open is told of all the same."""
    write_super_resolution(tmp_path / "odd.onnx")
    model = onnx.load(tmp_path / "odd.onnx")
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, tmp_path / "odd.onnx")
    answer = pixstack("info", tmp_path / "odd.onnx")
    assert answer.code == 0
    assert "source (rgb), float32 (N, 3, " in answer.out


def test_info_names_the_labels_with_their_colors(pixstack: Call, tmp_path: Path) -> None:
    write_facade(tmp_path / "facade.onnx")
    [first, second] = json.loads(pixstack("info", tmp_path / "facade.onnx", "--json", "-").out)[
        "inputs"
    ][0]["palette"][:2]
    words = " ".join(pixstack("info", tmp_path / "facade.onnx").out.split())
    assert "source (labels:12), int64 (N, 1, H_source, W_source), " in words
    assert "noise (noise), float32 (N, 3)" in words
    assert "#" + bytes(first).hex() in words
    assert "#" + bytes(second).hex() in words


def test_info_of_a_text_file_is_one_line(pixstack: Call, tmp_path: Path) -> None:
    (tmp_path / "notes.onnx").write_text("no model")
    answer = pixstack("info", tmp_path / "notes.onnx", "--json", tmp_path / "manifest.json")
    assert (answer.code, len(answer.error_lines)) == (1, 1)
    assert not (tmp_path / "manifest.json").exists()
