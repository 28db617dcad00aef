"""The local enhancer of pix2pixHD (Wang et al. 2018, arXiv 1711.11585, section 3.2).

It reads a picture of twice the side of what the global generator read, halves it once, adds the
global generator's last features, and goes on from the sum: so the same network, at twice the size,
starts where the smaller one ended. Its own last features are handed up to a further one.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from translate.generators.registry import GENERATORS
from translate.layers.bordered import BorderedBlock, bordered_convolution
from translate.layers.normalization import GeneratorNormalization, constraint, convolution
from translate.layers.reminder import Reminded, Reminder
from translate.layers.sampling import Up, up_convolution
from translate.tables import require


@GENERATORS.register("enhancer")
@dataclass(frozen=True)
class EnhancerSpec:
    """A global generator of 64 channels is followed by an enhancer of 32, that by one of 16."""

    channels: int = 32
    """At the picture's size; the features from below have twice as many."""
    blocks: int = 3
    """Residual blocks at half the picture's size."""
    norm: GeneratorNormalization = "instance"
    """Of features, not behind the last layer; ``spectral`` and ``equalized`` act on the weights of
    every layer."""
    up: Up = "nearest"
    """How the map doubles its side."""
    remind: bool = False
    """Tell each map what was read, as in the generator of kind "resnet"."""

    def __post_init__(self) -> None:
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(self.blocks >= 0, "blocks", self.blocks, "0 or more")

    @property
    def features(self) -> int:
        """Channels of the features handed up: the last map's, before the picture is made of it."""
        return self.channels

    scale = 1
    multiple = 2
    reads_features_at = 2
    """Pixels of the picture on one point of the features from below, along one side."""
    hands_features_at = 1
    """The same of the features handed up."""

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module for pictures of ``reads`` channels and ``features`` channels from below.

        Raises:
            TableError: features that cannot be added to its own.
        """
        halved = 2 * self.channels
        require(features in (0, halved), "channels", self.channels, f"{features / 2:g}: half the "
                f"{features} channels of the features that are read")  # fmt: skip
        return Enhancer(self, reads, writes)


class Enhancer(nn.Module):
    """See `EnhancerSpec`."""

    def __init__(self, spec: EnhancerSpec, reads: int, writes: int) -> None:
        super().__init__()
        width, norm = spec.channels, spec.norm

        def reminder(channels: int, stride: int) -> Reminder | None:
            return Reminder(reads, channels, stride, norm) if spec.remind else None

        self.enter = Reminded(bordered_convolution(reads, width, 7, norm), reminder(width, 1))
        self.down = Reminded(convolution(width, 2 * width, 3, 2, 1, norm), reminder(2 * width, 2))
        self.blocks = nn.Sequential(*(BorderedBlock(2 * width, norm) for _ in range(spec.blocks)))
        self.up = Reminded(up_convolution(2 * width, width, spec.up, norm), reminder(width, 1))
        self.leave = nn.Sequential(*bordered_convolution(width, writes, 7, constraint(norm)))

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [self.enter, self.down, *self.blocks, self.up]

    def forward(self, picture: Tensor, features: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Picture and features.

        Args:
            picture: ``(N, reads, H, W)`` in [-1, 1]; even sides.
            features: ``(N, 2 channels, H/2, W/2)`` of the generator below, where there is one.

        Returns:
            Picture ``(N, writes, H, W)`` in [-1, 1], and features ``(N, channels, H, W)``.
        """
        made = self.down(self.enter(picture, picture), picture)
        if features is not None:
            made = made + features
        made = self.up(self.blocks(made), picture)
        return self.leave(made).tanh(), made
