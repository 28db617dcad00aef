"""What a network is that measures look through, and how a picture is brought before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures in [0, 1], red, green and blue: what most networks were trained on."""
RESIZE = "whole picture, bilinear with antialias"
"""How `fit` brings pictures to size, in the words of a report."""


@dataclass(frozen=True)
class Identity:
    """What a report says of a network. Numbers of two that differ in anything do not compare.

    Args:
        name: of the architecture.
        weights: start of the SHA-256 of the file.
        layer: whose values the features are.
        side: pixels that pictures are brought to, both ways.
        pixels: the range of values that it reads.
    """

    name: str
    weights: str
    layer: str
    side: int
    pixels: str

    def describe(self) -> dict[str, Any]:
        """For the printed result."""
        return {
            "name": self.name,
            "weights": self.weights,
            "layer": self.layer,
            "input": f"{self.side}x{self.side}, {RESIZE}, {self.pixels}",
        }


@dataclass(frozen=True)
class Seen:
    """What a network makes of pictures: features ``(N, D)``; logits ``(N, K)`` where it has any."""

    features: Tensor
    logits: Tensor | None


class FeatureNetwork(Protocol):
    """A network that measures of sets of pictures look through."""

    @property
    def identity(self) -> Identity: ...

    def see(self, pictures: Tensor) -> Seen:
        """Pictures ``(N, 3, side, side)`` in [0, 1], as `fit` gives them -> on the host."""
        ...


def fit(picture: Tensor, side: int) -> Tensor:
    """A picture ``(N, 3 or 1, H, W)`` in [0, 1] -> ``(N, 3, side, side)``; gray is equal colors.

    With antialias, and the same for results and targets: the plain bilinear reduction of the first
    programs for the FID shifts it by more than many methods differ (Parmar et al. 2022, arXiv
    2104.11222, section 3).

    Raises:
        ValueError: another number of channels.
    """
    if picture.shape[1] not in (1, 3):
        raise ValueError(f"pictures have 3 channels or 1; got {picture.shape[1]}")
    colored = picture.expand(-1, 3, -1, -1)
    return functional.interpolate(
        colored, (side, side), mode="bilinear", align_corners=False, antialias=True
    )


def automatic_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
