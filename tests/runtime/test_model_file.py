"""Model files from strangers: one line for each that cannot be used, nothing on the terminal."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from export.manifest import MANIFEST_KEY, Input, Manifest, Output
from export.runtime import ModelError, Translator, read_manifest
from export.runtime.session import open_session
from tests.runtime import models


def test_the_manifest_is_read_without_the_model(tmp_path: Path):
    path = models.enlarger(tmp_path / "a.onnx")
    assert read_manifest(path) == Translator(path, providers="cpu").manifest
    assert read_manifest(path).name == "test-enlarger"


def identity(path: Path, manifest: Manifest | None) -> Path:
    graph = models.Graph()
    graph.add("Identity", "image", output="result")
    spec = {"image": models.picture()}
    return graph.save(path, manifest, spec, {"result": models.picture()})


def described(**changes: object) -> Manifest:
    fields: dict = {
        "name": "m",
        "task": "t",
        "inputs": (Input("image", "rgb"),),
        "outputs": (Output("result", "rgb"),),
    }
    return Manifest(**{**fields, **changes})


def edited(path: Path, change) -> Path:
    """The model, changed in memory and written back."""
    model = onnx.load(path)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer.add(name="w", dims=[1], data_type=TensorProto.FLOAT)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def external_in_a_branch(model: onnx.ModelProto) -> None:
    inner = onnx.GraphProto(name="inner")
    tensor = inner.initializer.add(name="w", dims=[1], data_type=TensorProto.FLOAT)
    tensor.data_location = TensorProto.EXTERNAL
    node = model.graph.node.add(op_type="If", input=["condition"], output=["unused"])
    node.attribute.append(helper.make_attribute("then_branch", inner))


def external_in_a_constant(model: onnx.ModelProto) -> None:
    tensor = onnx.TensorProto(name="w", dims=[1], data_type=TensorProto.FLOAT)
    tensor.external_data.add(key="location", value="../w")
    node = model.graph.node.add(op_type="Constant", output=["unused"])
    node.attribute.append(helper.make_attribute("value", tensor))


def engine(model: onnx.ModelProto) -> None:
    node = model.graph.node.add(op_type="EPContext", domain="com.microsoft", output=["unused"])
    node.attribute.append(helper.make_attribute("ep_cache_context", "../engine.bin"))


@pytest.mark.parametrize("change", [external, external_in_a_branch, external_in_a_constant, engine])
def test_weights_in_other_files_are_refused(tmp_path: Path, change):
    path = edited(identity(tmp_path / "a.onnx", described()), change)
    with pytest.raises(ModelError, match="weights in another file"):
        Translator(path)


def varint(number: int) -> bytes:
    """A number in base 128, lowest digits first (protobuf.dev/programming-guides/encoding)."""
    digits = []
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def block(tag: int, content: bytes) -> bytes:
    """A field of bytes; ``tag`` is its number times 8, and 2."""
    return varint(tag) + varint(len(content)) + content


ABOVE = 2**32
"""A bit that the C++ reader of protocol buffers drops from tags and enums."""
LOCATION = block(1 << 3 | 2, b"location") + block(2 << 3 | 2, b"secret.bin")


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        (block(ABOVE + (13 << 3 | 2), LOCATION) + varint(14 << 3) + varint(ABOVE + 1), "not an"),
        (varint(ABOVE + (14 << 3)) + varint(1), "not an"),
        (varint(14 << 3) + varint(ABOVE + 1), "weights in another file"),
    ],
    ids=["tag of the data", "tag of the location", "location"],
)
def test_bits_that_other_readers_drop_hide_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bytes, message: str
) -> None:
    """onnxruntime would read ``secret.bin`` of the working directory."""
    (tmp_path / "secret.bin").write_bytes(bytes(4))
    monkeypatch.chdir(tmp_path)
    path = identity(tmp_path / "a.onnx", described())
    tensor = TensorProto(name="w", dims=[1], data_type=TensorProto.FLOAT).SerializeToString()
    # ModelProto: 7 = graph, GraphProto: 5 = initializer; a second graph is merged with the first.
    added = block(7 << 3 | 2, block(5 << 3 | 2, tensor + inside))
    path.write_bytes(path.read_bytes() + added)
    with pytest.raises(ModelError, match=message):
        Translator(path, providers="cpu")


def test_a_file_that_onnx_runtime_takes_for_its_own_format_is_refused(tmp_path: Path) -> None:
    """It would run what the flatbuffer holds; the manifest and the guard see the ONNX graph."""
    path = edited(identity(tmp_path / "a.onnx", described()), named_as_its_mark)
    assert path.read_bytes()[4:8] == b"ORTM"
    for read in (read_manifest, Translator):
        with pytest.raises(ModelError, match="the mark of ONNX Runtime's own format"):
            read(path)


def named_as_its_mark(model: onnx.ModelProto) -> None:
    # The version takes two bytes, and the tag and the length of the producer's name two more.
    model.producer_name = "ORTM"


def test_bytes_are_opened_as_onnx_whatever_mark_they_have(tmp_path: Path) -> None:
    path = edited(identity(tmp_path / "a.onnx", described()), named_as_its_mark)
    session = open_session(path.read_bytes(), "cpu").session
    assert [port.name for port in session.get_inputs()] == ["image"]


def broken_manifest(model: onnx.ModelProto) -> None:
    helper.set_model_props(model, {MANIFEST_KEY: '{"schema": 1}'})


def unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].op_type = "NoSuchOperator"


def dangling(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "nobody"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (broken_manifest, "manifest.name is missing"),
        (unknown_operator, "refuses the model"),
        (dangling, "refuses the model"),
    ],
)
def test_broken_models_get_one_line(tmp_path: Path, capfd, change, message: str):
    path = edited(identity(tmp_path / "a.onnx", described()), change)
    with pytest.raises(ModelError, match=message) as caught:
        Translator(path, providers="cpu")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert capfd.readouterr() == ("", ""), "nothing red may be printed"


def test_a_model_without_a_manifest_is_refused(tmp_path: Path):
    path = identity(tmp_path / "a.onnx", None)
    with pytest.raises(ModelError, match="has no Pixstack manifest") as caught:
        Translator(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"just some text\n", b"\x89PNG\r\n\x1a\n" + bytes(50), b"\x00" * 100, b"\x3a\xff\xff"],
)
def test_what_is_not_onnx_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="is not an ONNX file"):
        Translator(tmp_path / "a.onnx")


def test_a_cut_model_is_refused(tmp_path: Path):
    path = models.upscaler(tmp_path / "a.onnx")
    whole = path.read_bytes()
    for length in range(1, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError):
            Translator(path, providers="cpu")


def test_missing_files_and_folders_are_named(tmp_path: Path):
    with pytest.raises(ModelError, match="No such file"):
        Translator(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="directory"):
        Translator(tmp_path)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (described(inputs=(Input("other", "rgb"),)), "promises the input 'other'"),
        (described(inputs=(Input("image", "labels:3"),)), "as tensor.int64., the graph has"),
        (described(outputs=(Output("other", "rgb"),)), "promises the output 'other'"),
    ],
)
def test_a_manifest_of_another_graph_is_refused(tmp_path: Path, manifest: Manifest, message: str):
    with pytest.raises(ModelError, match=message):
        Translator(identity(tmp_path / "a.onnx", manifest), providers="cpu")


def test_a_wrong_scale_is_told(tmp_path: Path):
    manifest = described(outputs=(Output("result", "rgb", scale=2),))
    translator = Translator(identity(tmp_path / "a.onnx", manifest), providers="cpu")
    with pytest.raises(ModelError, match=r"5x4 pixels .* promises 10x8"):
        translator(np.zeros((4, 5, 3), np.uint8))


def test_a_failing_run_is_one_line(tmp_path: Path, capfd):
    graph = models.Graph()
    # Only pictures of 6 pixels can be brought to this shape.
    shape = graph.constant([1, 3, 2, 3], np.int64)
    graph.add("Reshape", "image", shape, output="result")
    path = graph.save(
        tmp_path / "a.onnx",
        described(),
        {"image": models.picture()},
        {"result": models.picture()},
    )
    translator = Translator(path, providers="cpu")
    with pytest.raises(ModelError, match="failed on 5x4 pixels") as caught:
        translator(np.zeros((4, 5, 3), np.uint8))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
