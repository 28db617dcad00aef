"""A stack as the one graph that ships: named tensors in, pictures of the caller's size out."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn.utils import parametrize

from stacks.stack import Stack
from translate.kinds import Kind, most_probable


@dataclass(frozen=True)
class View:
    """One picture that the graph gives back."""

    name: str
    kind: Kind
    scale: int
    """Pixels of it on one pixel of the source, along one side."""
    truth: str
    """The view that it was held against in training."""
    area: bool = False
    """Whether it depends on where an area lies that the stack itself finds: at its edge a pixel is
    of the one picture or of the other."""
    keeps: str = ""
    """The input that it is outside of the area that its stage may change."""


class ShippedStack(nn.Module):
    """A copy of a stack that takes pictures of any size, down to one pixel.

    What only training needs is gone: parametrizations such as spectral normalization are folded
    into the weights, and the module is in evaluation mode.

    Args:
        stack: a trained stack; it is left as it is.
    """

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.stack = folded(stack)
        self.inputs = tuple(stack.inputs)
        self.kinds = {name: view.kind for name, view in stack.inputs.items()}
        self.outputs = written_views(stack)
        self.multiple = stack.multiple
        self.moves = any(stack.stages[name].spec.join == "move" for name in stack.shipped)
        self.eval()

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Every output, the stack's last view first.

        Args:
            inputs: one for each name in ``self.inputs``: pictures ``(N, C, H, W)`` float32 in
                [0, 1] (values outside pass through), label ids ``(N, 1, H, W)`` and classes
                ``(N,)`` int64, noise ``(N, C)`` or ``(N, C, H, W)`` float32, ``strength (N,)``
                float32, sigma on 0..255, -1 where the stack itself is to find it, angles ``(N,)``
                float32 in degrees, keypoints ``(N, K, 3)`` float32: x, y in pixels, visible 0 or 1.

        Returns:
            One for each of ``self.outputs``: ``(N, C, scale H, scale W)`` float32, not clipped;
            of labels their ids ``(N, 1, scale H, scale W)`` int64.
        """
        views = dict(zip(self.inputs, inputs, strict=True))
        first = next((name for name in self.inputs if self.kinds[name].is_picture), None)
        size = views[first].shape[-2:] if first and self.multiple > 1 else None
        if size is not None:
            views = self.stack.padded(views)
        written = self.stack(views)
        pictures = [shipped(written[output.name], output) for output in self.outputs]
        if size is None:
            return tuple(pictures)
        height, width = size
        return tuple(
            picture[:, :, : height * output.scale, : width * output.scale]
            for picture, output in zip(pictures, self.outputs, strict=True)
        )


def shipped(view: Tensor, output: View) -> Tensor:
    """A view as it ships: of labels the most probable one."""
    return most_probable(view) if output.kind.family == "labels" else view


def folded(stack: Stack) -> Stack:
    """A copy of what ships, its parametrizations computed once and for all."""
    copied = copy.deepcopy(stack).eval().requires_grad_(False)
    for name in [name for name in copied.stages if name not in copied.shipped]:
        del copied.stages[name]
    for module in copied.modules():
        if parametrize.is_parametrized(module):
            # A parametrized module has a class of its own, which its copies share; folding takes
            # the parameter off that class, and the given stack must keep it.
            shared = type(module)
            own = type(shared.__name__, shared.__bases__, dict(shared.__dict__))
            module.__class__ = cast(type[nn.Module], own)
            for name in list(cast(nn.ModuleDict, module.parametrizations)):
                parametrize.remove_parametrizations(module, name, leave_parametrized=True)
    return copied


def written_views(stack: Stack) -> tuple[View, ...]:
    """The pictures that the file writes, the last first; features handed up are no pictures."""
    views: dict[str, View] = {}
    written, area = set[str](), False
    first = next((name for name, view in stack.inputs.items() if view.kind.is_picture), None)
    for stage in (stack.stages[name] for name in stack.shipped):
        spec, writes = stage.spec, stage.writes
        views.pop(spec.writes, None)
        area = area or not written.isdisjoint(stage.inside)
        written.add(spec.writes)
        if writes.scale >= 1:
            # What is smaller than the source is on the way, and of no use to a caller.
            scale = int(writes.scale)
            keeps = stage.inside and stage.outside == first and scale == 1
            kept = stage.outside if keeps else ""
            views[spec.writes] = View(spec.writes, writes.kind, scale, spec.truth, area, kept)
    return tuple(reversed(views.values()))
