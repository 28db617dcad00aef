"""What every discriminator answers, and the registry of their kinds, which import it."""

from typing import NamedTuple

from torch import Tensor

from translate.registry import Registry

DISCRIMINATORS = Registry("discriminator")


class Verdict(NamedTuple):
    """What a discriminator says of ``N`` pictures.

    With packing of ``m`` pictures there are ``N / m`` rows.
    """

    logits: tuple[Tensor, ...]
    """One for each scale it looks at: a map of patches ``(N, 1, H, W)``, or ``(N, 1)``."""
    features: tuple[Tensor, ...]
    """Activations of its layers, the first layer's first, for feature matching."""
