"""The style-based generator (Karras et al. 2019, arXiv 1812.04948, section 2 and figure 1b).

A latent becomes a style by a mapping network; the picture starts from a learned constant and is
doubled in size, and behind every convolution noise is added and the style sets mean and deviation
of each channel. Trained at full size, without growing.

The paper draws the noise anew in every pass. Here a network is a function of what it reads, in
training and in the exported graph alike: the first channels of what it reads make the noise, by
waves of fixed random frequencies, and only the others make the style. Both are drawn together, so
pictures differ in detail as in the paper, and whoever keeps the style and draws these channels anew
varies the detail alone. tanh ends it, for [-1, 1].

Truncation draws a style towards the mean of all (the paper's appendix B): less varied, and further
from what was seldom seen. The mean is taken for the labels that are asked, so it keeps them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from translate.generators.registry import GENERATORS
from translate.layers.activation import Activation, activation
from translate.layers.growing import level_widths
from translate.layers.normalization import constrain, convolution
from translate.layers.sampling import Up, up_convolution
from translate.layers.style import (
    AdaptiveInstanceNorm,
    MappingNetwork,
    ModulatedConvolution,
    NoiseInjection,
)
from translate.pixels import from_network
from translate.tables import require

GAIN = math.sqrt(2)
"""Of an activation that keeps about half of the mean square."""


@GENERATORS.register("style")
@dataclass(frozen=True)
class StyleSpec:
    """From a point of latent, and labels as further channels of it, to a picture of ``size``."""

    size: int = 128
    """Side of the picture: 32, 64, 128 or 256."""
    channels: int = 512
    """Those of the maps up to 32x32; each of twice the side has half as many."""
    style: int = 512
    """Length of the style, and width of the mapping network."""
    mapping: int = 8
    """Layers of the mapping network."""
    rate: float = 0.01
    """Of learning in the mapping network, relative to the rest; where rates are equalized."""
    noise: int = 32
    """How many of the channels read, from the first on, make the noise; 0: there is no noise."""
    latent: int = 0
    """Above 0, the caller may truncate: so many channels behind the noise are the latent, the
    further ones are labels, and the last one is a strength: 1 keeps the style, 0 takes the mean of
    those of its labels, below 0 stands for 1."""
    sets: Literal["features", "weights"] = "features"
    """What the style sets: mean and deviation of features, or, against the droplets that grow from
    that, the weights of convolutions (Karras et al. 2020, arXiv 1912.04958, section 2.2)."""
    norm: Literal["none", "spectral", "equalized"] = "equalized"
    """Of the weights; the features are normalized by the style."""
    up: Up = "bilinear"
    """How maps double their side."""
    activation: Activation = "leaky"
    """Between layers."""
    slope: float = 0.2
    """Below zero, of ``leaky``."""

    def __post_init__(self) -> None:
        require(self.size in (32, 64, 128, 256), "size", self.size, "32, 64, 128, 256")
        level_widths(self.size, self.channels)
        require(self.style >= 1, "style", self.style, "1 or more")
        require(1 <= self.mapping <= 16, "mapping", self.mapping, "1 to 16")
        require(0 < self.rate <= 1, "rate", self.rate, "above 0, up to 1")
        require(self.noise >= 0, "noise", self.noise, "0 or more")
        require(self.latent >= 0, "latent", self.latent, "0 or more")
        constrained = self.norm in ("none", "spectral", "equalized")
        require(constrained, "norm", self.norm, "'none', 'spectral', 'equalized'")
        require(0 <= self.slope < 1, "slope", self.slope, "0 up to 1")
        plain = self.sets == "features" or self.up in ("nearest", "bilinear")
        require(plain, "up", self.up, "'nearest', 'bilinear' where the style sets weights")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps from 4x4 on."""
        return level_widths(self.size, self.channels)

    @property
    def scale(self) -> int:
        """Side of the picture over that of the latent."""
        return self.size

    multiple = 1
    features = 0

    def build(self, reads: int, writes: int, features: int = 0) -> nn.Module:
        """The module from ``reads`` channels of noise, latent and labels to ``writes``.

        Raises:
            TableError: all the channels would make noise, and none the style, or there are fewer
                than noise, latent and strength take.
        """
        require(self.noise < reads, "noise", self.noise, f"less than the {reads} channels read")
        fits = not self.latent or self.noise + self.latent < reads
        most = f"0 to {reads - self.noise - 1}: {reads} channels are read, the strength is the last"
        require(fits, "latent", self.latent, most)
        return StyleGenerator(self, reads, writes)


