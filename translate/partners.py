"""Which pictures of several folders belong together.

Those of one name. Data sets for restoration name the two sides of a pair apart, though: 0801x4.png
belongs to 0801.png, and rainy-12.png to clean-12.png. Where no name stands in all folders, what all
names of a folder begin or end with is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

Picture = TypeVar("Picture")

MOST = 0.9
"""Share of each folder's pictures that need partners: of unpaired ones a few are named alike by
chance."""


def partners(views: Mapping[str, Mapping[str, Picture]]) -> dict[str, dict[str, Picture]]:
    """The pictures of each view by the names that they share with their partners.

    Args:
        views: name -> picture, by view.

    Returns:
        The same as given where any name stands in every view, or where no other names would bring
        nearly all of them together.
    """
    given = {view: dict(pictures) for view, pictures in views.items()}
    if len(given) < 2 or shared(given.values()):
        return given
    bare = {view: untagged(pictures) for view, pictures in given.items()}
    together = len(shared(bare.values()))
    enough = all(together >= MOST * len(pictures) for pictures in bare.values())
    return bare if enough else given


def shared(views: Iterable[Mapping[str, Picture]]) -> set[str]:
    """The names that stand in every view."""
    return set.intersection(*(set(pictures) for pictures in views))


def untagged(pictures: Mapping[str, Picture]) -> dict[str, Picture]:
    """Without what all names end with, and then begin with; every name stays another one."""
    names = list(pictures)
    tail = common_tail(names)
    names = [name[: len(name) - tail] for name in names]
    head = common_head(names)
    return dict(zip((name[head:] for name in names), pictures.values(), strict=True))


def common_tail(names: Sequence[str]) -> int:
    """Length of the longest tag that all names end with, and that leaves something of each."""
    lengths = range(alike([name[:0:-1] for name in names]), 0, -1)
    return next((one for one in lengths if all(meet(name, len(name) - one) for name in names)), 0)


def common_head(names: Sequence[str]) -> int:
    """Length of the longest tag that all names begin with, and that leaves something of each."""
    lengths = range(alike([name[:-1] for name in names]), 0, -1)
    return next((one for one in lengths if all(meet(name, one) for name in names)), 0)


def alike(texts: Sequence[str]) -> int:
    """How many characters all texts begin with alike."""
    # Of texts in order, the first and the last differ soonest.
    first, last = min(texts), max(texts)
    pairs = enumerate(zip(first, last, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(first), len(last)))


def meet(name: str, at: int) -> bool:
    """Whether a tag and a name can meet before a character: never within a word or a number."""
    before, after = name[at - 1], name[at]
    return not (before.isalnum() and after.isalnum()) or before.isdigit() != after.isdigit()
