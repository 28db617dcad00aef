"""Self-attention over the positions of a map (Zhang et al. 2019, SAGAN, arXiv 1805.08318)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.layers.normalization import GeneratorNormalization, constrain


class SelfAttention(nn.Module):
    """``x + gamma o(x)``, where ``o`` gathers from all positions (section 3, equations 1 to 3).

    ``f`` and ``g`` (1x1 convolutions without bias to an eighth of the channels) tell how much
    position j attends to position i: a softmax over i of ``f(x_i) . g(x_j)``, unscaled. ``h`` has
    all the channels, and there is no further convolution on what was gathered: this is the
    equation of the paper's first version. (The authors' code has ``h`` at half the channels, a
    convolution back, and keys pooled by 2.) ``gamma`` is learned from 0, so a network starts local.

    Memory grows with ``(H W)^2 / pool^2``.

    Args:
        channels: of the features.
        norm: "spectral" or "equalized" constrain the three convolutions; the features themselves
            are never normalized here.
        pool: side of the max pooling of the positions attended to; 1 keeps them all.
    """

    def __init__(self, channels: int, norm: GeneratorNormalization = "none", pool: int = 1) -> None:
        super().__init__()
        narrow = max(1, channels // 8)
        self.f = constrain(nn.Conv2d(channels, narrow, 1, bias=False), norm)
        self.g = constrain(nn.Conv2d(channels, narrow, 1, bias=False), norm)
        self.h = constrain(nn.Conv2d(channels, channels, 1, bias=False), norm)
        self.gamma = nn.Parameter(torch.zeros(()))
        self.pool = pool

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, H, W)`` -> the same shape."""
        values = self.sources(self.h(features)).transpose(1, 2)
        # Written out: fused attention kernels have no second derivative for gradient penalties.
        gathered = self.attention_map(features) @ values
        return features + self.gamma * gathered.transpose(1, 2).reshape_as(features)

    def attention_map(self, features: Tensor) -> Tensor:
        """How much each position attends to each: ``(N, C, H, W)`` -> ``(N, H W, h w)``.

        Row ``y W + x`` belongs to the query pixel (y, x), sums to 1 and is a picture of ``(h, w)``,
        which is ``(H, W)`` unless keys are pooled.
        """
        queries = self.g(features).flatten(2).transpose(1, 2)
        return torch.softmax(queries @ self.sources(self.f(features)), dim=2)

    def sources(self, features: Tensor) -> Tensor:
        """The positions attended to: ``(N, C, H, W)`` -> ``(N, C, h w)``."""
        if self.pool > 1:
            features = functional.max_pool2d(features, self.pool)
        return features.flatten(2)
