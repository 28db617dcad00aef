"""What lets a discriminator see how much the samples of a batch differ.

Both look at a whole batch: hand real and generated samples in apart, or each tells on the other.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from translate.losses.precision import full


class MinibatchDiscrimination(nn.Module):
    """Closeness of each sample to the others (Salimans et al. 2016, arXiv 1606.03498, section 3.2).

    A tensor T ``(F, kernels, dimensions)`` maps the features of sample i to the matrix ``M_i``;
    kernel b adds the feature ``o(x_i)_b``, the sum over the other samples j of
    ``exp(-||M_ib - M_jb||_1)``. The term j = i, always 1, is left out as in the authors' code: it
    would only shift what the next bias shifts anyway. A sample alone in its batch so adds zeros.

    Args:
        features: F, the features of a sample.
        kernels: how many features are added.
        dimensions: rows of T that one distance is taken over.
    """

    def __init__(self, features: int, kernels: int = 100, dimensions: int = 5) -> None:
        super().__init__()
        # For features of unit variance the distance of two samples starts at 1 on average; far
        # above that the exponential and its gradient vanish.
        deviation = math.sqrt(math.pi / features) / (2 * dimensions)
        self.tensor = nn.Parameter(torch.randn(features, kernels, dimensions) * deviation)

    def forward(self, features: Tensor) -> Tensor:
        """``(N, F)`` -> ``(N, F + kernels)``."""
        matrices = (features @ self.tensor.flatten(1)).to(self.tensor.dtype)
        matrices = matrices.reshape(-1, *self.tensor.shape[1:])
        distance = (matrices[:, None] - matrices[None]).abs().sum(dim=3)
        closeness = torch.exp(-distance).sum(dim=1) - 1
        return torch.cat([features, closeness.to(features.dtype)], dim=1)


class MinibatchStddev(nn.Module):
    """One more channel: how much a group of samples varies (Karras 2018, 1710.10196, section 3).

    The standard deviation over the group of each feature at each position, averaged over features
    and positions, as a constant map that the samples of the group share. Groups are of neighbors in
    the batch. A batch that ``group`` does not divide is split into groups of the largest divisor
    below; where that is a single sample, which does not vary, the whole batch is one group.

    Raises:
        ValueError: a group of fewer than two samples.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        if group < 2:
            raise ValueError(f"group: got {group}; allowed: 2 or more")
        self.group = group

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, H, W)`` -> ``(N, C + 1, H, W)``."""
        count, _, height, width = features.shape
        size = self.group_size(count)
        groups = features.reshape(count // size, size, *features.shape[1:])
        # Half precision has no 1e-8, and the square root no gradient at the zero of a collapsed
        # generator.
        groups = full(groups)
        deviation = (groups.var(dim=1, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
        channel = deviation.to(features.dtype).repeat_interleave(size)[:, None, None, None]
        return torch.cat([features, channel.expand(-1, 1, height, width)], dim=1)

    def group_size(self, count: int) -> int:
        """Samples in a group, for a batch of ``count``."""
        divisors = [size for size in range(2, self.group + 1) if count % size == 0]
        return max(divisors, default=count)
