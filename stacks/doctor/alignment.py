"""Whether the views of a pair lie on each other, and by how many pixels they do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stacks.doctor.findings import Finding

Plane = NDArray[np.float32]
LARGEST = 1024
"""Longer sides are reduced to this first."""
LEAST_SHIFT = 2.0
"""Pixels; less may come from the way a picture was reduced."""
LEAST_GAIN = 0.1
"""By which the outlines must agree better where the peak says than where they lie."""
LEAST_AGREEMENT = 0.3
"""Correlation of outlines that do show the same thing."""
LEAST_PEAK = (0.15, 0.35)
"""Share of the correlation that lies in the peak, between these; 30 over the side of the picture:
chance alone reaches 0.30 at 64 pixels, 0.24 at 128 and 0.18 at 224."""
MOST_SHIFT = 0.25
"""Of the side: what lies further off has little to show that it is the same thing."""
USUAL = 0.5
"""Above this share of pairs that do not align, the data set is one of pairs that need not."""


@dataclass(frozen=True, slots=True)
class Shift:
    """The second view lies ``across`` pixels to the right of the first and ``down`` below it.

    ``here`` and ``there`` are the correlations of the outlines, -1 to 1, where they lie and moved
    by the shift; ``peak`` is the share of the phase correlation that speaks for the shift, and
    ``side`` the shorter side of the picture.
    """

    across: float
    down: float
    here: float
    there: float
    peak: float
    side: int

    @property
    def off(self) -> bool:
        """Whether the pair is sure to be out of alignment."""
        far = max(abs(self.across), abs(self.down))
        better = self.there >= max(LEAST_AGREEMENT, self.here + LEAST_GAIN)
        plausible = LEAST_SHIFT <= far <= MOST_SHIFT * self.side
        low, high = LEAST_PEAK
        clear = self.peak >= min(max(30 / self.side, low), high)
        return plausible and better and clear


def edges(luma: NDArray[np.uint8]) -> Plane:
    """Strength of the edges ``(H, W)`` of a picture ``(H, W)``, which survive a change of color."""
    plane = np.asarray(luma, np.float32)
    across = cv2.Sobel(plane, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(plane, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def label_edges(labels: NDArray[np.integer]) -> Plane:
    """1 where the label changes, ``(H, W)``."""
    plane = np.zeros(labels.shape, np.float32)
    plane[:, 1:] = labels[:, 1:] != labels[:, :-1]
    plane[1:] = np.maximum(plane[1:], labels[1:] != labels[:-1])
    return plane


def shift_between(first: Plane, second: Plane) -> Shift | None:
    """How the second outlines ``(H, W)`` lie to the first, by phase correlation.

    Kuglin and Hines 1975; the peak to a fraction of a pixel by its center of mass, as OpenCV
    finds it. None of pictures without outlines.
    """
    side = min(first.shape)
    scale = min(1.0, LARGEST / max(first.shape))
    if scale < 1:
        size = (max(1, round(first.shape[1] * scale)), max(1, round(first.shape[0] * scale)))
        first, second = (
            np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
            for plane in (first, second)
        )
    if min(first.shape) < 16 or not first.std() or not second.std():
        return None
    # A line one pixel wide would only agree with itself.
    first, second = (
        np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.0), np.float32) for plane in (first, second)
    )
    window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F)
    (across, down), peak = cv2.phaseCorrelate(first - first.mean(), second - second.mean(), window)
    here = agreement(first, second, 0, 0)
    there = agreement(first, second, round(across), round(down))
    return Shift(across / scale, down / scale, here, there, peak, side)


def agreement(first: Plane, second: Plane, across: int, down: int) -> float:
    """Correlation of the outlines where they overlap, the second moved back by the shift; 0 where
    less than half of them does.
    """
    height, width = first.shape
    if abs(across) > width // 2 or abs(down) > height // 2:
        return 0.0
    one = first[max(0, -down) : height - max(0, down), max(0, -across) : width - max(0, across)]
    other = second[max(0, down) : height + min(0, down), max(0, across) : width + min(0, across)]
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / scale if scale else 0.0


def check_alignment(
    off: Mapping[int, Shift], compared: int, files: Mapping[int, str]
) -> list[Finding]:
    """Pairs that are out of alignment.

    Where most are, the views need not align, as a person in another pose does not, and that is
    said once.

    Args:
        off: of the entries that are off, by their places.
        compared: entries that were looked at.
        files: by place, of those that are off.
    """
    if compared > 1 and len(off) > USUAL * compared:
        across = float(np.median([shift.across for shift in off.values()]))
        down = float(np.median([shift.down for shift in off.values()]))
        what = (
            f"{len(off)} of {compared} pairs are out of alignment, in the median by {across:+.1f} "
            f"pixels across and {down:+.1f} down"
        )
        todo = "right for views of different poses; otherwise move one view of all of them back"
        return [Finding("alignment", "warning", what, todo)]
    return [
        Finding(
            "alignment",
            "error",
            f"the views are out of alignment, by {shift.across:+.1f} pixels across and "
            f"{shift.down:+.1f} down",
            "move one view back, or leave the pair out",
            files[place],
            (place,),
        )
        for place, shift in off.items()
    ]