class StyleGenerator(nn.Module):
    """See `StyleSpec`."""

    def __init__(self, spec: StyleSpec, reads: int, writes: int) -> None:
        super().__init__()
        self.noise = spec.noise
        self.size = spec.size
        self.truncation = Truncation(spec.latent) if spec.latent else None
        self.mapping = MappingNetwork(
            reads - spec.noise - (1 if spec.latent else 0),
            spec.style,
            spec.mapping,
            spec.slope,
            rate=spec.rate if spec.norm == "equalized" else None,
        )
        # Not ones, as in the paper: channels that vary by a little noise alone are standardized to
        # rounding errors, which differ from one runtime to the next.
        self.constant = nn.Parameter(torch.randn(1, spec.widths[0], 4, 4))
        side = 4
        self.layers = nn.ModuleList()
        if spec.sets == "features":
            self.layers.append(StyledLayer([], spec.widths[0], side, spec))
        self.layers.append(styled_convolution(spec.widths[0], side, spec))
        for before, width in itertools.pairwise(spec.widths):
            side *= 2
            doubled = up_convolution(before, width, spec.up, spec.norm)
            self.layers.append(StyledLayer(doubled, width, side, spec))
            self.layers.append(styled_convolution(width, side, spec))
        self.leave = nn.Sequential(*convolution(spec.widths[-1], writes, 1, 1, 0, spec.norm))
        if spec.norm == "spectral":
            # The convolutions are constrained already; what the style passes is not.
            for module in list(self.modules()):
                if isinstance(module, nn.Linear):
                    constrain(module, spec.norm)

    def segments(self) -> list[nn.Module]:
        """What may be computed again (see `translate.recomputation`)."""
        return [self.mapping.layers, *self.layers]

    def forward(self, latent: Tensor) -> Tensor:
        """``(N, reads, H, W)``, of 1x1 -> ``(N, writes, size H, size W)`` in [-1, 1].

        Of a larger map each point makes a picture of its own, side by side with the others.
        """
        count, _, height, width = latent.shape
        points = latent.permute(0, 2, 3, 1).flatten(0, 2)
        noise, rest = points[:, : self.noise], points[:, self.noise :]
        if self.truncation is None:
            style = self.mapping(rest)
        else:
            style = self.truncation(self.mapping, rest[:, :-1], rest[:, -1:])
        # `len` would be a constant of the exported graph.
        features = self.constant.expand(points.shape[0], -1, -1, -1)
        for layer in self.layers:
            features = layer(features, style, noise)
        made = self.leave(features).tanh()
        tiles = made.reshape(count, height, width, -1, self.size, self.size)
        return tiles.permute(0, 3, 1, 4, 2, 5).reshape(
            count, -1, height * self.size, width * self.size
        )


