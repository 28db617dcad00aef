"""Whose hand is it? People told apart by the colors of hand and background and the hand's area."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab
from skimage.filters import threshold_otsu
from skimage.measure import label

from benchmarks.toys.hands import Bytes

Floats = NDArray[np.float64]
FEATURES = 7
FLOOR = 1e-6
"""Least deviation that is divided by, so that what never varies does not decide."""


def hand_mask(lab: Floats) -> NDArray[np.bool_]:
    """Where the hand is in a picture in CIE Lab, ``(H, W, 3)`` -> ``(H, W)``.

    The distance of each pixel's a and b from their medians along the border, parted in two by
    Otsu's threshold (1979), and of what lies above it the largest connected piece. L is left out:
    the light falls off towards the corners by more than skin differs from the wall.
    """
    hue = lab[..., 1:]
    border = np.concatenate([hue[0], hue[-1], hue[:, 0], hue[:, -1]])
    distance = np.linalg.norm(hue - np.median(border, axis=0), axis=2)
    pieces = np.asarray(label(distance > threshold_otsu(distance)))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return (pieces == sizes.argmax()) & (pieces > 0)


def appearance(picture: Bytes) -> Floats:
    """``(H, W, 3)`` -> mean Lab of the hand, mean Lab of the rest, share of the area: ``(7,)``.

    Where no hand is found, the whole picture's mean stands for its color.
    """
    lab = np.asarray(rgb2lab(picture), np.float64)
    hand = hand_mask(lab)
    color = lab[hand] if hand.any() else lab.reshape(-1, 3)
    return np.array([*color.mean(axis=0), *lab[~hand].mean(axis=0), hand.mean()])


def appearances(people: Bytes) -> Floats:
    """Of the photographs ``(P, G, H, W, 3)`` of people in each gesture: ``(P, G, 7)``."""
    return np.array([[appearance(photo) for photo in own] for own in people])


def among_people(features: Floats) -> Floats:
    """Scales by which features become z-scores over people: ``(P, G, 7)`` -> ``(G, 7, 7)``."""
    return np.stack([np.diag(1 / one) for one in np.maximum(features.std(axis=0), FLOOR)])


def within_person(features: Floats) -> Floats:
    """Scales by which one person's photographs vary alike in every direction.

    ``(P, G, 7)`` -> ``(7, 7)``. What is left of the features without the means of gesture and of
    person is the noise between two photographs of one hand; the distance after scaling is that of
    Mahalanobis with its covariance, which counts most what tells people apart.
    """
    noise = features - features.mean(axis=0)
    noise = (noise - noise.mean(axis=1, keepdims=True)).reshape(-1, features.shape[2])
    variances, axes = np.linalg.eigh(noise.T @ noise / len(noise))
    return axes.T / np.sqrt(np.maximum(variances, FLOOR**2))[:, None]


def nearest(features: Floats, people: Floats, scales: Floats) -> int:
    """Which of the people ``(P, 7)`` is nearest to a picture's features ``(7,)``, once scaled."""
    return int(np.linalg.norm((people - features) @ scales.T, axis=1).argmin())
