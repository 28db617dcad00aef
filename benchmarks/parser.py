"""The judge of fashion results: a parser of layouts that has seen real photographs only.

It shares neither weights nor architecture with the parser of the stack that it judges: a residual
U-Net without normalization, on smaller pictures, from another seed. Photographs of rarely worn
garments are shown more often, and all of them moved and in other colors, for there are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.kept import fingerprint, trained_once
from pixstack.console import progress_bar
from stacks.tables.fashion import LOWER, NAMES
from translate.generators.unet import UNetSpec
from translate.losses.labels import cross_entropy, dice
from translate.muon import Muon
from translate.optim import MovingAverage
from translate.pairs import View
from translate.pixels import to_network

Bytes = NDArray[np.uint8]
SIZE = (192, 128)
NETWORK = UNetSpec(widths=(32, 64, 128, 192), blocks=2, unfold=2)
BATCH, STEPS, RATE, SEED = 8, 3000, 1e-3, 1000
DECAY = 0.998
"""Of the weights' moving average, which is what judges."""
WORN = 0.01
"""Share of a picture from which on it shows a garment."""


@dataclass(frozen=True)
class Examples:
    """Photographs ``(N, 3, H, W)`` and layouts ``(N, 1, H, W)``, both in 8 bits."""

    photos: Tensor
    layouts: Tensor

    @staticmethod
    def read(root: Path, rows: Sequence[dict[str, str]]) -> Examples:
        """Those of some rows of a table, at the judge's size."""
        photos: list[Bytes] = []
        layouts: list[Bytes] = []
        with progress_bar("reading photographs") as progress:
            for row in rows:
                photos.append(View(root / row["source"], "rgb", fit=SIZE).decode())
                layout = View(root / row["layout"], f"labels:{len(NAMES)}", fit=SIZE)
                layouts.append(layout.decode())
                progress(len(photos), len(rows))
        return Examples(
            *(torch.from_numpy(np.stack(one)).permute(0, 3, 1, 2) for one in (photos, layouts))
        )

    def __len__(self) -> int:
        return len(self.photos)


def build() -> nn.Module:
    """The judge, untrained: ``(N, 3, H, W)`` in [-1, 1] -> logits ``(N, 15, H, W)``."""
    return NETWORK.build(3, len(NAMES))


def appoint(examples: Examples, cache: Path, steps: int = STEPS, seed: int = SEED) -> nn.Module:
    """The judge, trained on real photographs, or read from a folder where it was kept."""
    settings = [repr(NETWORK), SIZE, BATCH, RATE, DECAY, WORN, repr(movement()), steps, seed]
    mark = fingerprint(settings, examples.photos.numpy(), examples.layouts.numpy())
    kept = cache / f"parser-{mark}.safetensors"
    return trained_once(kept, build, lambda: train(examples, steps, seed))


def train(examples: Examples, steps: int, seed: int) -> nn.Module:
    """Muon at a rate that falls to zero on a cosine."""
    torch.manual_seed(seed)
    # The stubs of `to` know layouts for tensors alone.
    judge: nn.Module = build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = Muon(judge.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    average = MovingAverage(judge, DECAY)
    often, moved = frequencies(examples.layouts), movement()
    with progress_bar("training the judge") as progress:
        for step in range(steps):
            chosen = torch.multinomial(often, BATCH, replacement=True)
            photos, layouts = moved(
                examples.photos[chosen].float() / 255, examples.layouts[chosen].float()
            )
            layouts = layouts.long()
            with torch.autocast("cpu", torch.bfloat16):
                shown = to_network(photos).contiguous(memory_format=torch.channels_last)
                logits = judge(shown)
            logits = logits.float()
            loss = cross_entropy(logits, layouts) + dice(logits.softmax(dim=1), layouts)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            average.update(judge, step)
            progress(step + 1, steps)
    # As the file keeps them.
    return average.module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def frequencies(layouts: Tensor) -> Tensor:
    """How often each photograph is shown, ``(N, 1, H, W)`` -> ``(N,)``.

    By the root of how rare its rarest lower garment is: 1 where everybody wears it.
    """
    worn = torch.stack(
        [(layouts == NAMES.index(name)).float().mean(dim=(1, 2, 3)) > WORN for name in LOWER], dim=1
    ).float()
    rare = worn.mean(dim=0).clamp_min(1 / len(layouts)).rsqrt()
    return (worn * rare).amax(dim=1).clamp_min(1)


def movement() -> nn.Module:
    """Moves photographs and layouts alike, and changes the colors of the photographs."""
    from kornia import augmentation as augmentations
    from kornia.constants import DataKey, Resample

    return augmentations.AugmentationSequential(
        augmentations.RandomHorizontalFlip(p=0.5),
        augmentations.RandomAffine(
            degrees=7, translate=(0.08, 0.08), scale=(0.9, 1.3), padding_mode="border", p=1.0
        ),
        augmentations.ColorJitter(brightness=0.3, saturation=0.5, hue=0.03, p=1.0),
        data_keys=["input", "mask"],
        extra_args={DataKey.MASK: {"resample": Resample.NEAREST, "align_corners": None}},
    )


@torch.no_grad()
def layout_of(judge: nn.Module, photo: Bytes) -> Bytes:
    """The layout ``(H, W)`` that the judge finds in a photograph ``(H, W, 3)`` of any size.

    It looks at the photograph and at its mirror image, and means both.
    """
    shown = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255
    shown = to_network(functional.interpolate(shown, SIZE, mode="bilinear", antialias=True))
    chances = judge(shown).softmax(dim=1) + judge(shown.flip(-1)).softmax(dim=1).flip(-1)
    found = functional.interpolate(chances, photo.shape[:2], mode="bilinear").argmax(dim=1)
    return found[0].numpy().astype(np.uint8)
