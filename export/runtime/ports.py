"""The tensors of a file by name, read from its bytes: nothing of a stranger's graph is run."""

from __future__ import annotations

from export.runtime.model_file import GRAPH, fields, parts

_INPUT, _OUTPUT = 11, 12  # of a GraphProto
_NAME, _TYPE = 1, 2  # of a ValueInfoProto
_TENSOR = 1  # of a TypeProto
_ELEMENT, _SHAPE = 1, 2  # of its tensor
_DIMENSION = 1  # of a TensorShapeProto
_NUMBER, _SYMBOL = 1, 2  # of a dimension
_TYPES = {1: "float32", 2: "uint8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}


def tensors(content: bytes) -> dict[str, str]:
    """Type and shape of each input and output, as ``float32 (N, 3, H, W)``.

    Args:
        content: of an ONNX file, as `read_model` returns it.

    Raises ValueError where its ports are no protocol buffers.
    """
    return {
        _text(port, _NAME): _told(tensor)
        for graph in parts(memoryview(content), GRAPH)
        for port in (*parts(graph, _INPUT), *parts(graph, _OUTPUT))
        for kind in parts(port, _TYPE)
        for tensor in parts(kind, _TENSOR)
    }


def _told(tensor: memoryview) -> str:
    """A tensor's type and shape."""
    element = next((value for number, value in fields(tensor) if number == _ELEMENT), 0)
    kind = _TYPES.get(element, f"type {element}") if isinstance(element, int) else "no type"
    sides = [
        _side(dimension)
        for shape in parts(tensor, _SHAPE)
        for dimension in parts(shape, _DIMENSION)
    ]
    return f"{kind} ({', '.join(sides)}{',' * (len(sides) == 1)})"


def _side(dimension: memoryview) -> str:
    """A number, or the name of one that may vary."""
    for number, value in fields(dimension):
        if number == _NUMBER and isinstance(value, int):
            return str(value)
    return _text(dimension, _SYMBOL) or "?"


def _text(message: memoryview, wanted: int) -> str:
    """A field of text; empty where there is none."""
    return next((bytes(one).decode("utf-8", "replace") for one in parts(message, wanted)), "")
