"""The weights of an exported stack, read back: to begin a training with, or to export them anew.

An export keeps the names of the weights, and its manifest the recipe: the file is a checkpoint of
the averaged weights, too. What was worked into others for speed, as batch statistics into the
convolution before them, cannot be had back; such files are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import TensorProto, numpy_helper
from torch import Tensor

from export.halves import SUFFIX
from export.runtime.errors import ModelError
from export.runtime.model_file import read_model
from stacks.checkpoint import CheckpointError, FitError, load_stack, stack_of
from stacks.stack import Stack

PREFIX = "stack."
"""Of the names in a graph: `export.graph.ShippedStack` holds the stack under it."""
KEPT = {TensorProto.FLOAT, TensorProto.FLOAT16}
"""What weights are kept in."""


@dataclass(frozen=True)
class Trained:
    """A trained stack, and what an earlier export of it said of itself; None where there is none.

    half: whether that one keeps its weights in half precision.
    """

    stack: Stack
    name: str | None = None
    version: str | None = None
    half: bool = False


def open_trained(path: Path) -> Stack:
    """The trained stack of ``RUN/best.safetensors`` or of an exported ``.onnx`` file.

    Raises:
        CheckpointError: as `read_trained` tells.
    """
    return read_trained(path).stack


def read_trained(path: Path, overrides: Sequence[str] = ()) -> Trained:
    """The trained stack of a file, and what the file says of it beside the recipe.

    Args:
        path: of the file, or of the folder of a run.
        overrides: of its recipe, as ``stage.1.ships=true``.

    Raises:
        CheckpointError: the file cannot be used, or does not hold all weights as they were trained.
        TableError: an override is of no key, or of a value that is not allowed.
    """
    if path.suffix != ".onnx":
        return Trained(load_stack(path, overrides))
    try:
        content, manifest = read_model(path)
    except ModelError as error:
        raise CheckpointError(str(error)) from None
    tensors = kept(content, path)
    try:
        stack = stack_of(manifest.recipe, weights(tensors, path), path, overrides)
    except FitError:
        raise CheckpointError(
            f"{path}: does not hold all weights as they were trained: exporting leaves stages out "
            "that serve training alone, and works some weights into others; give best.safetensors "
            "of its run"
        ) from None
    half = any(tensor.data_type == TensorProto.FLOAT16 for tensor in tensors)
    return Trained(stack, manifest.name, manifest.version, half)


def weights(tensors: Sequence[TensorProto], path: Path) -> dict[str, Tensor]:
    """The stack's weights by name, in full precision.

    Raises:
        CheckpointError: those of the file of this path are damaged.
    """
    found: dict[str, Tensor] = {}
    try:
        for tensor in tensors:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            name = tensor.name.removeprefix(PREFIX).removesuffix(SUFFIX)
            found[name] = torch.from_numpy(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise CheckpointError(f"{path}: its weights cannot be read: {error}") from None
    return found


def kept(content: bytes, path: Path) -> list[TensorProto]:
    """The weights in a graph as it keeps them.

    Raises:
        CheckpointError: the graph of the file of this path is damaged.
    """
    try:
        graph = onnx.ModelProto.FromString(content).graph
    except DecodeError as error:
        raise CheckpointError(f"{path}: its weights cannot be read: {error}") from None
    return [
        weight
        for weight in graph.initializer
        if weight.name.startswith(PREFIX) and weight.data_type in KEPT
    ]
