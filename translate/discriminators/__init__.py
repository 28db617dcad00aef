"""Discriminators by kind: a spec dataclass beside its module.

A spec has ``build(reads) -> nn.Module``; the module maps ``(N, reads, H, W)`` to a `Verdict`:
logits of each scale, and the features of its layers.
"""

from translate.discriminators.registry import DISCRIMINATORS, Verdict

# Importing a module registers its kind.
from translate.discriminators import (  # noqa: F401  isort: skip
    dcgan,
    multiscale,
    patch,
    progressive,
    projection,
    resnet19,
    sagan,
)

__all__ = ["DISCRIMINATORS", "Verdict"]
