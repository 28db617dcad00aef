"""What the generators from a point of noise have in common: fields, checks, sizes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from translate.layers.activation import Activation
from translate.layers.normalization import GeneratorNormalization
from translate.layers.sampling import Up
from translate.tables import require


@dataclass(frozen=True)
class NoiseSpec(ABC):
    """From a point of noise, and labels as further channels of it, to a picture of ``size``."""

    size: int = 128
    """Side of the picture: 32, 64 or 128; of kind resnet19 32 or 128."""
    channels: int = 64
    """Those of the last map at the largest size; more on smaller ones."""
    norm: GeneratorNormalization = "batch"
    """Of features, not behind the first and the last layer; ``spectral`` and ``equalized`` act on
    the weights of every layer."""
    spectral: bool = False
    """Spectral normalization of every weight, beside a norm of the features."""
    up: Up = "nearest"
    """How maps double their side."""
    activation: Activation = "relu"
    """Between layers."""
    slope: float = 0.2
    """Below zero, of ``leaky``."""
    attention: tuple[int, ...] = ()
    """Sides of the maps at which self-attention stands."""

    sizes: ClassVar[tuple[int, ...]] = (32, 64, 128)
    multiple: ClassVar[int] = 1
    features: ClassVar[int] = 0

    def __post_init__(self) -> None:
        require(self.size in self.sizes, "size", self.size, ", ".join(map(str, self.sizes)))
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        twice = self.spectral and self.norm == "equalized"
        require(not twice, "spectral", self.spectral, "false with norm 'equalized'")
        require(0 <= self.slope < 1, "slope", self.slope, "0 up to 1")
        sides = [4 << index for index in range(len(self.widths))]
        there = set(self.attention) <= set(sides)
        require(there, "attention", self.attention, f"sides of its maps: {sides}")

    @property
    @abstractmethod
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps, from 4x4 on; each has twice the side of the one before."""

    @property
    def scale(self) -> int:
        """Side of the picture over that of the noise."""
        return self.size

    @abstractmethod
    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module from ``reads`` channels of noise and labels to ``writes``."""
