"""Light and color carried over: a picture is drawn as what differs from the color of the source's
frame, and what stands before that in the color it has in the source.
"""

from __future__ import annotations

import torch
from torch import Tensor

FRAME = 20
"""The frame is this part of each side, as one pixel in so many."""
OUTSTANDING = 3
"""Power of the distance from the frame's hue by which pixels count for the typical distance."""
STEEP = 16.0
"""A pixel half as far as that is half counted as outstanding, one of 0.6 for four fifths."""
FAINT = 0.03
"""A distance of hues, of a picture in [0, 1], that stands out of nothing: a black-and-white
photograph has no hues but those of its noise."""
CARRIED = 0.75
"""Of the difference between both colors: what stands out is lit by where it stands, too."""
LEAST = 1e-6
"""Of sums that are divided by, and of distances."""


def light(picture: Tensor) -> Tensor:
    """The mean color along the frame of a picture: ``(N, C, H, W)`` -> ``(N, C, 1, 1)``.

    Of a person or a thing before a wall it is nearly the wall's, and so tells the light, which
    instance normalization takes away and a network of a few thousand pictures replaces by the
    average one.
    """
    height, width = picture.shape[-2:]
    rows = along(height, picture.device)[:, None]
    columns = along(width, picture.device)[None, :]
    frame = torch.logical_or(rows, columns).to(picture.dtype)
    return (picture * frame).sum(dim=(2, 3), keepdim=True) / frame.sum()


def along(length: int, device: torch.device) -> Tensor:
    """Which of ``length`` pixels in a line belong to the frame; at least the first and last do."""
    places = torch.arange(length, device=device)
    return torch.logical_or(FRAME * places < length, FRAME * (length - 1 - places) < length)


def toned(picture: Tensor, source: Tensor) -> Tensor:
    """A picture in which what stands out from the frame nears the mean color it has in a source.

    Skin drifts towards that of the average photograph where the network has to make its color up;
    here all of it is moved most of the way back at once, and the wall stays. Statistics of colors
    are moved likewise from photograph to photograph by Reinhard et al. (2001, "Color Transfer
    between Images", equation 11, of which these are the means).

    Args:
        picture: ``(N, 3, H, W)`` in [0, 1].
        source: likewise, of any size; where nothing stands out of it, the picture stays.
    """
    there, here = outstanding(source), outstanding(picture)
    change = CARRIED * (mean_within(source, there) - mean_within(picture, here))
    return picture + there.amax(dim=(2, 3), keepdim=True) * here * change


def outstanding(picture: Tensor) -> Tensor:
    """How far pixels differ in hue from the frame: ``(N, 3, H, W)`` -> ``(N, 1, H, W)``, 0 to 1.

    Brightness is left out: a wall darkens towards its corners by more than skin differs from it.
    """
    hue = picture - picture.mean(dim=1, keepdim=True)
    distance = ((hue - light(hue)).square().sum(dim=1, keepdim=True) + LEAST**2).sqrt()
    weight = distance**OUTSTANDING
    everywhere = {"dim": (2, 3), "keepdim": True}
    typical = (weight * distance).sum(**everywhere) / weight.sum(**everywhere).clamp_min(LEAST)
    return torch.sigmoid(STEEP * (distance / typical.clamp_min(FAINT) - 0.5))


def mean_within(picture: Tensor, share: Tensor) -> Tensor:
    """The mean color of pixels by their share ``(N, 1, H, W)``: ``(N, C, 1, 1)``."""
    total = share.sum(dim=(2, 3), keepdim=True).clamp_min(LEAST)
    return (picture * share).sum(dim=(2, 3), keepdim=True) / total
