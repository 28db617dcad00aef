"""How different the outputs of a generator are, held against how different they should be."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

from stacks.stack import Stack

SIDE = 16
"""Pictures are compared at this size: a collapsed generator may still draw fresh grain."""
ITEMS = 8
"""Pictures that are compared; where a batch is smaller, with those of the looks before."""
NOISES = 4
ALIKE = 1e-3
"""Truths that differ by less than this say nothing of what outputs should do."""


def thumbnails(pictures: Tensor) -> Tensor:
    """Pictures ``(N, C, H, W)`` as ``(N, C, 16, 16)`` in fp32, by area; smaller ones stay."""
    height, width = pictures.shape[2:]
    small = (min(SIDE, height), min(SIDE, width))
    return functional.adaptive_avg_pool2d(pictures.detach().float(), small)


def spread(pictures: Tensor) -> Tensor:
    """Mean over all pairs of ``(N, ...)`` of their root mean square distance; 0 of one alone."""
    # Of some devices there are no pairs to be had; thumbnails are small.
    flat = pictures.flatten(1).cpu()
    return torch.pdist(flat).mean() / flat.shape[1] ** 0.5 if len(flat) > 1 else flat.new_zeros(())


class Diversity:
    """Outputs of each stage beside their truths, of the last looks.

    Batches of one picture are compared over the looks before: their weights differ little, and a
    generator that has collapsed draws its one picture for all of them.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Tensor] = {}

    def see(self, stage: str, fakes: Tensor, truths: Tensor) -> float | None:
        """The spread of the fakes over that of the truths, both ``(N, C, H, W)``.

        None where truths are alike, or where there is one picture only so far.
        """
        for side, pictures in (("fake", fakes), ("truth", truths)):
            shown, key = thumbnails(pictures), f"{stage}.{side}"
            before = self.kept.get(key, shown[:0])
            if before.shape[1:] != shown.shape[1:]:
                before = shown[:0]
            room = max(0, ITEMS - len(shown))
            self.kept[key] = torch.cat([before[len(before) - room :] if room else shown[:0], shown])
        made, wanted = (float(spread(self.kept[f"{stage}.{side}"])) for side in ("fake", "truth"))
        return made / wanted if wanted > ALIKE else None

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps."""
        return dict(self.kept)

    def restore(self, tensors: dict[str, Tensor], device: torch.device) -> None:
        """Go on from `tensors`."""
        self.kept = {name: tensor.to(device) for name, tensor in tensors.items()}


@torch.inference_mode()
def over_noises(stack: Stack, views: dict[str, Tensor], seed: int) -> dict[str, float]:
    """How far pictures for one input and several noises lie apart on [0, 1], by view written.

    Views that no noise reaches are left out. Empty where the stack has no noise, or nothing but
    noise: there a batch tells as much.

    Args:
        stack: in evaluation mode.
        views: a batch, of which the first item is looked at.
        seed: of the noises.
    """
    kinds = {name: view.kind for name, view in stack.inputs.items()}
    noisy = [name for name, kind in kinds.items() if kind.is_noise]
    if not noisy or len(noisy) == len(kinds):
        return {}
    generator = torch.Generator().manual_seed(seed)
    given = {name: torch.cat([views[name][:1]] * NOISES) for name in kinds}
    for name in noisy:
        drawn = torch.randn(given[name].shape, generator=generator)
        given[name] = drawn.to(given[name].device)
    reached = reached_by(stack, noisy)
    written = stack(given)
    return {
        name: float(spread(view.float()))
        for name, view in written.items()
        if name in reached and name in stack.views and stack.views[name].kind.is_picture
    }


def reached_by(stack: Stack, given: Iterable[str]) -> set[str]:
    """The views given, and those that are made of them by whatever stages."""
    reached = set(given)
    for stage in stack.stages.values():
        if reached.intersection({*stage.spec.needs, stage.spec.features}):
            reached |= {stage.spec.writes, stage.spec.hands_up} - {""}
    return reached
