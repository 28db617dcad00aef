"""The discriminator of DCGAN (Radford et al. 2016, arXiv 1511.06434, section 3).

Strided convolutions down to a map of 4x4, leaky rectifiers of 0.2, batch normalization on all
layers but the first, and one logit from the flattened map; weights from N(0, 0.02) (section 4).
Kernels are 4x4, as in the generator. Labels and pictures as conditions are further channels of what
it reads.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from translate.discriminators.patch import diversity, more
from translate.discriminators.registry import DISCRIMINATORS, Verdict
from translate.discriminators.sized import SizedSpec
from translate.layers.activation import Activation, activation
from translate.layers.attention import SelfAttention
from translate.layers.normalization import Normalization, constraint, convolution
from translate.layers.sampling import Down, down_convolution
from translate.tables import require


@DISCRIMINATORS.register("dcgan")
@dataclass(frozen=True)
class DCGANSpec(SizedSpec):
    """For pictures of ``size``."""

    size: int = 64
    channels: int = 1024
    """Those of the map of 4x4; each of twice the side has half as many."""
    norm: Normalization = "batch"
    """Of features, not behind the first and the last layer; ``spectral`` and ``equalized`` act on
    the weights of every layer."""
    down: Down = "stride"
    activation: Activation = "leaky"

    def __post_init__(self) -> None:
        super().__post_init__()
        # The first map is of size / 2: its width is the least.
        least = self.size // 8
        require(self.channels % least == 0, "channels", self.channels, f"multiples of {least}")

    @property
    def sides(self) -> list[int]:
        """Of the maps that the layers put out."""
        return [side for side in (64, 32, 16, 8, 4) if side < self.size]

    def build(self, reads: int) -> nn.Module:
        """The module for pictures of ``reads`` channels, condition included."""
        return DCGAN(self, reads)


class DCGAN(nn.Module):
    """See `DCGANSpec`."""

    def __init__(self, spec: DCGANSpec, reads: int) -> None:
        super().__init__()
        outer = constraint(spec.norm)
        self.layers = nn.ModuleList()
        for side in spec.sides:
            width = spec.channels * 4 // side
            norm = outer if side == spec.sides[0] else spec.norm
            layer = down_convolution(reads, width, spec.down, norm)
            layer.append(activation(spec.activation, spec.slope))
            if side in spec.attention:
                layer.append(SelfAttention(width, outer))
            self.layers.append(nn.Sequential(*layer))
            reads = width
        self.diversity = diversity(spec.diversity, reads)
        # On the map of 4x4 this is the linear layer on the flattened map.
        self.leave = nn.Sequential(*convolution(reads + more(self.diversity), 1, 4, 1, 0, outer))

    def forward(self, picture: Tensor) -> Verdict:
        """``(N, reads, size, size)`` -> one logit ``(N, 1, 1, 1)``.

        A larger picture has a logit ``(N, 1, H', W')`` for each position of the network on it.
        """
        features: list[Tensor] = []
        made = picture
        for layer in self.layers:
            made = layer(made)
            features.append(made)
        if self.diversity is not None:
            made = self.diversity(made)
        return Verdict((self.leave(made),), tuple(features))
