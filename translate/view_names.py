"""What the two sides of pairs are called by other tools, in the order in which they are looked for.

Longer names are taken in capitals or not: ``LQ`` and ``GT``, as in data sets for restoration,
``input`` and ``output``, ``images`` and ``masks``, ``trainA`` and ``trainB`` of CycleGAN.
"""

from __future__ import annotations

from collections.abc import Iterable

SIDES = {
    "source": (
        "source", "A", "input", "inputs", "lq", "lr", "noisy", "image", "images", "trainA",
    ),
    "target": (
        "target", "B", "output", "outputs", "gt", "hr", "clean", "mask", "masks", "trainB",
    ),
}  # fmt: skip


def name_of(view: str, there: Iterable[str]) -> str | None:
    """The one of the names that are there which stands for a view: its own, or one for its side."""
    names = sorted(there)
    for known in SIDES.get(view, (view,)):
        for name in names:
            if name == known or (len(known) > 1 and name.lower() == known.lower()):
                return name
    return None
