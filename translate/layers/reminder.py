"""What a network was read, told again deep inside.

A class or a noise vector reaches a generator as constant planes. Behind a convolution they shift
each channel by a constant, which instance normalization takes away again: two layers on, nothing
of them is left. A shift learned from them *behind* the normalization and before the rectifier is
heard, as in conditional instance normalization (Dumoulin et al. 2017, arXiv 1610.07629, equation
5, of which this is the shift). Concatenating the planes to the features would not do: the next
convolution is linear in them, and its normalization takes them away as before.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from translate.layers.normalization import GeneratorNormalization, constrain, constraint


class Reminder(nn.Module):
    """Adds a 1x1 convolution of the picture, averaged over the points of the features' grid.

    Args:
        reads: channels of the picture.
        channels: of the features.
        stride: pixels of the picture on one point of the features, along one side.
        norm: of the network; "spectral" and "equalized" constrain this convolution too.
    """

    def __init__(
        self, reads: int, channels: int, stride: int, norm: GeneratorNormalization
    ) -> None:
        super().__init__()
        self.stride = stride
        self.convolution = nn.Conv2d(reads, channels, 1, bias=False)
        # Free weights keep PyTorch's own start: shifts of the size of the normalized features,
        # which those of DCGAN (a deviation of 0.02) would not be.
        if constraint(norm) != "none":
            constrain(self.convolution, norm)

    def forward(self, features: Tensor, picture: Tensor) -> Tensor:
        """``(N, channels, H, W)`` and ``(N, reads, stride H, stride W)`` -> as the features."""
        if self.stride > 1:
            picture = functional.avg_pool2d(picture, self.stride)
        return features + self.convolution(picture)


class Expectation(nn.Module):
    """Adds a coarse map that is linear in the means of the picture: what to expect where.

    A shift by `Reminder` is the same at each point. Of a gesture or another class it can say which
    one, but not that there the fingers are at the upper left: layers that see no place would have
    to find that out from the border of the picture. A map of each class is the constant that the
    drawing of StyleGAN starts from (Karras et al. 2019, arXiv 1812.04948, section 2), one a class;
    the means of colors say of the light what instance normalization takes away.

    Args:
        reads: channels of the picture.
        channels: of the features.
        side: cells of the map along one side.
    """

    def __init__(self, reads: int, channels: int, side: int) -> None:
        super().__init__()
        self.channels, self.side = channels, side
        self.map = nn.Linear(reads, channels * side * side, bias=False)

    def forward(self, features: Tensor, picture: Tensor) -> Tensor:
        """``(N, channels, H, W)`` and ``(N, reads, H', W')`` -> as the features."""
        expected = self.map(picture.mean(dim=(2, 3)))
        expected = expected.view(-1, self.channels, self.side, self.side)
        return features + functional.interpolate(expected, features.shape[2:], mode="bilinear")


class Reminded(nn.Module):
    """Layers, a reminder behind them where there is one, and a rectifier."""

    def __init__(self, layers: Sequence[nn.Module], reminder: Reminder | None = None) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.reminder = reminder

    def forward(self, features: Tensor, picture: Tensor) -> Tensor:
        """Features of any size, and the picture of `Reminder` -> what the layers make of them."""
        made = self.layers(features)
        if self.reminder is not None:
            made = self.reminder(made, picture)
        return functional.relu(made)
