"""What every piece of work on the device shares: its form, and random fields of pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from translate.degradations.step import Size


class Work(Protocol):
    """One thing that happens to pictures of one size; equal ones are done together."""

    def after(self, size: Size) -> Size:
        """The size of pictures afterwards, known on the host before any pixel is."""
        ...

    def __call__(
        self, pictures: Tensor, numbers: Tensor, fields: Fields
    ) -> tuple[Tensor, Tensor | None]:
        """The pictures after it, and the sigma of the noise they got ``(N,)`` on 0..255, if any.

        Args:
            pictures: ``(N, C, H, W)``, [0, 1] but for what noise and sharpening put outside.
            numbers: ``(N, M)``, what was drawn for each picture.
            fields: of random values.
        """
        ...


class SameSize:
    """Work that leaves pictures as large as they were."""

    def after(self, size: Size) -> Size:
        """As before."""
        return size


@dataclass(frozen=True)
class Fields:
    """Random values for every pixel, from one seed a picture: neighbors in the batch change none.

    ``torch.randn`` is avoided: several devices that share a batch draw it for all of its items
    (`stacks.collectives`), and these values are an item's own.
    """

    random: torch.Generator
    seeds: Sequence[int]

    def normal(self, pictures: Tensor) -> Tensor:
        """Standard normal values in the shape of ``pictures``."""
        # Fields are drawn in the order of memory, which must not be that of the pictures.
        field = torch.empty(pictures.shape, dtype=pictures.dtype, device=pictures.device)
        for values, seed in zip(field, self.seeds, strict=True):
            values.normal_(generator=self.random.manual_seed(seed))
        return field

    def counts(self, rates: Tensor) -> Tensor:
        """Poisson counts of ``rates (N, C, H, W)``."""
        return torch.stack(
            [
                torch.poisson(rate.contiguous(), generator=self.random.manual_seed(seed))
                for rate, seed in zip(rates, self.seeds, strict=True)
            ]
        )


def each(numbers: Tensor, column: int) -> Tensor:
    """One number a picture, to go with ``(N, C, H, W)``."""
    return numbers[:, column].view(-1, 1, 1, 1)


def in_bytes(
    pictures: Tensor, change: Callable[[Tensor], Tensor] = lambda values: values
) -> Tensor:
    """Pictures of 8 bits as files hold them, and what ``change`` makes of the values 0 to 255."""
    return change(as_byte(pictures * 255)) / 255


def as_byte(values: Tensor) -> Tensor:
    """The nearest whole number, 0 to 255, still a float."""
    return values.round().clamp(0, 255)
