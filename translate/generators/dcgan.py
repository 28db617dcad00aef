"""The generator of DCGAN (Radford et al. 2016, arXiv 1511.06434, section 3 and figure 1).

Noise of 1x1 is projected to a map of 4x4 and doubled in size until it is the picture: transposed
convolutions, batch normalization on all layers but the last, rectifiers, tanh at the end, weights
from N(0, 0.02) (section 4). Kernels are 4x4 rather than the figure's 5x5, which stride 2 covers
unevenly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from translate.generators.registry import GENERATORS
from translate.layers.activation import Activation, activation
from translate.layers.attention import SelfAttention
from translate.layers.blocks import Seed, normalized, weights
from translate.layers.normalization import GeneratorNormalization
from translate.layers.sampling import Up, up_convolution
from translate.tables import require


@GENERATORS.register("dcgan")
@dataclass(frozen=True)
class DCGANSpec:
    """From a point of noise, and labels as further channels of it, to a picture of ``size``.

    ``channels`` is the width of the map of 4x4; each map of twice the side has half of it.
    """

    size: int = 64
    channels: int = 1024
    norm: GeneratorNormalization = "batch"
    """Not on the last layer, unless it constrains the weights."""
    spectral: bool = False
    """Spectral normalization of every weight, beside a norm of the features."""
    up: Up = "transposed"
    activation: Activation = "relu"
    slope: float = 0.2
    attention: tuple[int, ...] = ()
    """Sides of the maps at which self-attention stands."""

    def __post_init__(self) -> None:
        require(self.size in (32, 64, 128), "size", self.size, "32, 64, 128")
        # The map before the picture is of size / 2: its width is the least.
        least = self.size // 8
        fits = self.channels >= 1 and self.channels % least == 0
        require(fits, "channels", self.channels, f"multiples of {least}")
        twice = self.spectral and self.norm == "equalized"
        require(not twice, "spectral", self.spectral, "false with norm 'equalized'")
        require(0 <= self.slope < 1, "slope", self.slope, "0 up to 1")
        sides = [2**power for power in range(2, int(math.log2(self.size)))]
        there = set(self.attention) <= set(sides)
        require(there, "attention", self.attention, f"sides of its maps: {sides}")

    @property
    def scale(self) -> int:
        """Side of the picture over that of the noise."""
        return self.size

    multiple = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module from ``reads`` channels of noise and labels to ``writes``."""
        return DCGAN(self, reads, writes)


class DCGAN(nn.Module):
    """See `DCGANSpec`."""

    def __init__(self, spec: DCGANSpec, reads: int, writes: int) -> None:
        super().__init__()
        free = weights(spec.norm, spec.spectral)
        side, width = 4, spec.channels
        layers = normalized([Seed(reads, width, side, free)], width, spec.norm)
        layers.append(activation(spec.activation, spec.slope))
        while True:
            if side in spec.attention:
                layers.append(SelfAttention(width, free))
            side *= 2
            if side == spec.size:
                break
            doubled = up_convolution(width, width // 2, spec.up, free)
            width //= 2
            layers += normalized(doubled, width, spec.norm)
            layers.append(activation(spec.activation, spec.slope))
        self.layers = nn.Sequential(*layers, *up_convolution(width, writes, spec.up, free))

    def forward(self, noise: Tensor) -> Tensor:
        """``(N, reads, H, W)``, of 1x1 -> ``(N, writes, size H, size W)`` in [-1, 1]."""
        return self.layers(noise).tanh()
