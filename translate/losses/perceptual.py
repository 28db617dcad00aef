"""Perceptual distance: how far two pictures are apart to VGG-19, a network that knows objects.

The network is that of Simonyan and Zisserman 2015, arXiv 1409.1556, table 1, column E, without its
fully connected layers. Its weights, trained on ImageNet, are not part of this package.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.features.network import DEVIATION, MEAN
from translate.features.weights import find_weights, read_weights
from translate.losses.precision import full

WEIGHTS = "vgg19-dcbb9e9d.pth"
"""The file of weights, as torchvision publishes it."""
SOURCE = f"https://download.pytorch.org/models/{WEIGHTS}"

Plan = tuple[tuple[int, ...], ...]
"""Channels of the convolutions of each block; the picture is halved between blocks."""
VGG19: Plan = ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4)


class Perceptual(nn.Module):
    """Weighted distance of the features of two pictures.

    A layer is ``conv5_4``, the fourth convolution of block 5 before its activation (Wang et al.
    2018 (ESRGAN), arXiv 1809.00219, section 3.3), or ``relu5_4``, after it (Johnson et al. 2016,
    arXiv 1603.08155, equation 2; Ledig et al. 2017, arXiv 1609.04802, equation 5).

    Only the blocks down to the deepest layer are built. The weights never learn.

    Args:
        layers: weight of each layer.
        file: the network's weights, a state of torchvision's vgg19 as ``.pth`` or
            ``.safetensors``; None takes torch hub's cached file.
        distance: ``l2``, the mean squared difference of the papers, or ``l1``, the mean absolute.
        plan: another width than VGG-19's.

    Raises:
        FileNotFoundError: the weights are not there; the message tells where they were looked for.
        ValueError: an unknown layer, none, or a file that does not hold the weights.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        layers: Mapping[str, float] | None = None,
        file: str | Path | None = None,
        distance: Literal["l1", "l2"] = "l2",
        plan: Plan = VGG19,
    ) -> None:
        super().__init__()
        self.layers = {"conv5_4": 1.0} if layers is None else dict(layers)
        self.distance = distance
        modules = build(plan, self.layers)
        self.network = nn.ModuleDict(modules)
        self.halvings = sum(isinstance(module, nn.MaxPool2d) for module in modules.values())
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None])
        path = find_weights("the perceptual term needs VGG-19's weights", [WEIGHTS], SOURCE, file)
        take(modules, read_weights(path), path)
        self.requires_grad_(False).eval()

    def forward(self, fake: Tensor, truth: Tensor) -> Tensor:
        """Scalar distance of pictures ``(N, 3 or 1, H, W)`` in [0, 1]; the truth takes no gradient.

        Raises:
            ValueError: another number of channels, or a picture that the network halves to nothing.
        """
        with torch.no_grad():
            expected = self.features(truth)
        given = self.features(fake)
        compare = functional.l1_loss if self.distance == "l1" else functional.mse_loss
        distances = [
            weight * compare(full(given[layer]), full(expected[layer]))
            for layer, weight in self.layers.items()
        ]
        return torch.stack(distances).sum()

    def features(self, picture: Tensor) -> dict[str, Tensor]:
        """Activations ``(N, C', H', W')`` of the chosen layers of a picture in [0, 1]."""
        channels, height, width = picture.shape[1:]
        if channels not in (1, 3):
            raise ValueError(f"perceptual: pictures have 3 channels or 1; got {channels}")
        least = 2**self.halvings
        if min(height, width) < least:
            raise ValueError(
                f"perceptual: {', '.join(self.layers)} need {least}x{least} pixels or more; "
                f"the picture has {width}x{height}"
            )
        values = (picture.expand(-1, 3, -1, -1) - self.mean) / self.deviation
        chosen: dict[str, Tensor] = {}
        for name, module in self.network.items():
            values = module(values)
            if name in self.layers:
                chosen[name] = values
        return chosen


def build(plan: Plan, layers: Collection[str]) -> dict[str, nn.Module]:
    """The modules by name, in order, up to the last of ``layers``.

    Raises:
        ValueError: a layer that the plan does not have, or none.
    """
    modules: dict[str, nn.Module] = {}
    reads = 3
    for block, widths in enumerate(plan, start=1):
        for index, writes in enumerate(widths, start=1):
            modules[f"conv{block}_{index}"] = nn.Conv2d(reads, writes, 3, padding=1)
            # Not in place: a convolution's answer may be asked for as it was.
            modules[f"relu{block}_{index}"] = nn.ReLU()
            reads = writes
        modules[f"pool{block}"] = nn.MaxPool2d(2)
    names = list(modules)
    unknown = [layer for layer in layers if layer not in names or layer.startswith("pool")]
    if unknown:
        known = ", ".join(name for name in names if not name.startswith("pool"))
        raise ValueError(f"perceptual: unknown layer {unknown[0]!r}; known: {known}")
    depth = max((names.index(layer) for layer in layers), default=-1) + 1
    if not depth:
        raise ValueError("perceptual: no layer is named; conv5_4 is a usual one")
    return {name: modules[name] for name in names[:depth]}


def take(modules: Mapping[str, nn.Module], tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy the weights into the convolutions; what else a file holds is left aside.

    torchvision numbers all modules of the network in a row: ``features.0.weight`` is that of the
    first convolution, ``features.1`` its activation.

    Raises:
        ValueError: a weight is missing or of another shape.
    """
    for index, (name, module) in enumerate(modules.items()):
        for key, parameter in module.named_parameters():
            stored = tensors.get(f"features.{index}.{key}")
            if stored is None or stored.shape != parameter.shape:
                found = "none" if stored is None else str(tuple(stored.shape))
                raise ValueError(
                    f"{path}: not VGG-19's weights: features.{index}.{key} ({name}) must be of "
                    f"shape {tuple(parameter.shape)}; found {found}"
                )
            parameter.data.copy_(stored)
