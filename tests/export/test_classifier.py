"""Any ONNX classifier as a network that measures look through."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from export.classifier import OnnxClassifier

SIDE, WIDTH, CLASSES = 8, 5, 3
RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.normal(size=(WIDTH, 3, 3, 3)).astype(np.float32)
MATRIX = RANDOM.normal(size=(WIDTH, CLASSES)).astype(np.float32)
BIAS = RANDOM.normal(size=CLASSES).astype(np.float32)


def write(path: Path, end: str = "gemm", shape: tuple = ("N", 3, SIDE, SIDE)) -> Path:
    """Convolution, ReLU, mean over pixels, then an end of the given kind."""
    nodes = [
        helper.make_node("Conv", ["picture", "kernel"], ["convolved"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["convolved"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
    ]
    match end:
        case "gemm":
            nodes.append(helper.make_node("Gemm", ["flat", "matrix", "bias"], ["out"]))
        case "softmax":
            nodes.append(helper.make_node("Gemm", ["flat", "matrix", "bias"], ["logits"]))
            nodes.append(helper.make_node("Softmax", ["logits"], ["out"], axis=1))
        case "matmul":
            nodes.append(helper.make_node("MatMul", ["flat", "matrix"], ["product"]))
            nodes.append(helper.make_node("Add", ["product", "bias"], ["out"]))
        case _:
            nodes.append(helper.make_node("Sigmoid", ["flat"], ["out"]))
    weights = [
        numpy_helper.from_array(value, name)
        for name, value in (("kernel", KERNEL), ("matrix", MATRIX), ("bias", BIAS))
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", None])],
        initializer=weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, path)
    return path


def expected(pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The map and the logits, by torch."""
    kernel = torch.from_numpy(KERNEL)
    found = torch.nn.functional.conv2d(pictures, kernel, padding=1).relu()
    logits = found.mean(dim=(2, 3)) @ torch.from_numpy(MATRIX) + torch.from_numpy(BIAS)
    return found, logits


