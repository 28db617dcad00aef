"""VGG-16 and AlexNet, read off their weights: convolutions in a row, then three linear layers.

Simonyan and Zisserman 2015, arXiv 1409.1556, table 1, column D; Krizhevsky 2014, arXiv 1404.5997.
The numbers of the layers are torchvision's, and so are the files of weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from translate.features.network import DEVIATION, MEAN, Identity, Seen
from translate.features.weights import Weights, fingerprint

SIDE = 224


@dataclass(frozen=True)
class Convolution:
    """With a ReLU behind it; the side of the kernel is that of the weights."""

    stride: int = 1
    padding: int = 1


@dataclass(frozen=True)
class Pool:
    """The maximum of each window."""

    side: int = 2


Steps = tuple[Convolution | Pool, ...]


@dataclass(frozen=True)
class Plan:
    """A network but for its weights.

    Args:
        name: of the architecture.
        files: names of its weights in torch hub's cache.
        steps: convolutions and poolings.
        pooled: side of the map before the linear layers.
        linear: numbers of the linear layers.
        taps: numbers of the activations that LPIPS compares, one before each pooling or, in
            AlexNet, one a convolution.
    """

    name: str
    files: tuple[str, ...]
    steps: Steps
    pooled: int
    linear: tuple[int, int, int]
    taps: tuple[int, ...]

    @property
    def source(self) -> str:
        """Where the weights are published."""
        return f"https://download.pytorch.org/models/{self.files[0]}"

    def numbered(self) -> Iterator[tuple[int, Convolution | Pool]]:
        """The steps by torchvision's numbers, which count activations too."""
        number = 0
        for step in self.steps:
            yield number, step
            number += 2 if isinstance(step, Convolution) else 1

    @property
    def convolutions(self) -> list[int]:
        """Numbers of the convolutions."""
        return [number for number, step in self.numbered() if isinstance(step, Convolution)]


def blocks(*counts: int) -> Steps:
    """So many convolutions and a pooling, again and again."""
    return tuple(step for count in counts for step in (*(Convolution(),) * count, Pool()))


VGG16 = Plan(
    name="vgg16",
    files=("vgg16-397923af.pth",),
    steps=blocks(2, 2, 3, 3, 3),
    pooled=7,
    linear=(0, 3, 6),
    taps=(3, 8, 15, 22, 29),
)
ALEXNET = Plan(
    name="alexnet",
    files=("alexnet-owt-7be5be79.pth", "alexnet-owt-4df8aa71.pth"),
    steps=(
        Convolution(4, 2),
        Pool(3),
        Convolution(1, 2),
        Pool(3),
        *(Convolution(),) * 3,
        Pool(3),
    ),
    pooled=6,
    linear=(1, 4, 6),
    taps=(1, 4, 7, 9, 11),
)


class Plain:
    """Features are the activations of the second linear layer, 4096 of them.

    For precision and recall these of VGG-16 are what Kynkaanniemi et al. 2019 (arXiv 1904.06991,
    section 3) look through.
    """

    def __init__(self, plan: Plan, weights: Weights) -> None:
        self.plan, self.weights = plan, weights
        self.identity = Identity(
            plan.name, fingerprint(weights.path), "second linear layer", SIDE, "ImageNet's"
        )

    @torch.inference_mode()
    def see(self, pictures: Tensor) -> Seen:
        """``(N, 3, 224, 224)`` in [0, 1] -> features and logits."""
        *_, (_, values) = self.activations(pictures)
        first, second, third = self.plan.linear
        values = functional.adaptive_avg_pool2d(values, self.plan.pooled).flatten(1)
        values = self.linear(values, first).relu()
        features = self.linear(values, second).relu()
        return Seen(features.cpu(), self.linear(features, third).cpu())

    def taps(self, pictures: Tensor) -> list[Tensor]:
        """``(N, 3, H, W)`` in [0, 1] -> the maps ``(N, C', H', W')`` that LPIPS compares.

        Raises:
            ValueError: the picture is reduced to nothing.
        """
        try:
            found = dict(self.activations(pictures))
        except RuntimeError:
            width, height = pictures.shape[3], pictures.shape[2]
            raise ValueError(
                f"{self.plan.name}: a picture of {width}x{height} pixels is too small"
            ) from None
        return [found[number] for number in self.plan.taps]

    def activations(self, pictures: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Values behind each activation and pooling, by number."""
        device = self.weights.device
        mean, deviation = (
            torch.tensor(one, device=device)[:, None, None] for one in (MEAN, DEVIATION)
        )
        values = (pictures.to(device) - mean) / deviation
        for number, step in self.plan.numbered():
            if isinstance(step, Pool):
                values = functional.max_pool2d(values, step.side, 2)
                yield number, values
            else:
                weight, bias = (
                    self.weights[f"features.{number}.{part}"] for part in ("weight", "bias")
                )
                values = functional.conv2d(values, weight, bias, step.stride, step.padding).relu()
                yield number + 1, values

    def linear(self, values: Tensor, number: int) -> Tensor:
        """One of the linear layers."""
        weight, bias = (self.weights[f"classifier.{number}.{part}"] for part in ("weight", "bias"))
        return functional.linear(values, weight, bias)
