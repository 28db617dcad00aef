"""The reference batch of virtual batch normalization in a run (Salimans et al. 2016, section 3.5).

It is the run's very first batch, whole on every device: a function of the seed alone, so that a
resumed run is shown the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from stacks.run import Run
from translate.batches import Batch, Sampler
from translate.layers.virtual_batch import VirtualBatchNorm, reference


def reference_batch(run: Run, sampler: Sampler) -> Batch | None:
    """The batch that generators of a run are normalized by; None where none of them is."""
    if not any(isinstance(module, VirtualBatchNorm) for module in run.stack.modules()):
        return None
    return replace(sampler, device=0, devices=1)(0).on(run.fabric.device)


@contextmanager
def referred(run: Run, names: Sequence[str]) -> Iterator[None]:
    """Inside, the stages ``names`` normalize by the reference batch under their present weights."""
    if run.reference is None:
        yield
        return
    with reference(run.stack, run.reference.views, names, fed(run, run.reference)):
        yield


@torch.no_grad()
def settle(run: Run) -> None:
    """Give the averaged generators the statistics that the reference batch has under them."""
    if run.reference is None:
        return
    stack = run.average.module
    truths = fed(run, run.reference)
    with reference(stack, run.reference.views, list(stack.stages), truths):
        pass


def fed(run: Run, batch: Batch) -> dict[str, Tensor] | None:
    """What later stages read in place of what was written, in phases that feed the truth."""
    if run.phase_spec.feed != "truth":
        return None
    truths = run.stack.truths(batch)
    return {run.stack.stages[name].spec.writes: truth for name, truth in truths.items()}