class Truncation(nn.Module):
    """Styles drawn towards the mean style of their labels (Karras et al. 2019, appendix B).

    The mean is over latents that were drawn once and are kept with the weights.

    Args:
        latent: channels of a latent.
        count: how many latents the mean is over.
    """

    typical: Tensor

    def __init__(self, latent: int, count: int = 128) -> None:
        super().__init__()
        self.register_buffer("typical", torch.randn(count, latent))

    def forward(self, mapping: nn.Module, given: Tensor, told: Tensor) -> Tensor:
        """Styles ``(N, S)``.

        Args:
            mapping: from latent and labels to a style.
            given: latent and labels, ``(N, L + K)``.
            told: strength ``(N, 1)`` as a network reads it: [0, 1] stretched to [-1, 1], below
                that where the style is to stay as it is.
        """
        count, latent = self.typical.shape
        labels = given[:, None, latent:].expand(-1, count, -1)
        latents = self.typical.expand(given.shape[0], -1, -1)
        styles = mapping(torch.cat([latents, labels], dim=2).flatten(0, 1))
        mean = styles.reshape(-1, count, styles.shape[1]).mean(dim=1)
        strength = from_network(told)
        share = torch.where(strength >= 0, strength, 1.0)
        return share * mapping(given) + (1 - share) * mean


class StyledLayer(nn.Module):
    """What is handed in, then noise, activation and style (figure 1b); a style that sets weights
    comes first, and a gain makes up for what the activation takes away (Karras et al. 2020, figure
    2d and appendix B).
    """

    def __init__(self, layers: list[nn.Module], channels: int, side: int, spec: StyleSpec) -> None:
        super().__init__()
        equalized = spec.norm == "equalized"
        self.modulated = None
        self.layers = nn.Sequential()
        if spec.sets == "weights":
            self.modulated = ModulatedConvolution(layers, spec.style, equalized)
        else:
            self.layers.extend(layers)
        self.waves = NoiseWaves(spec.noise, side) if spec.noise else None
        self.inject = NoiseInjection(channels) if spec.noise else None
        self.activation = activation(spec.activation, spec.slope)
        self.restyle = None
        if spec.sets == "features":
            self.restyle = AdaptiveInstanceNorm(channels, spec.style, equalized)

    def forward(self, features: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """``(N, C, H, W)``, ``(N, S)`` and ``(N, K)`` -> ``(N, C', H', W')``."""
        made = self.modulated(features, style) if self.modulated else self.layers(features)
        if self.waves is not None and self.inject is not None:
            made = self.inject(made, self.waves(noise))
        made = self.activation(made)
        return self.restyle(made, style) if self.restyle else made * GAIN


def styled_convolution(channels: int, side: int, spec: StyleSpec) -> StyledLayer:
    """A styled convolution of 3x3 that keeps the sides."""
    return StyledLayer(convolution(channels, channels, 3, 1, 1, spec.norm), channels, side, spec)


class NoiseWaves(nn.Module):
    """Noise of a map from a few normal numbers: a sum of waves of fixed random frequencies.

    ``sqrt(2 / K) sum_k z_k cos(a_k y + b_k x + p_k)``, with frequencies and phases drawn once,
    evenly, and kept with the weights. For z of N(0, 1) each pixel is N(0, 1) up to the draw of the
    phases, of deviation ``1 / sqrt(2 K)``; the correlations of two pixels, or of two layers, are
    about ``1 / sqrt(K)``.

    Args:
        count: K, the numbers that make it.
        side: of the map.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, count: int, side: int) -> None:
        super().__init__()
        across, down, phase = (torch.rand(3, count, 1) * 2 - 1) * math.pi
        grid = torch.arange(side)
        # cos(u + v) = cos u cos v - sin u sin v makes the sum over k a product of two matrices.
        rows = torch.cat([(down * grid).cos(), -(down * grid).sin()])
        columns = torch.cat([(across * grid + phase).cos(), (across * grid + phase).sin()])
        self.register_buffer("rows", rows.T * math.sqrt(2 / count))
        self.register_buffer("columns", columns)

    def forward(self, numbers: Tensor) -> Tensor:
        """``(N, K)`` -> ``(N, 1, side, side)``."""
        weighted = self.rows * numbers.repeat(1, 2)[:, None]
        return (weighted @ self.columns)[:, None]
