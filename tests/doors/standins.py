"""Tiny models with the names, inputs and outputs of those that ship.

They are exact about sizes and cheap, so tests of the doors need no trained model. `layers` adds
idle convolutions in front, which makes a run as slow as a test of Stop needs it. Those for pose
and photo are in `translations.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.manifest import MANIFEST_KEY, Input, Manifest, Output

CHANNELS = 48
NOISE = 3  # numbers of a noise input


def write_all(folder: Path, layers: int = 0) -> Path:
    """Write the three stand-ins into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("photo-sr", "photo-sr-crisp"):
        write_super_resolution(folder / f"{name}.onnx", layers)
    write_denoise(folder / "photo-denoise.onnx", layers)
    return folder


def write_super_resolution(path: Path, layers: int = 0, least: int = 1) -> None:
    """`source` -> `x4` and `x2`, nearest neighbor."""
    nodes, weights, picture = _idle("source", layers)
    for factor in (4, 2):
        weights.append(constant(f"scales{factor}", np.array([1, 1, factor, factor], np.float32)))
        nodes.append(
            helper.make_node(
                "Resize",
                [picture, "", f"scales{factor}"],
                [f"x{factor}"],
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
        )
    manifest = Manifest(
        name=path.stem,
        task="super-resolution",
        inputs=(Input("source", "rgb", range=(0, 1)),),
        outputs=(Output("x4", "rgb", scale=4), Output("x2", "rgb", scale=2)),
        tiling="exact",
        halo=max(1, layers),
        min_size=least,
        license="Apache-2.0",
    )
    save(path, nodes, weights, manifest)


def write_denoise(path: Path, layers: int = 0, strongest: float = 75) -> None:
    """`source`, `strength` -> `target` (the mean of 3x3 pixels) and `noise_map`.

    A strength of 0 changes nothing, 25 and automatic (-1) take the whole mean.
    """
    nodes, weights, picture = _idle("source", layers)
    weights += [
        constant("zero", np.array(0, np.float32)),
        constant("one", np.array(1, np.float32)),
        constant("full", np.array(25, np.float32)),
        constant("axes", np.array([1, 2, 3], np.int64)),
        constant("channel", np.array([1], np.int64)),
    ]
    nodes += [
        helper.make_node(
            "AveragePool", [picture], ["mean"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]
        ),
        helper.make_node("Sub", ["mean", picture], ["change"]),
        helper.make_node("Less", ["strength", "zero"], ["automatic"]),
        helper.make_node("Div", ["strength", "full"], ["share"]),
        helper.make_node("Clip", ["share", "zero", "one"], ["told"]),
        helper.make_node("Where", ["automatic", "one", "told"], ["weight"]),
        helper.make_node("Unsqueeze", ["weight", "axes"], ["weight4"]),
        helper.make_node("Mul", ["change", "weight4"], ["applied"]),
        helper.make_node("Add", [picture, "applied"], ["target"]),
        helper.make_node("Abs", ["change"], ["size"]),
        helper.make_node("ReduceMean", ["size", "channel"], ["noise_map"], keepdims=1),
    ]
    manifest = Manifest(
        name=path.stem,
        task="denoising",
        inputs=(
            Input("source", "rgb", range=(0, 1)),
            Input("strength", "strength", default=-1, range=(0, strongest), unit="sigma on 0..255"),
        ),
        outputs=(Output("target", "rgb"), Output("noise_map", "gray")),
        tiling="exact",
        halo=1 + layers,
        license="Apache-2.0",
    )
    save(path, nodes, weights, manifest)


def _idle(source: str, layers: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto], str]:
    """Convolutions whose weights are too small to change an 8-bit picture."""
    if layers == 0:
        return [], [], source
    weights: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []
    current = source
    for index in range(layers):
        into = 3 if index == layers - 1 else CHANNELS
        outof = 3 if index == 0 else CHANNELS
        weights.append(constant(f"w{index}", np.full((into, outof, 3, 3), 1e-6, np.float32)))
        nodes.append(
            helper.make_node("Conv", [current, f"w{index}"], [f"c{index}"], pads=[1, 1, 1, 1])
        )
        current = f"c{index}"
    nodes.append(helper.make_node("Add", [source, current], ["idle"]))
    return nodes, weights, "idle"


def constant(name: str, value: np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(value, name)


def save(
    path: Path, nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto], manifest: Manifest
) -> None:
    graph = helper.make_graph(
        nodes, path.stem, _ports(manifest.inputs), _ports(manifest.outputs), initializer=weights
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.helper.set_model_props(model, {MANIFEST_KEY: manifest.to_json()})
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _ports(ports: tuple[Input, ...] | tuple[Output, ...]) -> list[onnx.ValueInfoProto]:
    infos = []
    for port in ports:
        shape: list[str | int] = ["N"]
        if port.family == "noise":
            shape.append(NOISE)
        elif port.family in ("keypoints", "colors"):
            shape += [port.count, 3]
        elif port.family not in ("strength", "class"):
            shape += [3 if port.kind == "rgb" else 1, f"H_{port.name}", f"W_{port.name}"]
        whole = port.family in ("labels", "class")
        kind = TensorProto.INT64 if whole else TensorProto.FLOAT
        infos.append(helper.make_tensor_value_info(port.name, kind, shape))
    return infos
