"""Generators by kind: a spec dataclass beside its module.

A spec has ``build(reads, writes, features) -> nn.Module``; the module maps ``(N, reads, H, W)`` in
[-1, 1] to ``(N, writes, scale H, scale W)``. A generator from noise reads a picture of 1x1: noise
and labels as its channels. ``multiple`` is what both sides of its input must divide by. Of a spec
whose ``features`` are not 0 the module also takes features from the stage below, of so many
channels as ``build`` was told or None, and returns (picture, features handed up). A module with
``segments()`` can be trained with few activations kept (`translate.recomputation`). CONTRIBUTING.md
has a whole example.
"""

from translate.generators.registry import GENERATORS

# Importing a module registers its kind.
from translate.generators import (  # noqa: F401  isort: skip
    dcgan,
    enhancer,
    level,
    progressive,
    progressive_unet,
    pyramid,
    resnet,
    resnet19,
    sagan,
    spade,
    style,
    translation_unet,
    unet,
)

__all__ = ["GENERATORS"]
