"""Left and right in names: joints, labels and classes that a mirrored picture shows swapped."""

from __future__ import annotations

import re
from collections.abc import Sequence

OTHER = {"left": "right", "right": "left"}
# A word of its own, as in left_arm, Left-arm and LEFT ARM, or one that a capital tells apart, as in
# leftArm and armLeft: bright has no side. The runtime, which knows nothing of this package, looks
# for the same (`export.runtime.ensemble`).
SIDE = re.compile(
    r"(?<![A-Za-z])(?:left|right)(?![a-z])"
    r"|(?<![A-Za-z])(?:LEFT|RIGHT)(?![A-Za-z])"
    r"|(?:Left|Right)(?![a-z])"
)


def opposite(name: str) -> str:
    """What is called so on the other side; of what has no side, the name itself."""
    return SIDE.sub(_other, name)


def swapped(names: Sequence[str]) -> tuple[int, ...]:
    """Of each name, the number of the one that stands for it in a mirrored picture.

    One without a partner stands for itself.
    """
    numbers = {name: number for number, name in enumerate(names)}
    return tuple(numbers.get(opposite(name), number) for number, name in enumerate(names))


def _other(found: re.Match[str]) -> str:
    word = found[0]
    other = OTHER[word.lower()]
    return other.upper() if word.isupper() else other.title() if word[0].isupper() else other
