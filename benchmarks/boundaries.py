"""How well edges agree: the boundary benchmark of BSDS500, on edges found in pictures.

Edges are found by the measure that traces sketches from photos (`stacks.tables.sketch_pairs`),
kept above a threshold and thinned to lines of one pixel. A found pixel is right where a given one
lies within the tolerance, and each given pixel answers for one found pixel only (Martin, Fowlkes
and Malik 2004, IEEE TPAMI 26(5), section 3). Precision is the share of the found pixels that are
right, recall the share of the given ones that are found, and F their harmonic mean, at the one
threshold that is best for the whole set (Arbelaez et al. 2011, IEEE TPAMI 33(5), section 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyvips
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import KDTree
from skimage.morphology import thin

from benchmarks.toys.hands import Bytes
from stacks.tables.sketch_pairs import edges_of

Mask = NDArray[np.bool_]
TOLERANCE = 0.0075
"""Of a pixel's place, as a share of the picture's diagonal: that of BSDS500, 4.3 pixels of its
pictures."""
THRESHOLDS = tuple(step / 10 for step in range(1, 10))
"""Of the strength of found edges."""
GIVEN = 0.3
"""Of the strength of given ones: what two or more of BSDS500's four to nine people drew."""


@dataclass(frozen=True)
class Agreement:
    """Edge pixels of one picture or of many: how many are given, found, and both."""

    given: int = 0
    found: int = 0
    matched: int = 0

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(
            self.given + other.given, self.found + other.found, self.matched + other.matched
        )

    @property
    def precision(self) -> float:
        """Share of the found pixels that are given; 0 where none is found."""
        return self.matched / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of the given pixels that are found; 0 where none is given."""
        return self.matched / self.given if self.given else 0.0

    @property
    def f_measure(self) -> float:
        """Harmonic mean of precision and recall, which is 2 matched / (found + given)."""
        total = self.found + self.given
        return 2 * self.matched / total if total else 0.0


def lines(strengths: Bytes, threshold: float) -> Mask:
    """Lines of one pixel where the strength, 0 to 255, is at least a share: ``(H, W)``."""
    return thin(strengths >= threshold * 255)


def match(found: Mask, given: Mask, tolerance: float) -> int:
    """The most pairs of a found pixel and a given one within the tolerance, no pixel in two.

    Args:
        found, given: ``(H, W)``.
        tolerance: largest distance in pixels.
    """
    places = [KDTree(np.argwhere(mask)) for mask in (found, given)]
    near = places[0].sparse_distance_matrix(places[1], tolerance, output_type="ndarray")
    shape = (places[0].n, places[1].n)
    # Of ones, as a distance of zero would be no entry.
    graph = coo_matrix((np.ones(len(near), np.int8), (near["i"], near["j"])), shape).tocsr()
    return int((maximum_bipartite_matching(graph) >= 0).sum())


def agreements(photo: Bytes, sketch: Bytes) -> list[Agreement]:
    """Of a photo ``(H, W, 3)`` with the sketch ``(H, W, 1)`` it should follow, by threshold."""
    given = lines(sketch[..., 0], GIVEN)
    strengths = edges_of(pyvips.Image.new_from_array(photo))
    tolerance = TOLERANCE * float(np.hypot(*given.shape))
    found = [lines(strengths, threshold) for threshold in THRESHOLDS]
    return [
        Agreement(int(given.sum()), int(mask.sum()), match(mask, given, tolerance))
        for mask in found
    ]


def best(pictures: Sequence[Sequence[Agreement]]) -> dict[str, float]:
    """Precision, recall and F over all pictures, at the threshold where F is highest."""
    totals = [sum(column, Agreement()) for column in zip(*pictures, strict=True)]
    place = max(range(len(totals)), key=lambda index: totals[index].f_measure)
    return {
        "precision": totals[place].precision,
        "recall": totals[place].recall,
        "f_measure": totals[place].f_measure,
        "threshold": THRESHOLDS[place],
    }
