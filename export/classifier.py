"""Any ONNX classifier as a network that measures look through: the layer before its logits."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from torch import Tensor

from export.runtime.errors import ModelError
from export.runtime.model_file import is_flatbuffer, reaches_outside
from export.runtime.session import open_session
from translate.features.network import DEVIATION, MEAN, Identity, Seen
from translate.features.weights import fingerprint

Pixels = Literal["unit", "symmetric", "imagenet", "bytes"]
"""What the file reads: [0, 1], [-1, 1], ImageNet's mean and deviation taken off, or 0..255."""
PIXELS: tuple[Pixels, ...] = ("unit", "symmetric", "imagenet", "bytes")
SIDE = 224
"""Where the file takes pictures of any size."""
BEHIND = ("Softmax", "LogSoftmax", "Identity")
"""What may stand behind the last linear layer."""


class OnnxClassifier:
    """A classifier of one picture input ``(N, 3, H, W)`` in float32.

    Its features are what its last linear layer reads, or the named value; a map ``(N, D, H, W)`` is
    averaged over its pixels.

    Args:
        path: the file, weights inside.
        layer: name of a value in the graph; None takes the input of the last linear layer.
        pixels: the range of what it reads.

    Raises:
        ValueError: no ONNX file, another kind of input, no such value, or no last linear layer.
    """

    def __init__(self, path: Path, layer: str | None = None, pixels: Pixels = "unit") -> None:
        model = load(path)
        inputs = outer_inputs(model.graph)
        if len(inputs) != 1:
            names = ", ".join(one.name for one in inputs) or "nothing"
            raise ValueError(f"{path}: reads {names}; expected one input, a picture")
        [picture] = inputs
        self.pixels: Pixels = pixels
        self.input = picture.name
        self.batch, side = shape_of(path, picture)
        logits, found = ends(path, model.graph, layer)
        self.logits, self.layer = logits, found
        have = {one.name for one in model.graph.output}
        wanted = [name for name in (found, logits) if name is not None]
        model.graph.output.extend(
            onnx.ValueInfoProto(name=name) for name in wanted if name not in have
        )
        self.session = open_session(model.SerializeToString()).session
        self.identity = Identity(path.name, fingerprint(path), found, side, pixels)

    def see(self, pictures: Tensor) -> Seen:
        """``(N, 3, side, side)`` in [0, 1] -> features, and logits where there are any."""
        values = in_range(pictures.float().cpu(), self.pixels).numpy()
        names = [name for name in (self.layer, self.logits) if name is not None]
        count, step = len(values), self.batch or len(values)
        # A fixed batch is taken full or not at all: the last one is filled with its last picture.
        values = np.concatenate([values, values[-1:].repeat(-count % step, axis=0)])
        parts = [
            self.session.run(
                names, {self.input: np.ascontiguousarray(values[start : start + step])}
            )
            for start in range(0, count, step)
        ]
        features, *logits = (
            torch.from_numpy(np.concatenate(one)[:count]) for one in zip(*parts, strict=True)
        )
        features = features.mean(dim=(2, 3)) if features.ndim == 4 else features.flatten(1)
        return Seen(features, logits[0].flatten(1) if logits else None)


def load(path: Path) -> onnx.ModelProto:
    """The model of a file that needs no other file.

    Raises:
        ValueError: no such file, not ONNX, or weights in another file.
        ModelError: ONNX Runtime would find another model in the file.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected a classifier in ONNX")
    data = path.read_bytes()
    if is_flatbuffer(data):
        raise ModelError(
            f"{path}: has the mark of ONNX Runtime's own format; give the ONNX file that it was "
            "made from"
        )
    try:
        outside, model = reaches_outside(data), onnx.load_model_from_string(data)
    except (ValueError, DecodeError):
        outside, model = False, onnx.ModelProto()
    if not model.graph.node:
        raise ValueError(f"{path}: not an ONNX file")
    if outside:
        raise ValueError(f"{path}: keeps weights in another file; export it with them inside")
    return model


def outer_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """What a caller feeds; old files list their weights among the inputs too."""
    weights = {one.name for one in graph.initializer}
    return [one for one in graph.input if one.name not in weights]


def shape_of(path: Path, picture: onnx.ValueInfoProto) -> tuple[int, int]:
    """The batch, 0 for any, and the side of the pictures that a graph reads.

    Raises:
        ValueError: not ``(N, 3, side, side)`` in float32.
    """
    kind = picture.type.tensor_type
    sizes = [one.dim_value for one in kind.shape.dim]
    if kind.elem_type != onnx.TensorProto.FLOAT or len(sizes) != 4 or sizes[1] not in (0, 3):
        raise ValueError(
            f"{path}: its input {picture.name!r} is {sizes} (0: any); expected float32 pictures "
            "(N, 3, H, W)"
        )
    batch, _, height, width = sizes
    if height != width:
        raise ValueError(f"{path}: reads pictures of {width}x{height}; expected squares")
    return batch, height or SIDE


def ends(path: Path, graph: onnx.GraphProto, layer: str | None) -> tuple[str | None, str]:
    """Names of the logits, where there is a last linear layer, and of the features.

    Raises:
        ValueError: the value is not there, or none was named and there is no such layer.
    """
    makers = {name: node for node in graph.node for name in node.output}
    if layer is not None and layer not in makers:
        raise ValueError(
            f"{path}: has no value named {layer!r}; its last ones are {', '.join([*makers][-4:])}"
        )
    weights = {one.name for one in graph.initializer}
    weights |= {name for node in graph.node if node.op_type == "Constant" for name in node.output}
    logits = graph.output[0].name
    node = makers.get(logits)
    while node is not None and node.op_type in BEHIND:
        logits = node.input[0]
        node = makers.get(logits)
    linear = node
    if node is not None and node.op_type == "Add":  # a bias apart from its matrix
        linear = next((makers.get(name) for name in node.input if name not in weights), None)
    if linear is not None and linear.op_type in ("Gemm", "MatMul"):
        return logits, layer or linear.input[0]
    if layer is None:
        raise ValueError(
            f"{path}: its first output {graph.output[0].name!r} comes from no linear layer; name "
            "the value to compare with --layer"
        )
    return None, layer


def in_range(pictures: Tensor, pixels: Pixels) -> Tensor:
    """[0, 1] -> what the file reads."""
    match pixels:
        case "symmetric":
            return pictures * 2 - 1
        case "imagenet":
            mean, deviation = (torch.tensor(one)[:, None, None] for one in (MEAN, DEVIATION))
            return (pictures - mean) / deviation
        case "bytes":
            return pictures * 255
        case _:
            return pictures
