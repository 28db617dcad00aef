"""The weights of an exported stack, read back, so that training can begin with a model that ships.

An export keeps the names of the weights, and its manifest the recipe: the file is a checkpoint of
the averaged weights, too. What was worked into others for speed, as batch statistics into the
convolution before them, cannot be had back; such files are refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor

from export.halves import SUFFIX
from export.runtime.errors import ModelError
from export.runtime.model_file import read_model
from stacks.checkpoint import CheckpointError, FitError, load_stack, stack_of
from stacks.stack import Stack

PREFIX = "stack."
"""Of the names in a graph: `export.graph.ShippedStack` holds the stack under it."""


def opened(path: Path) -> Stack:
    """The trained stack of ``RUN/best.safetensors`` or of an exported ``.onnx`` file.

    Raises:
        CheckpointError: the file cannot be used, or does not hold all weights as they were trained.
    """
    if path.suffix != ".onnx":
        return load_stack(path)
    try:
        content, manifest = read_model(path)
        return stack_of(manifest.recipe, weights(content), path)
    except (ModelError, DecodeError) as error:
        raise CheckpointError(str(error)) from None
    except FitError:
        raise CheckpointError(
            f"{path}: does not hold all weights as they were trained, since exporting works some "
            "into others; begin with best.safetensors of its run"
        ) from None


def weights(content: bytes) -> dict[str, Tensor]:
    """The stack's weights in a graph by name, in full precision."""
    found: dict[str, Tensor] = {}
    for initializer in onnx.ModelProto.FromString(content).graph.initializer:
        if initializer.name.startswith(PREFIX):
            values = numpy_helper.to_array(initializer)
            name = initializer.name.removeprefix(PREFIX).removesuffix(SUFFIX)
            wide = values.astype(np.float32) if values.dtype == np.float16 else values
            found[name] = torch.from_numpy(wide.copy())
    return found
