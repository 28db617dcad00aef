"""What the two sides of pairs are called by other tools, in the order in which they are looked for.

Longer names are taken in capitals or not: ``LQ`` and ``GT``, as in data sets for restoration,
``input`` and ``output``, ``images`` and ``masks``, ``trainA`` and ``trainB`` of CycleGAN.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from translate.pairs import DataError, folders_in

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


def view_folders(folder: Path) -> dict[str, Path]:
    """The folders that may be views, by name: those inside, or, as pix2pix has them, A/train and
    B/train for train/A and train/B.
    """
    if folder.is_dir():
        return {path.name: path for path in folders_in(folder)}
    beside = folders_in(folder.parent) if folder.parent.is_dir() else []
    return {path.name: path / folder.name for path in beside if (path / folder.name).is_dir()}


def view_folder(folder: Path, view: str) -> Path:
    """The folder of a view: of its own name, or of one that stands for its side elsewhere."""
    there = view_folders(folder)
    if not (there or folder.is_dir()):
        raise DataError(
            f"{folder}: no such folder; the paths of a recipe begin in data.root, seen from where "
            "the command is called: call it from there, or name the root by --data DIR"
        )
    found = name_of(view, there)
    if found is None:
        also = f" (or, as elsewhere, {', '.join(SIDES[view][1:])})" if view in SIDES else ""
        raise DataError(
            f"{folder / view}: no such folder; expected a folder of pictures called {view!r}{also}"
        )
    return there[found]
