"""A set of results beside the set of their targets, through a network: FID, KID and the others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from translate.diversity import PAIRS, likeness
from translate.features.network import FeatureNetwork, fit
from translate.metrics.frechet import frechet_distance
from translate.metrics.inception_score import SPLITS, inception_score
from translate.metrics.kernel import kernel_distance
from translate.metrics.manifold import NEIGHBORS, precision_recall
from translate.pixels import to_batch, to_bytes, to_floats

Picture = NDArray[np.float32]
BATCH = 16
"""Pictures that go through the network together."""
PAIR_SIDE = 128
"""Pixels that pictures are brought to for MS-SSIM between them, as in Odena et al. 2017."""


class Distribution:
    """What a network sees of results and of their targets, gathered picture by picture."""

    def __init__(self, network: FeatureNetwork) -> None:
        self.network = network
        self.results, self.targets = Side(network), Side(network)

    def observe(
        self, views: Mapping[str, Any], result: Picture, target: Picture
    ) -> dict[str, float]:
        """Take a result and its target ``(H, W, C)`` in [0, 1]; of one picture nothing is told."""
        del views
        self.results.add(result)
        self.targets.add(target)
        return {}

    def report(self) -> dict[str, Any]:
        """Every measure, with the network and the protocol it holds for.

        Raises:
            ValueError: fewer pictures than precision and recall need, or features not finite.
        """
        results, targets = self.results.seen(), self.targets.seen()
        count, width = results[0].shape
        if count <= NEIGHBORS:
            raise ValueError(
                f"--features: measures of sets need {NEIGHBORS + 1} pictures or more; got {count}"
            )
        kernel = kernel_distance(targets[0], results[0])
        precision, recall = precision_recall(targets[0], results[0])
        measures = {
            "fid": frechet_distance(targets[0], results[0]),
            "kid": kernel.mean,
            "kid_deviation": kernel.deviation,
            "precision": precision,
            "recall": recall,
        }
        if results[1] is not None and targets[1] is not None:
            score, deviation = inception_score(results[1])
            same = results[1].argmax(dim=1) == targets[1].argmax(dim=1)
            measures |= {
                "inception_score": score,
                "inception_score_deviation": deviation,
                "inception_score_of_targets": inception_score(targets[1])[0],
                "class_agreement": float(same.double().mean()),
            }
        measures |= {
            "pair_ms_ssim": self.results.likeness(),
            "pair_ms_ssim_of_targets": self.targets.likeness(),
        }
        remarks = []
        if count <= width:
            remarks.append(
                f"{count} pictures for {width} features: the FID is far above what more pictures "
                "give; trust the KID"
            )
        return {
            "network": {**self.network.identity.describe(), "features": width},
            "images": {
                "results": count,
                "targets": len(targets[0]),
                "targets_sha256": self.targets.digest.hexdigest()[:16],
            },
            "protocol": {
                "rounded": "8 bits",
                "kid": {"subsets": kernel.subsets, "size": kernel.size},
                "neighbors": NEIGHBORS,
                "inception_score_splits": min(SPLITS, count),
                "pair_ms_ssim": {"pairs": PAIRS, "side": PAIR_SIDE, "windows": "inside"},
            },
            "measures": measures,
            "remarks": remarks,
        }


class Side:
    """The pictures of one set: what the network sees of them, and small copies."""

    def __init__(self, network: FeatureNetwork) -> None:
        self.network = network
        self.waiting: list[Tensor] = []
        self.features: list[Tensor] = []
        self.logits: list[Tensor] = []
        self.small: list[Tensor] = []
        self.digest = hashlib.sha256()

    def add(self, picture: Picture) -> None:
        """Take one picture ``(H, W, C)`` in [0, 1], rounded to 8 bits as a file of it would be."""
        pixels = to_bytes(picture)
        self.digest.update(str(pixels.shape).encode() + pixels.tobytes())
        rounded = to_batch([to_floats(pixels)])
        self.waiting.append(fit(rounded, self.network.identity.side))
        self.small.append((fit(rounded, PAIR_SIDE) * 255).round().clamp(0, 255).byte())
        if len(self.waiting) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Show the network what waits."""
        if not self.waiting:
            return
        seen = self.network.see(torch.cat(self.waiting))
        self.waiting.clear()
        self.features.append(seen.features)
        if seen.logits is not None:
            self.logits.append(seen.logits)

    def seen(self) -> tuple[Tensor, Tensor | None]:
        """Features ``(N, D)`` and logits ``(N, K)`` of all pictures."""
        self.flush()
        return torch.cat(self.features), torch.cat(self.logits) if self.logits else None

    def likeness(self) -> float:
        """Mean MS-SSIM of random pairs, as `translate.diversity`."""
        return likeness([picture[0] for picture in self.small])
