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


def groups(thumbs: NDArray[np.uint8]) -> list[list[int]]:
    """Places of pictures ``(N, 8, 9)`` that are nearly the same, two or more together."""
    flat = thumbs.reshape(len(thumbs), -1)
    # Equal ones are taken together first: a folder of copies has too many pairs to go through.
    _, first, equal = np.unique(flat, axis=0, return_index=True, return_inverse=True)
    flat = flat[first].astype(np.int16)
    found = hashes(thumbs[first])
    leader = list(range(len(first)))

    def lead(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    words = found[:, None].view(np.uint16)
    for word in words.T:
        order = np.argsort(word, kind="stable")
        starts = np.flatnonzero(np.diff(word[order].astype(np.int32), prepend=-1))
        for bucket in np.split(order, starts[1:]):
            for one, other in within(bucket, found):
                near = lead(one) != lead(other)
                if near and np.abs(flat[one] - flat[other]).mean() <= MOST_LEVELS:
                    leader[lead(other)] = lead(one)
    together: dict[int, list[int]] = {}
    for place, own in enumerate(equal.reshape(-1).tolist()):
        together.setdefault(lead(own), []).append(place)
    return [places for places in together.values() if len(places) > 1]


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
    for group in groups(np.stack([thumbs[file] for file in files])):
        alike = [files[place] for place in group]
        held = [file for file in alike if any(splits[p] == HELD_OUT for p in entries[file])]
        # The first is kept, and of held-out and training pictures those that are held out.
        kept = (held or alike)[0]
        for file in alike:
            what = f"is nearly the same picture as {kept}"
            if held and file not in held:
                what += ", which is held out"
                todo = "take it out of the training pictures: it makes validation look too good"
                errors.append(Finding("duplicate", "error", what, todo, file, tuple(entries[file])))
            elif file != kept:
                todo = "keep one of them"
                warnings.append(
                    Finding("duplicate", "warning", what, todo, file, tuple(entries[file]))
                )
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
