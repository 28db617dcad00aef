"""Adam in one pass over the weights, which goes through them as they lie in memory.

Kernels lie channels last, as convolutions like them. Of those torch's fused kernel on the CPU makes
plain copies and back, and where a gradient lies otherwise than its weight it moves the wrong
numbers.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from translate.hardware import memory_order


class FusedAdam(torch.optim.Adam):
    """Adam and, with ``decoupled_weight_decay``, AdamW; its state is that of torch's."""

    def _init_group(self, group: Any, weights: list[Tensor], *others: list[Tensor]) -> bool:
        # torch's one place where all that a step goes through is collected.
        complex_ones = cast(Any, super())._init_group(group, weights, *others)
        gradients, *moments, _steps = others
        orders = [memory_order(weight) for weight in weights]
        for tensors in (weights, gradients, *moments):
            # Without amsgrad one of the lists is empty.
            tensors[:] = [each.permute(order) for each, order in zip(tensors, orders, strict=False)]
        gradients[:] = [gradient.contiguous() for gradient in gradients]
        return complex_ones
