"""PatchGAN (Isola et al. 2017, arXiv 1611.07004, sections 3.2.2 and 6.1.2)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from translate.discriminators.registry import DISCRIMINATORS
from translate.layers.normalization import Normalization, convolution
from translate.tables import require


@DISCRIMINATORS.register("patch")
@dataclass(frozen=True)
class PatchSpec:
    """``layers`` strided convolutions from ``channels`` up; 3 give the 70x70 receptive field.

    The first and the last convolution are never normalised by batch or instance; spectral
    normalisation acts on every one.
    """

    channels: int = 64
    layers: int = 3
    norm: Normalization = "spectral"
    slope: float = 0.2

    def __post_init__(self) -> None:
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(1 <= self.layers <= 6, "layers", self.layers, "1 to 6")
        require(0 <= self.slope < 1, "slope", self.slope, "0 up to 1")

    @property
    def receptive_field(self) -> int:
        """Side of the patch, in pixels, that one logit sees."""
        field = 1
        for stride in [1, 1] + [2] * self.layers:
            field = (field - 1) * stride + 4
        return field

    def build(self, reads: int) -> nn.Module:
        """The module for pictures of ``reads`` channels, condition included."""
        return Patch(self, reads)


class Patch(nn.Module):
    """See `PatchSpec`."""

    def __init__(self, spec: PatchSpec, reads: int) -> None:
        super().__init__()
        plain: Normalization = "spectral" if spec.norm == "spectral" else "none"
        layers = [*convolution(reads, spec.channels, 4, 2, 1, plain), nn.LeakyReLU(spec.slope)]
        width = spec.channels
        for index in range(1, spec.layers + 1):
            wider = spec.channels * min(2**index, 8)
            stride = 2 if index < spec.layers else 1
            layers += [*convolution(width, wider, 4, stride, 1, spec.norm)]
            layers += [nn.LeakyReLU(spec.slope)]
            width = wider
        layers += convolution(width, 1, 4, 1, 1, plain)
        self.layers = nn.Sequential(*layers)

    def forward(self, picture: Tensor) -> Tensor:
        """``(N, reads, H, W)`` -> logits ``(N, 1, H', W')``."""
        return self.layers(picture)
