"""Generators by kind: a spec dataclass beside its module.

A spec has ``build(reads, writes) -> nn.Module``; the module maps ``(N, reads, H, W)`` in [-1, 1] to
``(N, writes, scale H, scale W)``. ``multiple`` is what both sides of its input must divide by.
"""

from translate.generators.registry import GENERATORS

# Importing a module registers its kind.
from translate.generators import level, pyramid, unet  # noqa: F401  isort: skip

__all__ = ["GENERATORS"]
