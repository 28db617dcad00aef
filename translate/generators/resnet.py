"""Residual blocks at a fraction of the picture's size: Johnson, CycleGAN, pix2pixHD's global part.

Johnson et al. 2016 (arXiv 1603.08155, supplementary material), CycleGAN (Zhu et al. 2017, arXiv
1703.10593, section 7.2: 2 halvings, 9 blocks) and the global generator of pix2pixHD (Wang et al.
2018, arXiv 1711.11585, section 3.2 and appendix: 4 halvings, 9 blocks). The last map before the
picture is handed up, for the local enhancer to go on from.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from translate.generators.registry import GENERATORS
from translate.layers.bordered import BorderedBlock, bordered_convolution
from translate.layers.normalization import GeneratorNormalization, constraint, convolution
from translate.layers.reminder import Reminded, Reminder
from translate.layers.sampling import Up, up_convolution
from translate.tables import require


@GENERATORS.register("resnet")
@dataclass(frozen=True)
class ResNetSpec:
    """Halvings, blocks on the smallest map, and doublings back."""

    channels: int = 64
    """At the picture's size; twice as many after each halving."""
    downs: int = 2
    """Halvings in front of the blocks."""
    blocks: int = 9
    """Residual blocks on the smallest map."""
    norm: GeneratorNormalization = "instance"
    """Of features, not behind the last layer; ``spectral`` and ``equalized`` act on the weights of
    every layer."""
    up: Up = "nearest"
    """The papers' transposed convolutions of 3x3 cover their output unevenly; "nearest" has as many
    weights and does not."""
    remind: bool = False
    """Tell every map outside the blocks what was read, as further channels: for classes and noise,
    of which normalization leaves nothing behind the first layer."""

    def __post_init__(self) -> None:
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(0 <= self.downs <= 6, "downs", self.downs, "0 to 6")
        require(self.blocks >= 0, "blocks", self.blocks, "0 or more")

    @property
    def multiple(self) -> int:
        """Both sides of the picture must divide by this."""
        return 2**self.downs

    @property
    def features(self) -> int:
        """Channels of the features handed up: the last map's, before the picture is made of it."""
        return self.channels

    scale = 1
    reads_features_at = 1
    """Pixels of the picture on one point of the features from below, along one side."""
    hands_features_at = 1
    """The same of the features handed up."""

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module for pictures of ``reads`` channels and ``features`` channels from below."""
        return ResNet(self, reads, writes, features)


class ResNet(nn.Module):
    """See `ResNetSpec`."""

    def __init__(self, spec: ResNetSpec, reads: int, writes: int, features: int) -> None:
        super().__init__()

        def reminder(width: int, stride: int) -> Reminder | None:
            return Reminder(reads, width, stride, spec.norm) if spec.remind else None

        width, stride = spec.channels, 1
        entering = bordered_convolution(reads + features, width, 7, spec.norm)
        self.downs = nn.ModuleList([Reminded(entering, reminder(width, stride))])
        for _ in range(spec.downs):
            halved = convolution(width, 2 * width, 3, 2, 1, spec.norm)
            width, stride = 2 * width, 2 * stride
            self.downs.append(Reminded(halved, reminder(width, stride)))
        self.blocks = nn.Sequential(*(BorderedBlock(width, spec.norm) for _ in range(spec.blocks)))
        self.ups = nn.ModuleList()
        for _ in range(spec.downs):
            doubled = up_convolution(width, width // 2, spec.up, spec.norm)
            width, stride = width // 2, stride // 2
            self.ups.append(Reminded(doubled, reminder(width, stride)))
        self.leave = nn.Sequential(*bordered_convolution(width, writes, 7, constraint(spec.norm)))

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [*self.downs, *self.blocks, *self.ups]

    def forward(self, picture: Tensor, features: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Picture and features.

        Args:
            picture: ``(N, reads, H, W)`` in [-1, 1]; sides multiples of 2^downs.
            features: ``(N, F, H, W)`` of a stage below, where there is one.

        Returns:
            Picture ``(N, writes, H, W)`` in [-1, 1], and features ``(N, channels, H, W)``.
        """
        made = picture if features is None else torch.cat([picture, features], dim=1)
        for down in self.downs:
            made = down(made, picture)
        made = self.blocks(made)
        for up in self.ups:
            made = up(made, picture)
        return self.leave(made).tanh(), made
