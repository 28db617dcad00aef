"""Unrolled discriminators (Metz et al. 2017, arXiv 1611.02163, section 2.2).

The generator is judged by the discriminator as it would be after ``k`` more of its own updates, and
its gradient passes through those updates: it feels how the discriminator would answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

Parameters = dict[str, Tensor]


def unroll(
    discriminator: nn.Module,
    loss: Callable[[Parameters], Tensor],
    optimizer: torch.optim.Optimizer,
    steps: int,
    weight_clip: float = 0.0,
) -> Parameters:
    """The discriminator's parameters after ``steps`` updates that gradients pass through.

    The updates are Adam's, from the optimiser's present moments, at its present rate and with its
    decay; neither the module nor the optimiser changes.

    Args:
        discriminator: whose parameters are unrolled, by name as in ``named_parameters``.
        loss: scalar of such parameters, to be used with ``torch.func.functional_call``.
        optimizer: the discriminator's, Adam or AdamW.
        steps: k.
        weight_clip: bound of the parameters after each update; 0 leaves them free.
    """
    group = next(
        group
        for group in optimizer.param_groups
        if any(next(discriminator.parameters()) is parameter for parameter in group["params"])
    )
    # AdamW decays weights (Loshchilov and Hutter 2019, arXiv 1711.05101); Adam their gradients.
    apart = group["decoupled_weight_decay"]
    own = dict(discriminator.named_parameters())
    parameters = {name: value.detach().requires_grad_() for name, value in own.items()}
    states = {name: optimizer.state.get(value, {}) for name, value in own.items()}
    done = steps_done(states)
    moments = {name: Moments.of(states[name], value, done[name]) for name, value in own.items()}
    for _ in range(steps):
        gradients = torch.autograd.grad(
            loss(parameters), list(parameters.values()), create_graph=True, materialize_grads=True
        )
        parameters = {
            name: moments[name].updated(value, gradient, group, apart)
            for (name, value), gradient in zip(parameters.items(), gradients, strict=True)
        }
        if weight_clip:
            parameters = {
                name: value.clamp(-weight_clip, weight_clip) for name, value in parameters.items()
            }
    return parameters


def steps_done(states: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The steps that an optimizer's states have behind them; 0 of empty ones."""
    counts = [state["step"] for state in states.values() if state]
    # Read together: a GPU is waited for once, and not for each of them.
    read = iter(torch.stack(counts).tolist() if counts else ())
    return {name: next(read) if state else 0.0 for name, state in states.items()}


class Moments:
    """Adam's two moments of one parameter, as values of a graph."""

    def __init__(self, mean: Tensor, square: Tensor, step: float) -> None:
        self.mean, self.square, self.step = mean, square, step

    @staticmethod
    def of(state: Mapping[str, Any], parameter: Tensor, step: float) -> Moments:
        """Those of an optimiser's state, or zeros before its first step."""
        if not state:
            return Moments(torch.zeros_like(parameter), torch.zeros_like(parameter), step)
        return Moments(state["exp_avg"].detach(), state["exp_avg_sq"].detach(), step)

    def updated(
        self, parameter: Tensor, gradient: Tensor, group: Mapping[str, Any], apart: bool
    ) -> Tensor:
        """The parameter after one update (Kingma and Ba 2015, algorithm 1).

        ``apart``: whether it decays apart from its gradient.
        """
        first, second = group["betas"]
        decay = group["weight_decay"]
        if decay and apart:
            parameter = parameter * (1 - group["lr"] * decay)
        elif decay:
            gradient = gradient + decay * parameter
        self.step += 1
        self.mean = first * self.mean + (1 - first) * gradient
        self.square = second * self.square + (1 - second) * gradient.square()
        # The derivative of the root is infinite at 0, where a weight has had no gradient yet.
        root = (self.square / (1 - second**self.step) + 1e-24).sqrt()
        return parameter - group["lr"] * self.mean / (1 - first**self.step) / (root + group["eps"])
