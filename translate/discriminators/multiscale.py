"""Patch discriminators at several scales (Wang et al. 2018, pix2pixHD, arXiv 1711.11585, sec. 3.2).

The same network, with weights of its own, on the picture and on its averages over 2x2, 4x4 ...
pixels: the coarsest sees how a picture hangs together, the finest its detail.

The adversarial loss is summed over the scales, as in equation 3. Feature matching (equation 4) is a
mean over all layers of all scales in place of the paper's sum: a weight of w here is one of
``w / (scales * (layers + 1))`` in equation 5. The paper's 10 would be 120 with three scales of four
layers each; its code, which divides by the number of scales, has what is 40 here, and 20
beside ``lsgan``, which is halved.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from translate.discriminators.patch import Patch, PatchSpec
from translate.discriminators.registry import DISCRIMINATORS, Verdict
from translate.tables import require


@DISCRIMINATORS.register("multiscale")
@dataclass(frozen=True)
class MultiscaleSpec(PatchSpec):
    """``scales`` discriminators of kind "patch", at falling sizes of the picture.

    A logit of the last one sees 2^(scales - 1) times as many pixels a side as ``layers`` tells.
    """

    scales: int = 3
    """Discriminators: the first sees the picture as it is, each further one at half the sides of
    the one before."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(1 <= self.scales <= 6, "scales", self.scales, "1 to 6")

    def build(self, reads: int) -> nn.Module:
        """The module for pictures of ``reads`` channels, condition included."""
        return Multiscale(self, reads)


class Multiscale(nn.Module):
    """See `MultiscaleSpec`."""

    def __init__(self, spec: MultiscaleSpec, reads: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(Patch(spec, reads) for _ in range(spec.scales))

    def forward(self, picture: Tensor) -> Verdict:
        """``(N, reads, H, W)`` -> a map of logits for each scale, the finest first.

        The features are those of the finest scale's layers, then of the next, and so on.
        """
        logits: list[Tensor] = []
        features: list[Tensor] = []
        for index, scale in enumerate(self.scales):
            if index:
                picture = functional.avg_pool2d(picture, 2)
            verdict = scale(picture)
            logits += verdict.logits
            features += verdict.features
        return Verdict(tuple(logits), tuple(features))
