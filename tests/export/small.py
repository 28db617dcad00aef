"""Small stacks with random weights, as recipes that a user could write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from stacks.checkpoint import save_stack
from stacks.recipe import parse_recipe
from stacks.stack import Stack

PYRAMID = """
name = "small-sr"
task = "super-resolution"
[data]
root = "/srv/pictures"
layout = "targets"
views = { target = "rgb" }
[[data.folder]]
path = "photos"
pictures = ":-2"
[[data.folder]]
path = "/mnt/disk/more"
[degrade]
choices = ["bicubic:4"]
[[stage]]
name = "finer"
writes = "x2"
join = "add"
hands_up = "features"
generator = { kind = "pyramid", channels = 6, blocks = 1, unfold = 1 }
[[stage]]
name = "finest"
reads = ["x2"]
features = "features"
writes = "x4"
join = "add"
generator = { kind = "pyramid", channels = 5, blocks = 1, unfold = 2 }
[[phase]]
train = ["finer", "finest"]
steps = 1
"""

DENOISER = """
name = "small-denoise"
description = "Takes noise away."
task = "denoising"
[data]
layout = "targets"
views = { target = "rgb" }
[degrade]
choices = ["noise:0-55"]
[[stage]]
name = "level"
writes = "noise_map"
truth = "noise_map"
join = "told"
generator = { kind = "level", channels = 4, depth = 2, unfold = 2, window = 3 }
[[stage]]
name = "denoise"
reads = ["source", "noise_map"]
writes = "target"
join = "add"
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 2 }
[[phase]]
train = ["level", "denoise"]
steps = 1
"""

ONE_STAGE = """
name = "one"
[data]
views = {{ source = "rgb", target = "rgb" }}
[[stage]]
name = "one"
generator = {generator}
[[phase]]
train = ["one"]
steps = 1
"""


def make(recipe: str, seed: int = 0) -> Stack:
    """A stack with every weight and bias drawn, so that none hides behind zeros."""
    stack = Stack(parse_recipe(recipe))
    random = torch.Generator().manual_seed(seed)
    for parameter in stack.parameters():
        spread = 0.1 if parameter.dim() < 2 else (parameter[0].numel()) ** -0.5
        parameter.data.normal_(0, spread, generator=random)
    return stack.eval()


def one_stage(generator: str) -> Stack:
    """A stack of one stage whose generator is told as an inline table."""
    return make(ONE_STAGE.format(generator=generator))


def saved(stack: Stack, folder: Path) -> Path:
    """The stack as training leaves it."""
    path = folder / "best.safetensors"
    save_stack(path, stack, stack.recipe, {"step": 1})
    return path


@dataclass(frozen=True)
class LayersSpec:
    """A generator of the tests: the layers named, in a row; `multiple` as told."""

    layers: tuple[str, ...] = ()
    multiple: int = 1

    kind = "layers"
    scale = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        return nn.Sequential(*(LAYERS[name](reads) for name in self.layers))


class FunctionalActivation(nn.Module):
    """An activation that is no module of its own."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.tanh(features)


LAYERS = {
    "3": lambda n: nn.Conv2d(n, n, 3, padding=1),
    "5": lambda n: nn.Conv2d(n, n, 5, padding=2),
    "dilated": lambda n: nn.Conv2d(n, n, 3, padding=4, dilation=4),
    "across": lambda n: nn.Conv2d(n, n, (1, 7), padding=(0, 3)),
    "down": lambda n: nn.Conv2d(n, n, 4, stride=4),
    "up": lambda n: nn.ConvTranspose2d(n, n, 4, stride=4),
    "relu": lambda n: nn.ReLU(inplace=True),
    "tanh": lambda n: FunctionalActivation(),
    "max": lambda n: nn.MaxPool2d(3, stride=1, padding=1),
    "instance": lambda n: nn.InstanceNorm2d(n, affine=True),
}
