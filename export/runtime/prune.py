"""Leave out what an output does not need: ONNX Runtime computes every node of a graph it opened.

The second of two outputs is often half way to the first. A session of it alone takes half the time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from export.runtime.model_file import GRAPH, fields, parts, spans

# GraphProto: 1 = node, 5 = initializer, 12 = output, 13 = value_info.
_NODE, _INITIALIZER, _OUTPUT, _VALUE = 1, 5, 12, 13
# NodeProto: 1 = input, 2 = output, 5 = attribute. AttributeProto: 6 = g, 11 = graphs.
_READS, _WRITES, _ATTRIBUTE, _SUBGRAPHS = 1, 2, 5, (6, 11)
_TENSOR_NAME, _VALUE_NAME = 8, 1
_BYTES = 2  # the wire type of what has a length


@dataclass(frozen=True)
class _Node:
    reads: frozenset[bytes]
    writes: frozenset[bytes]
    holds_graphs: bool


def pruned(model: bytes, outputs: Collection[str]) -> bytes | None:
    """A model that gives these outputs alone; None where that would spare nothing.

    Args:
        model: of an ONNX file that `read_model` has taken.
        outputs: names of some of its outputs.

    What is left of it is computed as before, to the bit.
    """
    data = memoryview(model)
    graphs = parts(data, GRAPH)
    if len(graphs) != 1:
        return None
    [graph] = graphs
    nodes = [_node(node) for node in parts(graph, _NODE)]
    needed = {name.encode() for name in outputs}
    kept: set[int] = set()
    # A graph lists its nodes in the order in which they can run.
    for index, node in reversed(list(enumerate(nodes))):
        if node.writes & needed:
            if node.holds_graphs:
                return None  # Which names the graph within reads is not looked for.
            kept.add(index)
            needed |= node.reads
    if len(kept) == len(nodes):
        return None
    known = needed.union(*(node.writes for index, node in enumerate(nodes) if index in kept))
    smaller = b"".join(_left(graph, kept, known, {name.encode() for name in outputs}))
    return b"".join(
        _entry(GRAPH, smaller) if number == GRAPH else bytes(raw) for number, _, raw in spans(data)
    )


def _left(
    graph: memoryview, kept: set[int], known: set[bytes], outputs: set[bytes]
) -> Iterator[bytes]:
    """What is left of a graph, entry by entry."""
    # Of what has a name: where it stands in the entry, and which ones stay.
    named = {
        _OUTPUT: (_VALUE_NAME, outputs),
        _INITIALIZER: (_TENSOR_NAME, known),
        _VALUE: (_VALUE_NAME, known),
    }
    index = -1
    for number, value, raw in spans(graph):
        if number == _NODE:
            index += 1
            stays = index in kept
        elif number in named:
            place, names = named[number]
            stays = _name(value, place) in names
        else:
            stays = True
        if stays:
            yield bytes(raw)


def _node(node: memoryview) -> _Node:
    # An input that is left out has an empty name.
    reads, writes = (
        frozenset(bytes(name) for name in parts(node, place) if name) for place in (_READS, _WRITES)
    )
    holds = any(
        number in _SUBGRAPHS
        for attribute in parts(node, _ATTRIBUTE)
        for number, _ in fields(attribute)
    )
    return _Node(reads, writes, holds)


def _name(value: int | memoryview, place: int) -> bytes:
    """The name in an entry that has one."""
    found = [] if isinstance(value, int) else parts(value, place)
    return bytes(found[-1]) if found else b""


def _entry(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """A base-128 number."""
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
