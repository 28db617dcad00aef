"""LPIPS: the distance of two pictures in a network's features, weighed to agree with people.

Zhang et al. 2018, arXiv 1801.03924, equation 1, version 0.1 of the weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torchmetrics
from torch import Tensor

from translate.features.plain import Plain
from translate.features.weights import Weights, fingerprint, read_weights

LEARNED = {"alexnet": "alex.pth", "vgg16": "vgg.pth"}
"""What each channel counts, which torchmetrics brings along; the networks themselves it does not.

Its own class builds them with torchvision, which it then needs and lets download."""
FLOOR = 1e-8
"""Under the root of a length, as in torchmetrics."""


class Lpips:
    """The distance, by AlexNet (as papers report it) or VGG-16.

    Args:
        network: of `translate.features.published.open_plain`.
        learned: file of what the channels count; None takes that of torchmetrics.

    Raises:
        ValueError: the file does not fit the network.
    """

    def __init__(self, network: Plain, learned: Path | None = None) -> None:
        self.network = network
        packaged = Path(torchmetrics.__file__).parent / "functional" / "image" / "lpips_models"
        path = learned or packaged / LEARNED[network.plan.name]
        weights = Weights(path, "LPIPS", read_weights(path), network.weights.device)
        self.counts = [
            weights[f"lin{index}.model.1.weight"] for index in range(len(network.plan.taps))
        ]
        self.path = path
        for number, count in zip(self.network.plan.taps, self.counts, strict=True):
            convolution = max(one for one in network.plan.convolutions if one < number)
            channels = len(network.weights[f"features.{convolution}.weight"])
            if count.shape != (1, channels, 1, 1):
                raise ValueError(
                    f"{path}: counts {tuple(count.shape)} for {channels} channels of "
                    f"{network.plan.name} ({network.weights.path}); these files do not go together"
                )

    def describe(self) -> dict[str, Any]:
        """For the printed result."""
        return {
            "name": f"lpips-{self.network.plan.name}",
            "weights": self.network.identity.weights,
            "learned": fingerprint(self.path),
            "input": "as it is, ImageNet's",
        }

    @torch.inference_mode()
    def __call__(self, result: Tensor, target: Tensor) -> Tensor:
        """Distances ``(N,)`` of pictures ``(N, 3 or 1, H, W)`` in [0, 1]; 0 for equal ones.

        Raises:
            ValueError: another number of channels, or pictures too small for the network.
        """
        for picture in (result, target):
            if picture.shape[1] not in (1, 3):
                raise ValueError(f"LPIPS: pictures have 3 channels or 1; got {picture.shape[1]}")
        given, expected = (
            [unit(values) for values in self.network.taps(picture.float().expand(-1, 3, -1, -1))]
            for picture in (result, target)
        )
        layers = [
            ((one - other).square() * count).sum(dim=1).mean(dim=(1, 2))
            for one, other, count in zip(given, expected, self.counts, strict=True)
        ]
        return torch.stack(layers).sum(dim=0).cpu()


def unit(values: Tensor) -> Tensor:
    """Each pixel's channels ``(N, C, H, W)`` as a vector of length 1."""
    return values / (values.square().sum(dim=1, keepdim=True) + FLOOR).sqrt()
