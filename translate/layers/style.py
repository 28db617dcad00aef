"""Style: what decides a picture's look comes from elsewhere (Karras 2019, arXiv 1812.04948)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.layers.equalized import equalize, he_constant


def standardize(features: Tensor, eps: float = 1e-5) -> Tensor:
    """Mean 0 and deviation 1 for each channel of each sample: ``(N, C, H, W)`` -> the same."""
    variance, mean = torch.var_mean(features, dim=(2, 3), correction=0, keepdim=True)
    return (features - mean) * (variance + eps).rsqrt()


class AdaptiveInstanceNorm(nn.Module):
    """Scale and shift of standardized features, from a style (Karras 2019, equation 1).

    An affine map turns the style into a scale and a shift for each channel; its bias starts at
    scale 1 and shift 0.

    Args:
        channels: of the features.
        style: length of the style.
        equalized: draw the map's weights from N(0, 1) and scale them at run time (see `equalize`).
    """

    def __init__(self, channels: int, style: int, equalized: bool = False) -> None:
        super().__init__()
        self.affine = nn.Linear(style, 2 * channels)
        nn.init.normal_(self.affine.weight, 0, he_constant(self.affine))
        nn.init.zeros_(self.affine.bias)
        nn.init.ones_(self.affine.bias[:channels])
        if equalized:
            equalize(self.affine)

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """``(N, C, H, W)`` and ``(N, S)`` -> ``(N, C, H, W)``."""
        scale, shift = self.affine(style)[..., None, None].chunk(2, dim=1)
        return scale * standardize(features) + shift


class ModulatedConvolution(nn.Module):
    """A convolution whose weights a style scales, and whose results keep their size by it.

    Karras et al. 2020 (arXiv 1912.04958, section 2.2): the style scales the weights of each channel
    that is read (equation 1), and those of each channel that is written are divided by their norm
    (equation 3). Expected deviations take the place of measured ones, so that no spike in one place
    can make the rest of a map small, which features that are standardized learn to do and which
    shows as droplets. Scaling what is read and what is written is the same, and needs no kernel
    for each sample.

    Args:
        layers: what enlarges the map, if anything does, and a convolution, with or without bias.
        style: length of the style.
        equalized: as in `AdaptiveInstanceNorm`.
    """

    def __init__(self, layers: Sequence[nn.Module], style: int, equalized: bool = False) -> None:
        super().__init__()
        *before, convolution = layers
        assert isinstance(convolution, nn.Conv2d)
        self.before = nn.Sequential(*before)
        self.convolution = convolution
        self.affine = nn.Linear(style, convolution.in_channels)
        nn.init.normal_(self.affine.weight, 0, he_constant(self.affine))
        nn.init.ones_(self.affine.bias)
        if equalized:
            equalize(self.affine)

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """``(N, C, H, W)`` and ``(N, S)`` -> ``(N, C', H', W')``."""
        scale, weight = self.affine(style), self.convolution.weight
        made = functional.conv2d(
            self.before(features * scale[..., None, None]),
            weight,
            padding=self.convolution.padding,  # type: ignore[arg-type]
        )
        size = scale.square() @ weight.square().sum(dim=(2, 3)).T
        made = made * (size + 1e-8).rsqrt()[..., None, None]
        bias = self.convolution.bias
        return made if bias is None else made + bias[:, None, None]


class MappingNetwork(nn.Module):
    """A latent into a style (Karras 2019, section 2 and appendix C).

    The latent is normalized to a mean square of 1, then passes linear layers, each with a leaky
    rectifier of 0.2.

    Args:
        latent: its length.
        style: length of the style, and of what lies between.
        layers: how many.
        slope: of the rectifier below zero.
        rate: where given, weights are equalized and learn at this rate relative to other layers
            (the paper's is 0.01); where None, they are ordinary.
    """

    def __init__(
        self,
        latent: int = 512,
        style: int = 512,
        layers: int = 8,
        slope: float = 0.2,
        rate: float | None = None,
    ) -> None:
        super().__init__()
        stack: list[nn.Module] = []
        for index in range(layers):
            layer = nn.Linear(latent if index == 0 else style, style)
            nn.init.normal_(layer.weight, 0, he_constant(layer))
            nn.init.zeros_(layer.bias)
            if rate is not None:
                equalize(layer, rate=rate)
            stack += [layer, nn.LeakyReLU(slope)]
        self.layers = nn.Sequential(*stack)

    def forward(self, latent: Tensor) -> Tensor:
        """``(N, latent)`` -> ``(N, style)``."""
        size = latent.square().mean(dim=1, keepdim=True)
        return self.layers(latent * (size + 1e-8).rsqrt())


class NoiseInjection(nn.Module):
    """One channel of noise, added to each channel by a learned scale (Karras 2019, section 2).

    The scales start at 0. The noise is always handed in: a network has no randomness of its own.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, features: Tensor, noise: Tensor) -> Tensor:
        """``(N, C, H, W)`` and ``(N, 1, H, W)`` -> ``(N, C, H, W)``."""
        return features + self.scale * noise
