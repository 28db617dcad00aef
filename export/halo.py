"""How far an output pixel depends on the input: measured on the network's structure.

The stack is copied in float64, every weight becomes a positive random number, biases disappear,
activations become the identity and maxima become means. What is left is linear in the input with
positive coefficients only, so that influences can add up but never cancel, and the gradient of an
output pixel is above zero exactly where the input can matter. Trained weights may be zero by
chance; those of the copy never are, so the measure holds for every training of the structure.

A narrow strip shows the reach along its length: kernels are rectangles, so how far a pixel is seen
along one axis does not depend on where it lies along the other.

A stride makes the pixels of one cell (`size_multiple` pixels a side) unequal: each phase of the
cell is measured, at each output's scale, along both axes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from export.graph import View, folded, written_views
from stacks.feeds import random_view
from stacks.stack import Stack

# Activations under all the names that torch gives them; the first argument is what is activated.
_ACTIVATIONS = frozenset(
    [
        *("celu", "elu", "elu_", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu"),
        *("leaky_relu_", "logsigmoid", "mish", "prelu", "relu", "relu6", "relu_", "rrelu"),
        *("selu", "sigmoid", "sigmoid_", "silu", "softplus", "softsign", "tanh", "tanh_"),
        # The labels' probabilities: their sum, which is 1 everywhere, would depend on nothing.
        "softmax",
    ]
)
# Reach is looked for in ever longer strips; one that fills the last is taken for global, since
# windows of several times such a halo would be no better than the whole picture.
_LENGTHS = (128, 256, 512, 1024)
_NARROW = 8  # pixels a strip is wide, at least


def measure_halo(stack: Stack) -> int | None:
    """Pixels of the source around a pixel which any output of the stack there depends on.

    Returns:
        The distance, rounded up to the stack's multiple; None where every pixel depends on the
        whole picture (instance normalization, attention, pixels that come from anywhere), or on
        more than 500 pixels around it, or where that cannot be told (views that stages derive).
    """
    if stack.recipe.points or any(stage.spec.join == "move" for stage in stack.stages.values()):
        return None
    shipped = [stack.stages[name].spec for name in stack.shipped]
    if any(spec.derive for spec in shipped):
        return None
    shell = positive(stack)
    outputs = written_views(stack)
    # Where a stage may change a picture has no gradient. A view that decides it depends on pixels
    # around it, and what a generator makes of the area on that view around it: distances add up.
    read = {name for spec in shipped for name in spec.reads}
    deciding = {
        name
        for spec in shipped
        if spec.inside and (spec.inside.hide or spec.writes in read)
        for name in spec.inside.needs
    } - set(stack.inputs)
    found_in = [[view] for view in outputs if view.name in deciding]
    if len(found_in) < len(deciding):
        return None
    distances = [farthest(shell, part) for part in (outputs, *found_in)]
    found = [distance for distance in distances if distance is not None]
    if len(found) < len(distances):
        return None
    return -(-sum(found) // stack.multiple) * stack.multiple


def farthest(shell: Stack, outputs: Sequence[View]) -> int | None:
    """Source pixels that some outputs depend on, by gradients, along either axis; None without an
    end.
    """
    for length in _LENGTHS:
        length = -(-length // shell.multiple) * shell.multiple
        reaches = [reach(shell, outputs, length, axis) for axis in (2, 3)]
        found = [distance for distance in reaches if distance is not None]
        if len(found) == len(reaches):
            return max(found)
    return None


def positive(stack: Stack) -> Stack:
    """A float64 copy with positive random weights and no biases."""
    shell = folded(stack).double()
    generator = torch.Generator().manual_seed(0)
    for name, parameter in shell.named_parameters():
        if parameter.dim() > 1:
            # Around one over the fan-in, features keep their size through any depth.
            fan_in = parameter.numel() / parameter.shape[0]
            parameter.data.uniform_(0.5, 1.5, generator=generator).div_(fan_in)
        else:
            parameter.data.fill_(0.0 if name.endswith("bias") else 1.0)
    return shell


def reach(shell: Stack, outputs: Sequence[View], length: int, axis: int) -> int | None:
    """The largest distance along one axis (2: rows, 3: columns), over all outputs and phases.

    Args:
        shell: made by `positive`.
        outputs: of the stack.
        length: of the strip of source pixels that is looked at, a multiple of the stack's.
        axis: of the strip.

    Returns:
        Source pixels; None where the ends of the strip are reached.
    """
    multiple = shell.multiple
    narrow = -(-_NARROW // multiple) * multiple
    size = (length, narrow) if axis == 2 else (narrow, length)
    views = probe(shell, size)
    pictures = [view for view in views.values() if view.dim() == 4]
    with Linear():
        written = shell(views)
    center = length // multiple // 2 * multiple
    others = tuple(dimension for dimension in range(4) if dimension != axis)
    farthest = 0
    for output in outputs:
        for phase in range(output.scale * multiple):
            # A whole line at once: what lies beside the pixel is as far along the axis as it is.
            line = written[output.name].select(axis, center * output.scale + phase).sum()
            gradients = torch.autograd.grad(line, pictures, retain_graph=True, allow_unused=True)
            pixel = center + phase // output.scale
            for gradient in gradients:
                if gradient is None:
                    continue
                touched = (gradient != 0).sum(dim=others).nonzero().flatten().tolist()
                if not touched:
                    continue
                first, last = touched[0], touched[-1]
                if first == 0 or last == length - 1:
                    return None
                farthest = max(farthest, pixel - first, last - pixel)
    return farthest


def probe(shell: Stack, size: tuple[int, int]) -> dict[str, Tensor]:
    """Inputs on which everything is positive; what may be told is left to the stack to find."""
    generator = torch.Generator().manual_seed(1)
    views: dict[str, Tensor] = {}
    for name, view in shell.inputs.items():
        if not view.kind.is_map:
            made = random_view(view, 1, *size, generator)
            views[name] = made.double() if made.is_floating_point() else made
            continue
        # Labels as planes: of ids there is no gradient.
        shape = (1, view.channels, int(size[0] * view.scale), int(size[1] * view.scale))
        picture = torch.rand(shape, dtype=torch.float64, generator=generator)
        # Above one half a picture is positive in the network's range too.
        views[name] = (0.6 + 0.4 * picture).requires_grad_()
    return views


class Linear(TorchFunctionMode):
    """While active, activations and casts pass their input on, maxima of windows are means, and a
    choice between two is their sum.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = getattr(func, "__name__", "")
        # Rounding to float32 between stages would let the smallest influences vanish.
        if name in _ACTIVATIONS or name == "float":
            return args[0]
        if name == "where" and len(args) == 3:
            # Which of the two it is depends on what is fed: either can be.
            return args[1] + args[2]
        if name == "max_pool2d":
            return mean_pool(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def mean_pool(
    features: Tensor,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """The mean over the windows of a maximum pooling, by its signature.

    Raises:
        ValueError: dilated windows, or indices asked for, which no generator here uses.
    """
    if dilation not in (1, (1, 1)) or return_indices:
        raise ValueError(
            "max_pool2d: dilation and return_indices are not known to the halo measure"
        )
    return functional.avg_pool2d(features, kernel_size, stride, padding, ceil_mode, False)
