"""Gradient checkpointing: activations that are computed again in place of being kept.

The backward pass needs what each layer was handed, and memory grows with the depth of a network. A
segment of it that is computed again keeps what it was handed itself and nothing of what lies
within: that takes about a third more time, and memory for the borders of the segments and for the
largest of them (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", arXiv
1604.06174, section 4.1).

What is computed again is, to the bit, what was computed first. Random numbers repeat (PyTorch sees
to that), and a segment is put back into the state it was in: the vectors of a spectral
normalization, whose power iteration moves on at every pass, and running means are taken as they
were and moved on in copies, so that neither the weight nor what is kept knows of a second pass.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import nn
from torch.func import functional_call
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import checkpoint

from translate.layers.virtual_batch import VirtualBatchNorm


@runtime_checkable
class Segmented(Protocol):
    """A network that says which of its modules are worth computing again."""

    def segments(self) -> Sequence[nn.Module]:
        """Modules of several layers each, none of which holds another one; a plain ``Sequential``
        among them is cut further.
        """
        ...


def recompute(network: Segmented) -> None:
    """Let the segments of a network be computed again, in place: weights keep their names."""
    for segment in network.segments():
        if isinstance(segment, nn.Sequential) and len(segment) < 2:
            continue  # one layer keeps what it was handed either way
        # Not as a module that wraps the segment: the names of its weights would change.
        again = Chain(segment) if type(segment) is nn.Sequential else Again(segment)
        cast(Any, segment).forward = again


class Again:
    """The forward pass of a segment whose activations are not kept."""

    def __init__(self, segment: nn.Module) -> None:
        self.segment = segment

    def __call__(self, *given: Any) -> Any:
        """What the segment makes of the same arguments."""
        plain = Plain(self.segment)
        if not torch.is_grad_enabled():
            return plain(*given)
        buffers = {name: buffer.clone() for name, buffer in plain.named_buffers()}
        state = State(self.segment)
        passes = 0

        def run(*given: Any) -> Any:
            nonlocal passes
            passes += 1
            if passes == 1:
                return plain(*given)
            # Copies of the copies: a graph that is kept may be gone through more than once.
            then = {name: buffer.clone() for name, buffer in buffers.items()}
            with state.again():
                return functional_call(plain, then, given)

        return checkpoint(run, *given, use_reentrant=False)


class Chain:
    """The forward pass of n layers in a row, as about sqrt(n) segments (section 4.1)."""

    def __init__(self, layers: nn.Sequential) -> None:
        count = max(1, math.isqrt(len(layers)))
        borders = [round(index * len(layers) / count) for index in range(count + 1)]
        inside = list(layers)
        self.segments = [
            Again(nn.Sequential(*inside[start:stop])) for start, stop in itertools.pairwise(borders)
        ]

    def __call__(self, features: Any) -> Any:
        """What the layers make of it."""
        for segment in self.segments:
            features = segment(features)
        return features


class Plain(nn.Module):
    """A segment by the forward pass of its class, for `functional_call`, which calls modules."""

    def __init__(self, segment: nn.Module) -> None:
        super().__init__()
        self.segment = segment

    def forward(self, *given: Any) -> Any:
        """What the segment makes of it."""
        return type(self.segment).forward(self.segment, *given)


class State:
    """What a pass depends on beside buffers: the statistics that virtual batch normalization goes
    by, and modes that answer for functions of torch, as those of several devices do.
    """

    def __init__(self, segment: nn.Module) -> None:
        layers = [layer for layer in segment.modules() if isinstance(layer, VirtualBatchNorm)]
        self.layers = [(layer, layer.recording, layer.live) for layer in layers]
        self.modes = _get_current_function_mode_stack()

    @contextmanager
    def again(self) -> Iterator[None]:
        """Inside, all is as it was."""
        now = [(layer, layer.recording, layer.live) for layer, _, _ in self.layers]
        active = _get_current_function_mode_stack()
        try:
            put(self.layers)
            with ExitStack() as modes:
                # A mode stands aside while it hands a call on, and ``backward`` is such a call.
                for mode in self.modes:
                    if not any(mode is other for other in active):
                        modes.enter_context(mode)
                yield
        finally:
            put(now)


def put(layers: Sequence[tuple[VirtualBatchNorm, bool, Any]]) -> None:
    """Let layers record, or go by statistics."""
    for layer, recording, live in layers:
        layer.recording, layer.live = recording, live
