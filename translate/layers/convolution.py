"""Convolution blocks that generators share."""

from __future__ import annotations

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + convolution(activation(convolution(x))), without normalisation.

    Restoration needs the absolute range that normalisation removes (Lim et al. 2017, EDSR,
    arXiv 1707.02921, section 3.1). The second convolution starts small, so a deep chain starts near
    the identity and takes a high rate from the first step.
    """

    def __init__(
        self, channels: int, activation: nn.Module | None = None, bias: bool = True
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=bias)
        self.activation = activation or nn.ReLU()
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=bias)
        initialize(self.first)
        initialize(self.second, gain=0.1)

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, H, W)`` -> the same shape."""
        return features + self.second(self.activation(self.first(features)))


def initialize(convolution: nn.Conv2d, gain: float = 1.0) -> None:
    """He et al. 2015 (arXiv 1502.01852, equation 10) scaled by ``gain``, zero bias."""
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    convolution.weight.data.mul_(gain)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