PICTURES = torch.rand(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("end", ["gemm", "softmax", "matmul"])
def test_the_layer_before_the_logits(end: str, tmp_path: Path) -> None:
    network = OnnxClassifier(write(tmp_path / "own.onnx", end))
    found, logits = expected(PICTURES)
    seen = network.see(PICTURES)
    assert torch.allclose(seen.features, found.mean(dim=(2, 3)), atol=1e-5)
    assert seen.logits is not None
    assert torch.allclose(seen.logits, logits, atol=1e-5)
    told = network.identity.describe()
    assert (told["name"], told["layer"]) == ("own.onnx", "flat")
    assert told["input"].startswith("8x8")


def test_a_named_value(tmp_path: Path) -> None:
    found, logits = expected(PICTURES)
    network = OnnxClassifier(write(tmp_path / "own.onnx"), layer="map")
    seen = network.see(PICTURES)
    assert torch.allclose(seen.features, found.mean(dim=(2, 3)), atol=1e-5), "mean over pixels"
    assert seen.logits is not None
    assert torch.allclose(seen.logits, logits, atol=1e-5)
    last = OnnxClassifier(tmp_path / "own.onnx", layer="out")
    assert torch.allclose(last.see(PICTURES).features, logits, atol=1e-5)
    bare = OnnxClassifier(write(tmp_path / "bare.onnx", "sigmoid"), layer="flat")
    assert bare.see(PICTURES).logits is None


@pytest.mark.parametrize(
    ("pixels", "given"),
    [("unit", 0.5), ("symmetric", 0.0), ("bytes", 127.5), ("imagenet", (0.5 - 0.406) / 0.225)],
)
def test_the_range_that_it_reads(pixels, given: float, tmp_path: Path) -> None:
    network = OnnxClassifier(write(tmp_path / "own.onnx"), pixels=pixels)
    read = torch.full((1, 3, SIDE, SIDE), given)
    if pixels == "imagenet":
        read[0, 0], read[0, 1] = (0.5 - 0.485) / 0.229, (0.5 - 0.456) / 0.224
    seen = network.see(torch.full((1, 3, SIDE, SIDE), 0.5))
    found, _ = expected(read)
    assert torch.allclose(seen.features, found.mean(dim=(2, 3)), rtol=1e-4, atol=1e-5)
    assert network.identity.pixels == pixels


def test_batches_and_sizes_that_are_fixed_or_not(tmp_path: Path) -> None:
    _, logits = expected(PICTURES)
    single = OnnxClassifier(write(tmp_path / "single.onnx", shape=(1, 3, SIDE, SIDE)))
    seen = single.see(PICTURES)
    assert seen.logits is not None
    assert torch.allclose(seen.logits, logits, atol=1e-5)
    for batch in (3, 5):  # neither divides the four pictures
        full = OnnxClassifier(write(tmp_path / "full.onnx", shape=(batch, 3, SIDE, SIDE)))
        seen = full.see(PICTURES)
        assert seen.features.shape == (4, WIDTH)
        assert seen.logits is not None
        assert torch.allclose(seen.logits, logits, atol=1e-5)
    free = OnnxClassifier(write(tmp_path / "free.onnx", shape=("N", 3, "H", "W")))
    assert free.identity.side == 224


def test_files_that_cannot_be_taken(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        OnnxClassifier(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ValueError, match="not an ONNX file"):
        OnnxClassifier(tmp_path / "text.onnx")
    with pytest.raises(ValueError, match=r"'out' comes from no linear layer; .* --layer"):
        OnnxClassifier(write(tmp_path / "sigmoid.onnx", "sigmoid"))
    with pytest.raises(ValueError, match=r"no value named 'flatt'; .* pooled, flat, out"):
        OnnxClassifier(write(tmp_path / "own.onnx"), layer="flatt")
    with pytest.raises(ValueError, match=r"expected float32 pictures \(N, 3, H, W\)"):
        OnnxClassifier(write(tmp_path / "last.onnx", shape=("N", SIDE, SIDE, 4)))
    with pytest.raises(ValueError, match="8x16; expected squares"):
        OnnxClassifier(write(tmp_path / "long.onnx", shape=("N", 3, 16, 8)))


def test_a_file_with_the_mark_of_another_format(tmp_path: Path) -> None:
    path = write(tmp_path / "own.onnx")
    bare = path.read_bytes()
    model = onnx.load(path)
    model.producer_name = "ORTM"
    onnx.save(model, path)
    with pytest.raises(ValueError, match=r"own\.onnx: has the mark of ONNX Runtime's own format"):
        OnnxClassifier(path)
    # The name at the end (ModelProto: 2 = producer_name): what is written anew has it in front.
    path.write_bytes(bare + b"\x12\x04ORTM")
    seen = OnnxClassifier(path).see(PICTURES)
    assert seen.logits is not None
    assert torch.allclose(seen.logits, expected(PICTURES)[1], atol=1e-5)


def in_a_weight(model: onnx.ModelProto) -> onnx.TensorProto:
    return model.graph.initializer[0]


def in_a_constant(model: onnx.ModelProto) -> onnx.TensorProto:
    tensor = onnx.TensorProto(name="w", dims=[1], data_type=TensorProto.FLOAT)
    node = model.graph.node.add(op_type="Constant", output=["unused"])
    node.attribute.append(helper.make_attribute("value", tensor))
    return node.attribute[0].t


def in_a_branch(model: onnx.ModelProto) -> onnx.TensorProto:
    inner = onnx.GraphProto(name="inner")
    inner.initializer.add(name="w", dims=[1], data_type=TensorProto.FLOAT)
    node = model.graph.node.add(op_type="If", input=["condition"], output=["unused"])
    node.attribute.append(helper.make_attribute("then_branch", inner))
    return node.attribute[0].g.initializer[0]


@pytest.mark.parametrize("place", [in_a_weight, in_a_constant, in_a_branch])
def test_weights_in_another_file_are_not_looked_for(place, tmp_path: Path) -> None:
    path = write(tmp_path / "own.onnx")
    model = onnx.load(path)
    tensor = place(model)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=r"own\.onnx: keeps weights in another file"):
        OnnxClassifier(path)
