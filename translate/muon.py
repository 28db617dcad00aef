"""Muon: steps whose directions are all of one size (Jordan et al. 2024, "Muon: an optimizer for
hidden layers in neural networks").

The momentum of a kernel, as a matrix of its first axis by all others (output channels by all that
they read; of transposed convolutions, which lay kernels out the other way, input channels by all
that they write), is replaced by the nearest orthogonal matrix before it is stepped along. A few
directions dominate the gradient of a convolution; made equal, those in which little was learned yet
move as far as they do.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from translate.hardware import bf16_pays, memory_order

LEAST = 16
"""Channels on both sides of a kernel that is orthogonalized: those that read or write pictures,
and vectors, are too thin to have many directions, and learn by Adam."""
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
RELATIVE = 0.2
"""Root mean square of a step, in units of the rate: that of Adam's, so that rates carry over (Liu
et al. 2025, arXiv 2502.16982, section 2.2, equation 4)."""
EPSILON = 1e-8


class Muon(torch.optim.Optimizer):
    """Muon for kernels of `LEAST` channels and more on both sides, Adam for all other weights.

    Args:
        parameters: of the networks.
        lr: the rate of both.
        betas: of the momentum, which is Nesterov's in Muon, and of Adam's second moment.
        weight_decay: apart from the gradient, as in AdamW.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float] = (0.95, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every weight that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                move = self.along_kernel if is_kernel(weight) else self.along_moments
                move(weight, weight.grad, group["lr"], *group["betas"])

    def along_kernel(
        self, weight: Tensor, gradient: Tensor, rate: float, first: float, second: float
    ) -> None:
        """A step of Muon."""
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"].lerp_(gradient, 1 - first)
        ahead = gradient.lerp(momentum, first)
        # In which order the columns stand is all one; as they lie in memory nothing is copied.
        order = memory_order(weight)
        kernel = weight.permute(order)
        matrix = orthogonalized(ahead.permute(order).flatten(1))
        size = RELATIVE * max(matrix.shape) ** 0.5
        kernel.sub_(matrix.view_as(kernel), alpha=rate * size)

    def along_moments(
        self, weight: Tensor, gradient: Tensor, rate: float, first: float, second: float
    ) -> None:
        """A step of Adam (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1)."""
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros(())
            state["mean"], state["square"] = torch.zeros_like(weight), torch.zeros_like(weight)
        state["step"] += 1
        count = int(state["step"])
        mean = state["mean"].lerp_(gradient, 1 - first)
        square = state["square"].lerp_(gradient.square(), 1 - second)
        root = (square / (1 - second**count)).sqrt_().add_(EPSILON)
        weight.addcdiv_(mean, root, value=-rate / (1 - first**count))


def is_kernel(weight: Tensor) -> bool:
    """Whether a weight has many directions: of a convolution or a dense layer inside a network."""
    return weight.dim() >= 2 and min(weight.shape[:2]) >= LEAST


def orthogonalized(matrix: Tensor) -> Tensor:
    """Near the nearest matrix whose singular values are all 1; shape ``(M, N)`` as given.

    Five steps of a Newton-Schulz iteration of fifth order, whose coefficients bring every singular
    value of the matrix, divided by its norm, to between 0.7 and 1.2 (Jordan et al. 2024): that is
    near enough, and bf16 is exact enough for it.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    dtype = torch.bfloat16 if bf16_pays(matrix.device) else torch.float32
    value = (matrix.T if tall else matrix).to(dtype)
    value = value / (value.norm() + 1e-7)
    linear, cubic, quintic = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = value @ value.T
        value = linear * value + (cubic * square + quintic * square @ square) @ value
    return (value.T if tall else value).to(matrix.dtype)
