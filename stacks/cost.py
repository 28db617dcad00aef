"""What a stack costs: parameters, and multiply-accumulates for a source of a given size."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from stacks.feeds import random_inputs
from stacks.stack import Stack


def parameters(module: nn.Module) -> int:
    """Trained numbers of a module."""
    return sum(parameter.numel() for parameter in module.parameters())


def shipped_parameters(stack: Stack) -> int:
    """Trained numbers of the stages that the exported file holds."""
    return sum(parameters(stack.stages[name]) for name in stack.shipped)


def macs(stack: Stack, height: int, width: int) -> int:
    """Multiply-accumulates of one source of ``height x width`` pixels, without computing it.

    A stack that starts from noise makes one picture of its own size.

    Counted are convolutions, transposed convolutions, linear layers, matrix products and
    attention, as they are carried out: on a source padded to the stack's multiple. Activations,
    sums and resampling are not.
    """
    shell = copy.deepcopy(stack).to("meta").eval().requires_grad_(False)
    if stack.recipe.points:
        height = width = 1
    with torch.device("meta"):
        views = random_inputs(stack, 1, height, width)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        shell(shell.padded(views))
    # The counter takes a multiplication and an addition for two.
    return counter.get_total_flops() // 2
