"""The small networks of the mixtures: one generator and one discriminator a paper."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from benchmarks.toys.ensemble import Largest, Scaled
from translate.layers.minibatch import MinibatchDiscrimination, MinibatchStddev

Minibatch = Literal["none", "discrimination", "stddev"]


class PointStddev(nn.Module):
    """Minibatch standard deviation of points: their coordinates are its channels."""

    def __init__(self, group: int) -> None:
        super().__init__()
        self.stddev = MinibatchStddev(group)

    def forward(self, features: Tensor) -> Tensor:
        return self.stddev(features[:, :, None, None])[:, :, 0, 0]


def maxout(reads: int, writes: int, pieces: int = 5) -> list[nn.Module]:
    """A hidden layer of maxout."""
    return [nn.Linear(reads, writes * pieces), Largest(pieces)]


def batch_norm(features: int) -> nn.Module:
    """Batch normalization by the batch at hand, in training and in evaluation."""
    return nn.BatchNorm1d(features, track_running_stats=False)


def diversity(features: int, minibatch: Minibatch) -> tuple[list[nn.Module], int]:
    """What lets a discriminator see a whole batch, and how many features come out of it."""
    if minibatch == "discrimination":
        return [MinibatchDiscrimination(features, kernels=8, dimensions=4)], features + 8
    if minibatch == "stddev":
        return [PointStddev(group=8)], features + 1
    return [], features


def orthogonal(network: nn.Sequential, gain: float) -> nn.Sequential:
    """Orthogonal weights and no bias at the start."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.orthogonal_(module.weight, gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


def unrolled_generator(noise: int, hidden: int = 128) -> nn.Sequential:
    """Metz et al. 2017, appendix A: two hidden layers, orthogonal weights of gain 0.8."""
    network = nn.Sequential(
        nn.Linear(noise, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 2),
    )
    return orthogonal(network, 0.8)


def unrolled_discriminator(
    pack: int = 1, minibatch: Minibatch = "none", norm: bool = False, hidden: int = 128
) -> nn.Sequential:
    """Metz et al. 2017, appendix A: points over 4, one hidden layer, orthogonal, gain 0.8."""
    extra, features = diversity(hidden, minibatch)
    network = nn.Sequential(
        Scaled(4.0),
        nn.Linear(2 * pack, hidden),
        *([batch_norm(hidden)] if norm else []),
        nn.ReLU(),
        *extra,
        nn.Linear(features, 1),
    )
    return orthogonal(network, 0.8)


def packing_generator(noise: int, hidden: int = 128) -> nn.Sequential:
    """Lin et al. 2018, section 4.1: batch normalization and ReLU after every hidden layer."""
    return nn.Sequential(
        nn.Linear(noise, hidden, bias=False),
        batch_norm(hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden, bias=False),
        batch_norm(hidden),
        nn.ReLU(),
        nn.Linear(hidden, 2),
    )


def packing_discriminator(
    pack: int = 1, minibatch: Minibatch = "none", norm: bool = False, hidden: int = 48
) -> nn.Sequential:
    """Lin et al. 2018, section 4.1: hidden layers of maxout with five pieces."""
    extra, features = diversity(hidden, minibatch)
    return nn.Sequential(
        *maxout(2 * pack, hidden),
        *([batch_norm(hidden)] if norm else []),
        *maxout(hidden, hidden),
        *extra,
        nn.Linear(features, 1),
    )
