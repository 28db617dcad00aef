"""The generator of DCGAN (Radford et al. 2016, arXiv 1511.06434, section 3 and figure 1).

Noise of 1x1 is projected to a map of 4x4 and doubled in size until it is the picture: transposed
convolutions, batch normalization on all layers but the last, rectifiers, tanh at the end, weights
from N(0, 0.02) (section 4). Kernels are 4x4 rather than the figure's 5x5, which stride 2 covers
unevenly.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from translate.generators.noise import NoiseSpec
from translate.generators.registry import GENERATORS
from translate.layers.activation import activation
from translate.layers.attention import SelfAttention
from translate.layers.blocks import Seed, normalized, weights
from translate.layers.normalization import GeneratorNormalization
from translate.layers.sampling import Up, up_convolution
from translate.tables import require


@GENERATORS.register("dcgan")
@dataclass(frozen=True)
class DCGANSpec(NoiseSpec):
    """From a point of noise, and labels as further channels of it, to a picture of ``size``."""

    size: int = 64
    channels: int = 1024
    """Those of the map of 4x4; each of twice the side has half as many."""
    norm: GeneratorNormalization = "batch"
    """Of features, not behind the last layer; ``spectral`` and ``equalized`` act on the weights of
    every layer."""
    up: Up = "transposed"

    def __post_init__(self) -> None:
        super().__post_init__()
        # The map before the picture is of size / 2: its width is the least.
        least = self.size // 8
        require(self.channels % least == 0, "channels", self.channels, f"multiples of {least}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps from 4x4 to half the side of the picture."""
        return tuple(self.channels * 4 // side for side in (4, 8, 16, 32, 64) if side < self.size)

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

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [self.layers]

    def forward(self, noise: Tensor) -> Tensor:
        """``(N, reads, H, W)``, of 1x1 -> ``(N, writes, size H, size W)`` in [-1, 1]."""
        return self.layers(noise).tanh()
