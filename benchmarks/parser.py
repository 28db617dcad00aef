"""The judge of fashion results: a parser of layouts that has seen real photographs only.

It shares neither weights nor architecture with the parser of the stack that it judges: a residual
U-Net without normalization, on smaller pictures, from another seed.
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
from stacks.tables.fashion import NAMES
from translate.generators.unet import UNetSpec
from translate.losses.labels import cross_entropy, dice
from translate.pairs import View
from translate.pixels import to_network

Bytes = NDArray[np.uint8]
SIZE = (192, 128)
NETWORK = UNetSpec(widths=(32, 48, 64, 96), blocks=1, unfold=2)
BATCH, STEPS, RATE, SEED = 8, 1500, 2e-3, 1000


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
    settings = [repr(NETWORK), SIZE, BATCH, RATE, steps, seed]
    mark = fingerprint(settings, examples.photos.numpy(), examples.layouts.numpy())
    kept = cache / f"parser-{mark}.safetensors"
    return trained_once(kept, build, lambda: train(examples, steps, seed))


def train(examples: Examples, steps: int, seed: int) -> nn.Module:
    """Adam at a rate that falls to zero on a cosine; pictures are mirrored by chance."""
    torch.manual_seed(seed)
    judge = build()
    optimizer = torch.optim.Adam(judge.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    with progress_bar("training the judge") as progress:
        for step in range(steps):
            chosen = torch.randint(len(examples), (BATCH,))
            photos = to_network(examples.photos[chosen].float() / 255)
            layouts = examples.layouts[chosen].long()
            if torch.rand(()) < 0.5:
                photos, layouts = photos.flip(-1), layouts.flip(-1)
            logits = judge(photos)
            loss = cross_entropy(logits, layouts) + dice(logits.softmax(dim=1), layouts)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            progress(step + 1, steps)
    return judge.eval()


@torch.no_grad()
def layout_of(judge: nn.Module, photo: Bytes) -> Bytes:
    """The layout ``(H, W)`` that the judge finds in a photograph ``(H, W, 3)`` of any size."""
    shown = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255
    shown = functional.interpolate(shown, SIZE, mode="bilinear", antialias=True)
    logits = functional.interpolate(judge(to_network(shown)), photo.shape[:2], mode="bilinear")
    return logits.argmax(dim=1)[0].numpy().astype(np.uint8)
