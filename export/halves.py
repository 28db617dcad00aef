"""Weights kept in half precision: a file of half the size that computes in full precision.

A cast stands behind each weight; runtimes carry it out once, when they open the file. The weights
are rounded in the stack first, so the file is compared with just what it holds.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

LEAST = 1024
"""Numbers of a weight that is worth a cast: biases stay as they are."""
SUFFIX = ".half"
"""Of the name of a weight that is kept so; its cast has the name without."""
LARGEST = 65504.0
"""The largest number of half precision."""


def round_weights(module: nn.Module) -> None:
    """Round what will be kept in half precision, in place.

    Raises:
        ValueError: a weight is beyond the range of half precision.
    """
    for name, parameter in module.named_parameters():
        if parameter.numel() < LEAST:
            continue
        if (largest := float(parameter.data.abs().max())) > LARGEST:
            raise ValueError(
                f"{name}: holds {largest:.3g}, beyond half precision; export without --half"
            )
        parameter.data = parameter.data.half().to(parameter.dtype)


def halve(model: onnx.ModelProto) -> None:
    """Keep every large weight that half precision holds exactly as such, with a cast behind it."""
    casts: list[onnx.NodeProto] = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(weight)
        # Constants that the graph computes with need not fit; a weight that was rounded does.
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if values.size < LEAST or not np.array_equal(half.astype(np.float32), values):
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(half, f"{name}{SUFFIX}"))
        casts.append(
            helper.make_node(
                "Cast", [weight.name], [name], name=f"{name}.cast", to=TensorProto.FLOAT
            )
        )
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
