"""Noise in torch, as `translate.degradations.noise` describes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from translate.degradations.device.work import Fields, SameSize, each
from translate.pixels import LUMA, SIGMA_UNIT


@dataclass(frozen=True)
class AddNoise(SameSize):
    """Gaussian noise; the numbers are sigma on 0..255, and 1 where all channels move alike."""

    def __call__(
        self, pictures: Tensor, numbers: Tensor, fields: Fields
    ) -> tuple[Tensor, Tensor | None]:
        field = fields.normal(pictures)
        field = torch.where(each(numbers, 1) > 0, field[:, :1], field)
        return pictures + field * (each(numbers, 0) / SIGMA_UNIT), numbers[:, 0]


@dataclass(frozen=True)
class CountPhotons(SameSize):
    """Poisson noise; the numbers are its strength, and 1 where the brightness alone is counted."""

    def __call__(
        self, pictures: Tensor, numbers: Tensor, fields: Fields
    ) -> tuple[Tensor, Tensor | None]:
        light, gray = pictures.clamp(0, 1), each(numbers, 1) > 0
        light = torch.where(gray, brightness(light), light)
        counts = fields.counts(light * SIGMA_UNIT) / SIGMA_UNIT
        noise = torch.where(gray, (counts - light)[:, :1], counts - light)
        sigma = numbers[:, 0] * (light.mean(dim=(1, 2, 3)) * SIGMA_UNIT).sqrt()
        return pictures + noise * each(numbers, 0), sigma


@dataclass(frozen=True)
class Expose(SameSize):
    """Shot and read noise of a sensor, which are the numbers, in linear light that saturates."""

    def __call__(
        self, pictures: Tensor, numbers: Tensor, fields: Fields
    ) -> tuple[Tensor, Tensor | None]:
        light = to_linear(pictures.clamp(0, 1))
        deviation = (each(numbers, 0) * light + each(numbers, 1)).sqrt()
        seen = from_linear((light + fields.normal(light) * deviation).clamp(0, 1))
        return seen, (seen - pictures).square().mean(dim=(1, 2, 3)).sqrt() * SIGMA_UNIT


def brightness(pictures: Tensor) -> Tensor:
    """BT.601 luma of ``(N, 3, H, W)`` as ``(N, 1, H, W)``; gray pictures are their own."""
    if pictures.shape[1] != 3:
        return pictures
    red, green, blue = pictures.split(1, dim=1)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def to_linear(pictures: Tensor) -> Tensor:
    """SRGB values in [0, 1] -> linear light (IEC 61966-2-1)."""
    bent = ((pictures + 0.055) / 1.055) ** 2.4
    return torch.where(pictures <= 0.04045, pictures / 12.92, bent)


def from_linear(light: Tensor) -> Tensor:
    """Linear light in [0, 1] -> sRGB values."""
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
