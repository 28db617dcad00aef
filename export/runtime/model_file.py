"""Read an ONNX file without running it: its manifest, and whether it reaches outside itself.

An ONNX file is a protocol buffer. Walking its wire format takes a page and spares the `onnx`
package; it also lets a list of models be shown without loading one. The field numbers are those
of onnx.proto3 (ONNX 1.17); the encoding is described at
https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from export.manifest import MANIFEST_KEY, Manifest
from export.runtime.errors import ModelError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# ModelProto: 7 = graph, 14 = metadata_props, 25 = functions.
GRAPH, _METADATA, _FUNCTIONS = 7, 14, 25
# Where tensors hide, by message: field number -> message of the field.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {GRAPH: "graph", _FUNCTIONS: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
# TensorProto: 13 = external_data, 14 = data_location (1: in another file).
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
# NodeProto: 4 = op_type. An EPContext node may name a file with a compiled engine.
_OPERATOR, _ENGINE = 4, b"EPContext"
# What ONNX Runtime takes for a flatbuffer of its own, whatever else is in the file.
_FLATBUFFER, _MARK = slice(4, 8), b"ORTM"
_DEEPEST = 64  # nested subgraphs; protobuf itself stops at 100 messages
_LARGEST = 2**31 - 1  # bytes; a protocol buffer cannot be larger


def read_model(path: str | Path) -> tuple[bytes, Manifest]:
    """The bytes of a model file and its manifest.

    Raises ModelError where the file is missing, not ONNX, without a (valid) manifest, keeps
    weights or a compiled engine in a second file (a model from a stranger must not name paths to
    be opened here), or is two models at once.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelError(f"{path} is larger than 2 GB, which no ONNX file can be")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror}") from None
    if is_flatbuffer(data):
        raise ModelError(
            f"{path} has the mark of ONNX Runtime's own format, in which it may hold another model "
            "than its manifest tells of; give the ONNX file that it was made from"
        )
    try:
        metadata = _metadata(memoryview(data))
        external = reaches_outside(data)
    except (_Malformed, UnicodeDecodeError):
        hint = "; a stack's weights become one by pixstack export" * (path.suffix == ".safetensors")
        raise ModelError(f"{path} is not an ONNX file{hint}") from None
    if external:
        raise ModelError(
            f"{path} keeps weights in another file, which is not opened; export it with the "
            "weights inside (external_data=False)"
        )
    if MANIFEST_KEY not in metadata:
        raise ModelError(
            f"{path} has no Pixstack manifest ({MANIFEST_KEY} in its metadata); "
            "export it with `pixstack export`"
        )
    try:
        return data, Manifest.from_json(metadata[MANIFEST_KEY])
    except (ValueError, OverflowError) as error:
        # Not ManifestError alone: one strange number must not cost the other models of a folder.
        raise ModelError(f"{path}: {error}") from None


def read_manifest(path: str | Path) -> Manifest:
    """The manifest of a model file, without loading the model; errors as in `read_model`."""
    return read_model(path)[1]


def reaches_outside(data: bytes) -> bool:
    """Whether a model keeps weights or a compiled engine in another file.

    data: of an ONNX file.

    Raises ValueError where the bytes are no protocol buffer, or of another message.
    """
    return _reaches_outside(memoryview(data), "model", 0)


def is_flatbuffer(data: bytes) -> bool:
    """Whether ONNX Runtime takes the bytes of a file for its own format instead of ONNX.

    A protocol buffer can have the mark too. Then the graph that is looked through here is not the
    one that runs.
    """
    return data[_FLATBUFFER] == _MARK


class _Malformed(ValueError):
    """The bytes are no protocol buffer."""


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A base-128 number at `at` -> (number, position after it)."""
    value = 0
    for index in range(10):
        if at + index >= len(data):
            raise _Malformed
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise _Malformed


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of one message as (field number, number or bytes), in file order."""
    return ((number, value) for number, value, _ in spans(data))


def spans(data: memoryview) -> Iterator[tuple[int, int | memoryview, memoryview]]:
    """As `fields`, each with all of its bytes as they lie in the message."""
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        # Other readers drop the bits above 32 (C++) and so find another field than is seen here.
        if number == 0 or tag >= 2**32:
            raise _Malformed
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value, data[start:at]
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise _Malformed
        if at + length > len(data):
            raise _Malformed
        yield number, data[at : at + length], data[start : at + length]
        at += length


def parts(message: memoryview, wanted: int) -> list[memoryview]:
    """The messages, or texts, of one field."""
    return [
        value
        for number, value in fields(message)
        if number == wanted and isinstance(value, memoryview)
    ]


def _metadata(data: memoryview) -> dict[str, str]:
    """`metadata_props` of a ModelProto; a file without a graph is no model."""
    found: dict[str, str] = {}
    graphs = 0
    for number, value in fields(data):
        graphs += number == GRAPH
        if number == _METADATA and isinstance(value, memoryview):
            entry = {key: bytes(text) for key, text in fields(value) if not isinstance(text, int)}
            found[entry.get(1, b"").decode()] = entry.get(2, b"").decode()
    if graphs == 0:
        raise _Malformed
    return found


def _reaches_outside(data: memoryview, message: str, depth: int) -> bool:
    """Whether anything in the message lies in another file."""
    if depth > _DEEPEST:
        raise _Malformed
    for number, value in fields(data):
        if message == "tensor":
            # An enum has 32 bits; readers drop those above.
            elsewhere = isinstance(value, int) and value & 0xFFFFFFFF == 1
            if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and elsewhere):
                return True
            continue
        if message == "node" and number == _OPERATOR and value == _ENGINE:
            return True
        child = _CHILDREN[message].get(number)
        if child and isinstance(value, memoryview) and _reaches_outside(value, child, depth + 1):
            return True
    return False
