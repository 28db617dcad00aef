"""What the discriminators of pictures of one size have in common: fields and checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from translate.discriminators.patch import Diversity
from translate.layers.activation import Activation
from translate.layers.normalization import Normalization
from translate.layers.sampling import Down
from translate.tables import require


@dataclass(frozen=True)
class SizedSpec(ABC):
    """For pictures of ``size``."""

    size: int = 128
    """Side of the pictures: 32, 64 or 128; of kind resnet19 32 or 128."""
    channels: int = 64
    """Those of the first block at the largest size; more on smaller maps."""
    norm: Normalization = "spectral"
    """Of features, not in front of the first layer and behind the last; ``spectral`` and
    ``equalized`` act on the weights of every layer."""
    down: Down = "average"
    """How maps halve their side."""
    activation: Activation = "relu"
    """Between layers."""
    slope: float = 0.2
    """Below zero, of ``leaky``."""
    attention: tuple[int, ...] = ()
    """Sides of the maps at which self-attention stands, behind the first layer of that side."""
    diversity: Diversity = "none"
    """What of the batch is added to the last maps."""

    sizes: ClassVar[tuple[int, ...]] = (32, 64, 128)

    def __post_init__(self) -> None:
        require(self.size in self.sizes, "size", self.size, ", ".join(map(str, self.sizes)))
        require(self.channels >= 1, "channels", self.channels, "1 or more")
        require(0 <= self.slope < 1, "slope", self.slope, "0 up to 1")
        sides = sorted(set(self.sides))
        there = set(self.attention) <= set(sides)
        require(there, "attention", self.attention, f"sides of its maps: {sides}")

    @property
    @abstractmethod
    def sides(self) -> list[int]:
        """Of the maps that the layers put out."""

    @abstractmethod
    def build(self, reads: int) -> nn.Module:
        """The module for pictures of ``reads`` channels, condition included."""
