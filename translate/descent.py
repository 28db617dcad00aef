"""One descent of one side: backward, over the devices, unscale, clip, step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

Reduce = Callable[[Sequence[nn.Parameter]], None]


@dataclass(frozen=True)
class Part:
    """Which part of an accumulated step a batch is: the gradients of the parts are averaged."""

    index: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether earlier gradients are forgotten."""
        return self.index == 0

    @property
    def last(self) -> bool:
        """Whether the weights move."""
        return self.index == self.count - 1


WHOLE = Part()


def at_once(tensors: Sequence[Tensor]) -> bool | None:
    """Whether the norm of many tensors is taken in one go; torch knows on which other devices."""
    return all(tensor.device.type in ("cpu", "cuda") for tensor in tensors) or None


def descend(
    losses: Sequence[Tensor],
    optimizer: torch.optim.Optimizer,
    clip: float,
    reduce: Reduce,
    part: Part = WHOLE,
    scaler: GradScaler | None = None,
    measured: bool = False,
) -> Tensor | None:
    """Add the gradient of the losses; after the last part, move the weights.

    Args:
        losses: scalars; their sum is descended.
        optimizer: of the side.
        clip: largest norm of the gradient; 0 leaves it alone.
        reduce: averages gradients over the devices.
        part: of a step whose gradients are accumulated.
        scaler: of fp16, whose smallest gradients would be 0 without it (Micikevicius et al. 2018,
            arXiv 1710.03740, section 3.2); a step that overflows is left out.
        measured: whether the norm of the gradient is asked for.

    Returns:
        The norm before clipping, where it is known and the weights moved.
    """
    # A stage may have no term that is due at this step.
    losses = [loss for loss in losses if loss.requires_grad]
    if part.first:
        optimizer.zero_grad(set_to_none=True)
    if losses:
        loss = torch.stack(losses).sum() / part.count
        (loss if scaler is None else scaler.scale(loss)).backward()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if not part.last or all(parameter.grad is None for parameter in parameters):
        return None
    reduce(parameters)
    if scaler is not None:
        scaler.unscale_(optimizer)
    norm = None
    if clip:
        norm = nn.utils.clip_grad_norm_(parameters, clip, foreach=at_once(parameters))
    elif measured:
        gradients = [weight.grad for weight in parameters if weight.grad is not None]
        norm = nn.utils.get_total_norm(gradients, foreach=at_once(gradients))
    if scaler is None:
        optimizer.step()
    else:
        scaler.step(optimizer)
        scaler.update()
    return norm
