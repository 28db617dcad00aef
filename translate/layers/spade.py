"""Spatially-adaptive normalization (Park et al. 2019, SPADE, arXiv 1903.07291).

Ordinary normalization washes out a label map: of a region of one class, which is flat, it leaves
nothing. Here the map enters behind the normalization, as its scale and shift at each position.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from translate.layers.blocks import without_bias
from translate.layers.normalization import InstanceNorm, convolution

Constraint = Literal["none", "spectral", "equalized"]
"""What holds the weights of convolutions; the features are for SPADE to normalize."""


class Spade(nn.Module):
    """``gamma(m) (h - mean) / deviation + beta(m)`` at each channel and position (equation 1).

    ``beta`` and ``gamma - 1`` are 3x3 convolutions of a hidden map, itself a 3x3 convolution of the
    label map ``m`` with a rectifier: written so, training starts near plain normalization.

    Mean and deviation are those of the picture itself, where the paper has those of the batch over
    all devices: so a picture does not depend on its batch, training and evaluation agree, and
    nothing is kept. On a map of 1x1 only ``beta`` is left.

    Args:
        channels: of the features.
        labels: channels of the label map.
        hidden: channels of the hidden map.
    """

    def __init__(self, channels: int, labels: int, hidden: int = 128) -> None:
        super().__init__()
        self.normalize = InstanceNorm(channels, affine=False)
        # Never constrained, as in the authors' code: a bound on their slope bounds the style.
        self.share = nn.Sequential(*convolution(labels, hidden, 3, 1, 1, "none"), nn.ReLU())
        self.modulate = nn.Sequential(*convolution(hidden, 2 * channels, 3, 1, 1, "none"))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """``(N, channels, H, W)`` and ``(N, labels, H, W)`` -> as the features."""
        scale, shift = self.modulate(self.share(labels)).chunk(2, dim=1)
        return self.normalize(features) * (1 + scale) + shift


class SpadeBlock(nn.Module):
    """The residual block of SPADE (figure 4 of the paper, and appendix A).

    Twice normalization, a leaky rectifier of slope 0.2 and a 3x3 convolution; beside them, where
    the width changes, a normalization and a 1x1 convolution. The convolutions have no bias, since
    the next block's normalization would take it away.

    Args:
        reads, writes: channels.
        labels: channels of the label map.
        hidden: of each normalization.
        constraint: of the convolutions between them.
    """

    def __init__(
        self, reads: int, writes: int, labels: int, hidden: int, constraint: Constraint
    ) -> None:
        super().__init__()
        between = min(reads, writes)
        self.first, self.second = Spade(reads, labels, hidden), Spade(between, labels, hidden)
        [self.enter] = without_bias(convolution(reads, between, 3, 1, 1, constraint))
        [self.leave] = without_bias(convolution(between, writes, 3, 1, 1, constraint))
        self.beside: Spade | None = None
        if reads != writes:
            self.beside = Spade(reads, labels, hidden)
            [self.shortcut] = without_bias(convolution(reads, writes, 1, 1, 0, constraint))
        # Weights of He's size let the variance of a chain of sums grow (see `Block`).
        self.gain = 3**-0.5 if constraint == "equalized" else 1.0

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """``(N, reads, H, W)`` and ``(N, labels, H, W)`` -> ``(N, writes, H, W)``."""
        made = self.enter(functional.leaky_relu(self.first(features, labels), 0.2))
        made = self.leave(functional.leaky_relu(self.second(made, labels), 0.2))
        if self.beside is not None:
            features = self.shortcut(self.beside(features, labels))
        return self.gain * (features + made)


def shrink(labels: Tensor, factor: int) -> Tensor:
    """The label map at a fraction of its size, nearest neighbors: labels are never mixed.

    ``(N, C, factor H, factor W)`` -> ``(N, C, H, W)``.
    """
    # A window of one pixel: PyTorch's nearest interpolation takes the same pixels, and this one
    # exports with sizes that are plainly those of a convolution.
    return labels if factor == 1 else functional.max_pool2d(labels, 1, factor)
