"""Pictures that stand twice, and above all once on each side of the split.

A difference hash (N. Krawetz, "Kind of Like That", 2013): each bit says whether a reduced picture
grows brighter to the right. Compression and small changes of size flip few of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stacks.doctor.findings import Finding, at_most
from stacks.doctor.subject import HELD_OUT

THUMB = (9, 8)
"""Width and height of the reduced picture: eight differences in each of eight rows."""
MOST_BITS = 3
"""Bits in which the hashes of duplicates differ. Of 64 bits in four words, one word is then equal,
by which candidates are found without comparing all with all."""
MOST_LEVELS = 3.0
"""Mean absolute difference of the reduced pictures, on 0..255: flat pictures share their hash."""
STEP = 2
"""Levels that count as brighter; less is noise."""
BLOCK = 1024


def hashes(thumbs: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The hash of each of ``(N, 8, 9)`` reduced pictures."""
    wide = thumbs.astype(np.int16)
    bits = wide[:, :, 1:] >= wide[:, :, :-1] + STEP
    return np.packbits(bits.reshape(len(thumbs), 64), axis=1).view(np.uint64)[:, 0]


def near_pairs(thumbs: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Places ``(i, j)``, i < j, of pictures that are nearly the same, each pair once."""
    found = hashes(thumbs)
    flat = thumbs.reshape(len(thumbs), -1).astype(np.int16)
    words = found[:, None].view(np.uint16)
    seen: set[tuple[int, int]] = set()
    for word in words.T:
        order = np.argsort(word, kind="stable")
        starts = np.flatnonzero(np.diff(word[order], prepend=-1))
        for bucket in np.split(order, starts[1:]):
            for one, other in within(bucket, found):
                if (one, other) not in seen:
                    seen.add((one, other))
                    if np.abs(flat[one] - flat[other]).mean() <= MOST_LEVELS:
                        yield one, other


def within(bucket: NDArray[np.intp], found: NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Pairs of a bucket whose hashes are near, a block of rows at a time to bound the memory."""
    own = found[bucket]
    for start in range(0, len(bucket), BLOCK):
        rows = own[start : start + BLOCK]
        near = np.bitwise_count(rows[:, None] ^ own[None, start:]) <= MOST_BITS
        for row, column in np.argwhere(near).tolist():
            if row < column:
                one, other = int(bucket[start + row]), int(bucket[start + column])
                yield min(one, other), max(one, other)


def check_duplicates(
    thumbs: Mapping[str, NDArray[np.uint8]],
    entries: Mapping[str, Sequence[int]],
    splits: Sequence[str],
) -> list[Finding]:
    """Pictures that stand twice: across the split an error of the one that is trained on.

    Args:
        thumbs: by file, the ``(8, 9)`` luma of the picture that its entries are known by.
        entries: by file, the places of its entries.
        splits: of the entries.
    """
    errors, warnings = leaks(entries, splits), []
    files = list(thumbs)
    if not files:
        return errors
    for one, other in near_pairs(np.stack([thumbs[file] for file in files])):
        pair = (files[one], files[other])
        held = [HELD_OUT in {splits[place] for place in entries[file]} for file in pair]
        # The later one goes, and of one held out and one trained on the latter.
        kept, extra = (pair[1], pair[0]) if held[1] and not held[0] else pair
        places = tuple(entries[extra])
        if held[0] != held[1]:
            what = f"is nearly the same picture as {kept}, which is held out"
            todo = "take it out of the training pictures: it makes validation look too good"
            errors.append(Finding("duplicate", "error", what, todo, extra, places))
        else:
            what, todo = f"is nearly the same picture as {kept}", "keep one of them"
            warnings.append(Finding("duplicate", "warning", what, todo, extra, places))
    return errors + at_most(warnings, "pictures that stand more than once in a split")


def leaks(entries: Mapping[str, Sequence[int]], splits: Sequence[str]) -> list[Finding]:
    """Files that are both trained on and held out."""
    found = []
    for file, places in entries.items():
        trained = tuple(place for place in places if splits[place] != HELD_OUT)
        if trained and len(trained) < len(places):
            what, todo = "is trained on and held out", "name other pictures in validation.folder"
            found.append(Finding("duplicate", "error", what, todo, file, trained))
    return found
