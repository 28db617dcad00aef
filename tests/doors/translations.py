"""Tiny models for the Pose and Photo tabs, whose results can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from export.manifest import Input, Manifest, Output
from stacks.presets import preset_text, table_of
from tests.doors.standins import constant, save

GESTURES = tuple(str(digit) for digit in range(10))
SIDE = 128  # of the hands' network
_DATA = table_of(preset_text("facade-photo"))["data"]
LABELS: dict[str, tuple[int, int, int]] = {
    name: tuple(color)
    for name, color in zip(_DATA["names"]["source"], _DATA["palette"]["source"], strict=True)
}
"""Names and colors of those that the example to draw on is made of."""


def write_translations(folder: Path) -> Path:
    """Write the four stand-ins into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_pose(folder / "hand-pose.onnx")
    write_facade(folder / "facade-photo.onnx")
    write_sketch(folder / "sketch-photo.onnx")
    write_fashion(folder / "fashion.onnx")
    return folder


def write_pose(path: Path, names: tuple[str, ...] = GESTURES) -> None:
    """`source`, `gesture` -> `target`, the source times gesture / 9, and `coarse`, half of it."""
    nodes = [
        helper.make_node("Cast", ["gesture"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["number", "nine"], ["share"]),
        helper.make_node("Unsqueeze", ["share", "axes"], ["share4"]),
        helper.make_node("Mul", ["source", "share4"], ["target"]),
        helper.make_node("Mul", ["target", "half"], ["coarse"]),
    ]
    weights = [
        constant("nine", np.array(9, np.float32)),
        constant("half", np.array(0.5, np.float32)),
        constant("axes", np.array([1, 2, 3], np.int64)),
    ]
    gesture = Input("gesture", f"class:{len(names)}", default=0, names=names)
    manifest = Manifest(
        name=path.stem,
        task="pose",
        inputs=(Input("source", "rgb", range=(0, 1)), gesture),
        outputs=(Output("target", "rgb"), Output("coarse", "rgb")),
        tiling="fixed",
        size=SIDE,
    )
    save(path, nodes, weights, manifest)


def write_facade(path: Path) -> None:
    """`source`, `noise` -> `target`: label / 11 as gray, plus a hundredth of the noise a color."""
    nodes = [
        helper.make_node("Cast", ["source"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["number", "most"], ["gray"]),
        helper.make_node("Mul", ["noise", "little"], ["tint"]),
        helper.make_node("Unsqueeze", ["tint", "axes"], ["tint4"]),
        helper.make_node("Add", ["gray", "tint4"], ["target"]),
    ]
    weights = [
        constant("most", np.array(11, np.float32)),
        constant("little", np.array(0.01, np.float32)),
        constant("axes", np.array([2, 3], np.int64)),
    ]
    source = Input("source", "labels:12", palette=tuple(LABELS.values()), names=tuple(LABELS))
    manifest = Manifest(
        name=path.stem,
        task="photo",
        inputs=(source, Input("noise", "noise")),
        outputs=(Output("target", "rgb"),),
        max_pixels=2**16,
    )
    save(path, nodes, weights, manifest)


def write_dream(path: Path) -> None:
    """`noise`, `kind` -> `target` of 4x4: a color a third of the noise, plus half of the class."""
    nodes = [
        helper.make_node("Slice", ["noise", "first", "third", "one"], ["three"]),
        helper.make_node("Div", ["three", "divisor"], ["color"]),
        helper.make_node("Cast", ["kind"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "half"], ["share"]),
        helper.make_node("Unsqueeze", ["share", "one"], ["shares"]),
        helper.make_node("Add", ["color", "shares"], ["sum"]),
        helper.make_node("Unsqueeze", ["sum", "axes"], ["pixel"]),
        helper.make_node("Expand", ["pixel", "size"], ["target"]),
    ]
    weights = [
        constant("first", np.array([0], np.int64)),
        constant("third", np.array([3], np.int64)),
        constant("one", np.array([1], np.int64)),
        constant("divisor", np.array(3, np.float32)),
        constant("half", np.array(0.5, np.float32)),
        constant("axes", np.array([2, 3], np.int64)),
        constant("size", np.array([1, 1, 4, 4], np.int64)),
    ]
    manifest = Manifest(
        name=path.stem,
        task="translation",
        inputs=(Input("noise", "noise"), Input("kind", "class:2", default=0, names=("dim", "lit"))),
        outputs=(Output("target", "rgb"),),
    )
    save(path, nodes, weights, manifest)


def write_sketch(path: Path) -> None:
    """`source` -> `target`, three times the edges as they were read."""
    nodes = [helper.make_node("Concat", ["source"] * 3, ["target"], axis=1)]
    manifest = Manifest(
        name=path.stem,
        task="photo",
        inputs=(Input("source", "gray", range=(0, 1), paper="black"),),
        outputs=(Output("target", "rgb"),),
        max_pixels=2**22,
    )
    save(path, nodes, [], manifest)


def write_fashion(path: Path) -> None:
    """`source`, `outfit`, `warmth`, `colors` -> `target`.

    The source times (outfit + 1) / 4 times warmth, plus the color of the top where it is asked for.
    """
    nodes = [
        helper.make_node("Cast", ["outfit"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["number", "one"], ["counted"]),
        helper.make_node("Div", ["counted", "four"], ["share"]),
        helper.make_node("Mul", ["share", "warmth"], ["factor"]),
        helper.make_node("Unsqueeze", ["factor", "axes"], ["factor4"]),
        helper.make_node("Mul", ["source", "factor4"], ["warm"]),
        helper.make_node("Gather", ["colors", "first"], ["top"], axis=1),
        helper.make_node("Relu", ["top"], ["asked"]),
        helper.make_node("Unsqueeze", ["asked", "plane"], ["asked4"]),
        helper.make_node("Add", ["warm", "asked4"], ["target"]),
    ]
    weights = [
        constant("first", np.array(0, np.int64)),
        constant("plane", np.array([2, 3], np.int64)),
        constant("one", np.array(1, np.float32)),
        constant("four", np.array(4, np.float32)),
        constant("axes", np.array([1, 2, 3], np.int64)),
    ]
    manifest = Manifest(
        name=path.stem,
        task="photo",
        inputs=(
            Input("source", "rgb", range=(0, 1)),
            Input("outfit", "class:4", default=3, names=("coat", "dress", "shirt", "skirt")),
            Input("warmth", "strength", default=1, range=(0, 1)),
            Input("colors", "colors:2", default=-1, range=(0, 1), names=("top", "skirt")),
        ),
        outputs=(Output("target", "rgb"),),
        tiling="fixed",
        size=(96, 64),
    )
    save(path, nodes, weights, manifest)
