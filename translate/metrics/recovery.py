"""Label recovery: a network that reads pictures finds in a result what it was made from.

The "FCN-score" of Isola et al. 2017, arXiv 1611.07004, section 4.1 (Zhang et al. 2016 before it):
labels are made a photograph, a network trained on real photographs labels it, and both label maps
are compared by the three numbers of Long et al. 2015, arXiv 1411.4038, section 5.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix


class Recovery:
    """Counts of labels, filled picture by picture.

    Args:
        classes: how many labels there are.
    """

    def __init__(self, classes: int) -> None:
        self.counts = torch.zeros(classes, classes, dtype=torch.long)
        """``[true, found]``."""

    def add(self, found: Tensor, truth: Tensor) -> None:
        """Count labels, of any equal shape, ids from 0.

        Raises:
            ValueError: the shapes differ, or an id is out of range.
        """
        classes = len(self.counts)
        if found.shape != truth.shape:
            raise ValueError(f"labels of {tuple(found.shape)}, truth of {tuple(truth.shape)}")
        for name, ids in (("found", found), ("true", truth)):
            if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < classes:
                raise ValueError(
                    f"{name} labels reach from {int(ids.min())} to {int(ids.max())}; "
                    f"expected 0..{classes - 1}"
                )
        self.counts += multiclass_confusion_matrix(
            found.flatten().long(), truth.flatten().long(), classes, validate_args=False
        )

    def measures(self) -> dict[str, float]:
        """Accuracy over all pixels, its mean over classes, and the mean intersection over union.

        Means are over classes that the truth holds.

        Raises:
            ValueError: nothing was counted.
        """
        if not int(self.counts.sum()):
            raise ValueError("label recovery: no labels were counted")
        counts = self.counts.double()
        right, true, found = counts.diagonal(), counts.sum(dim=1), counts.sum(dim=0)
        there = true > 0
        accuracy = right[there] / true[there]
        union = right[there] / (true + found - right)[there]
        return {
            "pixel_accuracy": float(right.sum() / counts.sum()),
            "class_accuracy": float(accuracy.mean()),
            "class_iou": float(union.mean()),
        }
