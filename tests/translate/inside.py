"""What tests look at inside of a network."""

from typing import Any

import torch
from torch import Tensor, nn

from translate.layers.attention import SelfAttention

LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def open_attention(network: nn.Module) -> None:
    """Away from gamma = 0, where what attention gathers has no gradient."""
    for module in network.modules():
        if isinstance(module, SelfAttention):
            nn.init.constant_(module.gamma, 0.5)


def through_attention(network: nn.Module, given: Tensor) -> list[tuple[Tensor, Tensor]]:
    """What each self-attention read and made in one pass."""
    seen: list[tuple[Tensor, Tensor]] = []

    def keep(module: nn.Module, read: Any, made: Tensor) -> None:
        seen.append((read[0], made))

    layers = [one for one in network.modules() if isinstance(one, SelfAttention)]
    handles = [layer.register_forward_hook(keep) for layer in layers]
    network(given)
    for handle in handles:
        handle.remove()
    return seen


@torch.no_grad()
def largest_singular_values(network: nn.Module, given: Tensor) -> list[float]:
    """Of the weight of each layer, after some passes in training: each makes a power iteration."""
    for _ in range(20):
        network(given)
    found: list[float] = []
    for layer in network.modules():
        if isinstance(layer, LAYERS):
            weight = layer.weight.detach()
            if isinstance(layer, nn.ConvTranspose2d):
                weight = weight.transpose(0, 1)
            found.append(float(torch.linalg.svdvals(weight.flatten(1))[0]))
    return found
