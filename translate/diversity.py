"""How much the pictures of a set differ, by MS-SSIM between random pairs of them.

Odena et al. 2017 (arXiv 1610.09585, section 4.1): the mean multi-scale structural similarity of
pairs of samples of one class. Lower is more diverse; samples that are much more alike than the
real pictures of the class tell of a collapse. The number depends on the size of the pictures, so
samples and real pictures are compared at the same one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from translate.losses.structure import ms_ssim

PAIRS = 100
"""Of a class, as in the paper."""


def diversity(groups: Sequence[Tensor], pairs: int = PAIRS, seed: int = 0) -> float:
    """Mean MS-SSIM of random pairs within groups: 1 for copies, near 0 for unrelated pictures.

    Args:
        groups: of each class ``(N, C, H, W)`` in [0, 1]; a single one where there are no classes.
        pairs: of each group, of two different items.
        seed: of the draw.

    Raises:
        ValueError: no group, one of fewer than two pictures, or of less than 11x11 pixels.
    """
    if not groups:
        raise ValueError("diversity is of one group of pictures or more; got none")
    random = np.random.default_rng(seed)
    means = [
        pair_similarities(pictures, draw_pairs(len(pictures), pairs, random)).mean()
        for pictures in groups
    ]
    return float(torch.stack(means).mean())


def likeness(pictures: Sequence[Tensor], pairs: int = PAIRS) -> float:
    """Mean MS-SSIM of random pairs of many pictures ``(C, H, W)`` in 8 bits, all of one size.

    Only what is in a pair is made floats: of all pictures they would fill the memory.
    """
    drawn = draw_pairs(len(pictures), pairs, np.random.default_rng(0))
    together = torch.stack([pictures[place] for pair in drawn for place in pair]).float() / 255
    return float(
        pair_similarities(together, [(2 * pair, 2 * pair + 1) for pair in range(pairs)]).mean()
    )


def draw_pairs(count: int, pairs: int, random: np.random.Generator) -> list[tuple[int, int]]:
    """Positions of two different items of ``count``, so many times.

    Raises:
        ValueError: there are fewer than two.
    """
    if count < 2:
        raise ValueError(f"a pair needs two pictures of a group; got {count}")
    firsts = random.integers(count, size=pairs)
    # A step of at least one around the circle never ends where it began.
    seconds = (firsts + random.integers(1, count, size=pairs)) % count
    return list(zip(firsts.tolist(), seconds.tolist(), strict=True))


def pair_similarities(pictures: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """MS-SSIM of each pair: ``(N, C, H, W)`` in [0, 1] -> ``(pairs,)``.

    Raises:
        ValueError: a side is shorter than the window.
    """
    firsts, seconds = (list(side) for side in zip(*pairs, strict=True))
    return ms_ssim(pictures[firsts].float(), pictures[seconds].float())
