"""Discriminators by kind: a spec dataclass beside its module.

A spec has ``build(reads) -> nn.Module``; the module maps ``(N, reads, H, W)`` to logits
``(N, 1, H', W')``.
"""

from translate.discriminators.registry import DISCRIMINATORS

# Importing a module registers its kind.
from translate.discriminators import patch  # noqa: F401  isort: skip

__all__ = ["DISCRIMINATORS"]
