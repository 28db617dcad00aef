"""Whether a graph has what its manifest promises."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from export.manifest import Manifest
from export.runtime.errors import ModelError

# Element types by input and output family, as ONNX Runtime names them.
_TYPES = {"labels": "tensor(int64)", "class": "tensor(int64)"}
_AXES = {"class": 1, "strength": 1, "angle": 1, "keypoints": 3}  # of outputs; pictures have 4


def check_ports(path: Path, manifest: Manifest, session: onnxruntime.InferenceSession) -> None:
    """Raise ModelError where the graph does not have what its manifest promises."""
    for what, promised, found in (
        ("input", manifest.inputs, session.get_inputs()),
        ("output", manifest.outputs, session.get_outputs()),
    ):
        types = {port.name: port.type for port in found}
        shapes = {port.name: port.shape for port in found}
        for port in promised:
            expected = _TYPES.get(port.family, "tensor(float)")
            if types.get(port.name) != expected:
                raise ModelError(
                    f"{path}: the manifest promises the {what} {port.name!r} as {expected}, the "
                    f"graph has {types.get(port.name, 'none')}"
                )
            axes = len(shapes[port.name])
            if what == "output" and axes != _AXES.get(port.family, 4):
                raise ModelError(
                    f"{path}: the output {port.name!r} has {axes} axes in the graph; the manifest "
                    f"promises {port.family}, which has {_AXES.get(port.family, 4)}"
                )
        extra = set(types) - {port.name for port in promised}
        if what == "input" and extra:
            raise ModelError(
                f"{path}: the graph needs the input {min(extra)!r}, of which its manifest says "
                "nothing"
            )
