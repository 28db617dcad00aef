"""Small ONNX models for the tests, made with onnx.helper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.manifest import MANIFEST_KEY, Input, Manifest, Output
from export.runtime.model_file import read_manifest


class Graph:
    """A graph being written down: each method adds a node and returns its output's name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: object, dtype: type = np.float32) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def add(self, kind: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        output = output or f"value{len(self.nodes)}"
        node = helper.make_node(kind, list(inputs), [output])
        node.attribute.extend(helper.make_attribute(*item) for item in attributes.items())
        self.nodes.append(node)
        return output

    def convolution(self, source: str, weights: np.ndarray, stride: int = 1) -> str:
        """Weights (out, in, k, k), padded with zeros to keep the size."""
        pad = weights.shape[2] // 2
        return self.add(
            "Conv", source, self.constant(weights), pads=[pad] * 4, strides=[stride] * 2
        )

    def padded(self, source: str, multiple: int) -> tuple[str, str]:
        """Replicate at the bottom and right to a multiple; (padded, size before as (H, W))."""
        shape = self.add("Shape", source)
        size = self.add("Slice", shape, self.constant([2], np.int64), self.constant([4], np.int64))
        k = self.constant([multiple, multiple], np.int64)
        rest = self.add("Mod", self.add("Sub", k, self.add("Mod", size, k)), k)
        pads = self.add("Concat", self.constant([0] * 6, np.int64), rest, axis=0)
        return self.add("Pad", source, pads, mode="edge"), size

    def cropped(self, source: str, size: str, scale: int, output: str) -> str:
        """The first scale * size rows and columns."""
        ends = self.add("Mul", size, self.constant([scale, scale], np.int64))
        starts, axes = self.constant([0, 0], np.int64), self.constant([2, 3], np.int64)
        return self.add("Slice", source, starts, ends, axes, output=output)

    def save(
        self,
        path: Path,
        manifest: Manifest | None,
        inputs: dict[str, tuple[int, list[int | str]]],
        outputs: dict[str, tuple[int, list[int | str]]],
    ) -> Path:
        graph = helper.make_graph(
            self.nodes,
            "test",
            [helper.make_tensor_value_info(name, *spec) for name, spec in inputs.items()],
            [helper.make_tensor_value_info(name, *spec) for name, spec in outputs.items()],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        if manifest is not None:
            helper.set_model_props(model, {MANIFEST_KEY: manifest.to_json()})
        onnx.checker.check_model(model)
        onnx.save(model, path)
        return path


FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def picture(channels: int = 3, suffix: str = "") -> tuple[int, list[int | str]]:
    return FLOAT, ["n", channels, f"h{suffix}", f"w{suffix}"]


def with_recipe(path: Path, recipe: str) -> Path:
    """The same model, its manifest with another recipe."""
    model = onnx.load(path)
    manifest = replace(read_manifest(path), recipe=recipe)
    onnx.helper.set_model_props(model, {MANIFEST_KEY: manifest.to_json()})
    onnx.save(model, path)
    return path


def upscaler(
    path: Path,
    multiple: int = 2,
    halo: int | None = None,
    tiling: str = "exact",
    width: int = 8,
    min_size: int = 1,
    max_pixels: int | None = None,
) -> Path:
    """x4: pad, down by `multiple` (strided), 3x3 convolutions, up, crop; x2 as second output.

    The receptive field by hand, in input pixels. Kernel 3 at full size: 1. Kernel 3 with stride
    `multiple`: 1. Two 3x3 at the low resolution: 2 * multiple. Bilinear back up by `multiple`
    (half pixel centers): multiple more. The pixel shuffle adds none. Alignment of a strided grid:
    multiple - 1.
    """
    random = np.random.default_rng(0)

    def weights(out: int, into: int, side: int = 3) -> np.ndarray:
        return random.normal(0, (side * side * into) ** -0.5, (out, into, side, side))

    graph = Graph()
    padded, size = graph.padded("image", multiple)
    x = graph.add("Relu", graph.convolution(padded, weights(width, 3)))
    low = graph.add("Relu", graph.convolution(x, weights(width, width), stride=multiple))
    low = graph.add("Relu", graph.convolution(low, weights(width, width)))
    low = graph.convolution(low, weights(width, width))
    scales = graph.constant([1, 1, multiple, multiple])
    up = graph.add("Resize", low, "", scales, mode="linear")
    x = graph.add("Add", x, up)
    for factor in (2, 4):
        planes = graph.convolution(x, weights(3 * factor * factor, width, 1))
        shuffled = graph.add("DepthToSpace", planes, blocksize=factor, mode="CRD")
        graph.cropped(shuffled, size, factor, f"x{factor}")
    manifest = Manifest(
        name="test-sr",
        task="super-resolution",
        inputs=(Input("image", "rgb"),),
        outputs=(Output("x4", "rgb", scale=4), Output("x2", "rgb", scale=2)),
        size_multiple=multiple,
        min_size=min_size,
        halo=2 + 3 * multiple + multiple - 1 if halo is None else halo,
        tiling=tiling,  # pyright: ignore[reportArgumentType]
        max_pixels=max_pixels,
    )
    return graph.save(
        path,
        manifest,
        {"image": picture()},
        {"x4": picture(suffix="4"), "x2": picture(suffix="2")},
    )


def enlarger(path: Path, task: str = "enlarging") -> Path:
    """x2 by repeating each pixel: every result can be written down by hand."""
    graph = Graph()
    graph.add("Resize", "image", "", graph.constant([1, 1, 2, 2]), mode="nearest", output="x2")
    manifest = Manifest(
        name="test-enlarger",
        task=task,
        inputs=(Input("image", "rgb"),),
        outputs=(Output("x2", "rgb", scale=2),),
        tiling="exact",
    )
    return graph.save(path, manifest, {"image": picture()}, {"x2": picture(suffix="2")})


def leaner(path: Path, recipe: str, **more: Any) -> Path:
    """Each pixel becomes its left neighbour; at the left edge nothing, which is 0."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[range(3), range(3), 1, 0] = 1
    graph = Graph()
    graph.add("Identity", graph.convolution("image", kernel), output="result")
    manifest = Manifest(
        name="test-leaner",
        task="leaning",
        inputs=(Input("image", "rgb"),),
        outputs=(Output("result", "rgb"),),
        halo=1,
        tiling="exact",
        recipe=recipe,
    )
    return graph.save(path, replace(manifest, **more), {"image": picture()}, {"result": picture()})


def adder(
    path: Path,
    tiling: str = "exact",
    size: int | None = None,
    names: tuple[str, ...] = ("none", "low", "mid", "high"),
    palette: tuple[tuple[int, int, int], ...] = ((0, 0, 0), (255, 0, 0), (0, 0, 255)),
) -> Path:
    """image + strength / 255 (-1: 100) + class / 8 + noise / 8; labels and noise handed through."""
    graph = Graph()
    automatic = graph.add("Less", "strength", graph.constant([0]))
    strength = graph.add("Where", automatic, graph.constant([100]), "strength")
    column = graph.constant([-1, 1, 1, 1], np.int64)

    def plane(values: str, divisor: float) -> str:
        return graph.add("Reshape", graph.add("Div", values, graph.constant([divisor])), column)

    noise = graph.add("Div", "noise", graph.constant([8]))
    kind = graph.add("Cast", "kind", to=FLOAT)
    image = graph.add("Add", "image", plane(strength, 255))
    image = graph.add("Add", image, plane(kind, 8))
    graph.add("Add", image, noise, output="result")
    graph.add("Identity", "layout", output="same layout")
    graph.add("Identity", "noise", output="same noise")
    manifest = Manifest(
        name="test-adder",
        task="adding",
        inputs=(
            Input("image", "rgb"),
            Input("layout", "labels:3", palette=palette),
            Input("strength", "strength", default=-1, range=(0, 100)),
            Input("kind", "class:4", names=names),
            Input("noise", "noise"),
        ),
        outputs=(
            Output("result", "rgb"),
            Output("same layout", "labels:3", palette=palette),
            Output("same noise", "noise"),
        ),
        tiling=tiling,  # pyright: ignore[reportArgumentType]
        size=size,
    )
    return graph.save(
        path,
        manifest,
        {
            "image": picture(),
            "layout": (INT64, ["n", 1, "h", "w"]),
            "strength": (FLOAT, ["n"]),
            "kind": (INT64, ["n"]),
            "noise": picture(3),
        },
        {
            "result": picture(),
            "same layout": (INT64, ["n", 1, "h", "w"]),
            "same noise": picture(3),
        },
    )


def pointer(path: Path, size: int = 8) -> Path:
    """Works at size x size: hands image and keypoints through, and gives a class and a number."""
    graph = Graph()
    graph.add("Identity", "image", output="result")
    graph.add("Identity", "points", output="same points")
    axes = graph.constant([1, 2, 3], np.int64)
    graph.add("ReduceMean", "image", axes, keepdims=0, output="level")
    number = graph.add("ReduceMax", "image", axes, keepdims=0)
    graph.add("Cast", number, to=INT64, output="bright")
    manifest = Manifest(
        name="test-pointer",
        task="pointing",
        inputs=(Input("image", "gray"), Input("points", "keypoints:2")),
        outputs=(
            Output("result", "gray"),
            Output("same points", "keypoints:2"),
            Output("level", "strength"),
            Output("bright", "class:2"),
        ),
        tiling="fixed",
        size=size,
    )
    return graph.save(
        path,
        manifest,
        {"image": picture(1), "points": (FLOAT, ["n", 2, 3])},
        {
            "result": picture(1),
            "same points": (FLOAT, ["n", 2, 3]),
            "level": (FLOAT, ["n"]),
            "bright": (INT64, ["n"]),
        },
    )


def blender(path: Path) -> Path:
    """Gives back the second of two pictures."""
    graph = Graph()
    nothing = graph.add("Mul", "a", graph.constant([0]))
    graph.add("Add", nothing, "b", output="result")
    manifest = Manifest(
        name="test-blender",
        task="blending",
        inputs=(Input("a", "rgb"), Input("b", "rgb")),
        outputs=(Output("result", "rgb"),),
    )
    return graph.save(path, manifest, {"a": picture(), "b": picture()}, {"result": picture()})


def dreamer(path: Path) -> Path:
    """No picture goes in: noise (N, 3) becomes a 4x4 picture of one color."""
    graph = Graph()
    values = graph.add("Reshape", "noise", graph.constant([-1, 3, 1, 1], np.int64))
    graph.add("Expand", values, graph.constant([1, 3, 4, 4], np.int64), output="result")
    manifest = Manifest(
        name="test-dreamer",
        task="dreaming",
        inputs=(Input("noise", "noise"),),
        outputs=(Output("result", "rgb"),),
    )
    return graph.save(
        path, manifest, {"noise": (FLOAT, ["n", 3])}, {"result": (FLOAT, ["n", 3, 4, 4])}
    )


def slow(path: Path) -> Path:
    """A thousand large convolutions, one after the other, on the whole picture."""
    graph = Graph()
    weights = graph.constant(np.zeros((64, 64, 7, 7)))
    x = graph.convolution("image", np.zeros((64, 3, 1, 1)))
    for _ in range(1000):
        x = graph.add("Conv", x, weights, pads=[3] * 4)
    last = graph.constant(np.zeros((3, 64, 1, 1)))
    graph.add("Conv", x, last, output="result")
    manifest = Manifest(
        name="test-slow",
        task="waiting",
        inputs=(Input("image", "rgb"),),
        outputs=(Output("result", "rgb"),),
    )
    return graph.save(path, manifest, {"image": picture()}, {"result": picture()})
