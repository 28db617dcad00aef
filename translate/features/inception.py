"""Inception v3, read off its weights: the network of the FID, the KID and the Inception Score.

Szegedy et al. 2016, arXiv 1512.00567, table 1 and figures 5 to 7. There are two files of weights
with the same names in it:

- ``pt_inception-2015-12-05``, the TensorFlow network that all published numbers come from, turned
  over to PyTorch by pytorch-fid and torch-fidelity. It has 1008 outputs, its mean pooling leaves
  out the border, its last block has maximum pooling, and it reads ``(x - 128) / 128``.
- ``inception_v3_google``, torchvision's, with 1000 outputs and none of this.

Their numbers do not compare; the hash of the file in a report tells them apart.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from translate.features.network import Identity, Seen
from translate.features.weights import Weights, fingerprint

FILES = (
    "pt_inception-2015-12-05-6726825d.pth",
    "weights-inception-2015-12-05-6726825d.pth",
    "inception_v3_google-0cc3c7bd.pth",
)
"""As pytorch-fid, torch-fidelity and torchvision keep them in torch hub's cache."""
SOURCE = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILES[0]}"
SIDE = 299
TENSORFLOW_OUTPUTS = 1008
MARK = "Mixed_5b.branch1x1.conv.weight"
"""A tensor that no other network has."""


class Inception:
    """Features are the 2048 means of the last block.

    Raises:
        ValueError: the file holds something else.
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.published = len(weights["fc.weight"]) == TENSORFLOW_OUTPUTS
        name, pixels = (
            ("inception-2015-12-05", "[-1, 1)") if self.published else ("inception-v3", "[-1, 1]")
        )
        self.identity = Identity(name, fingerprint(weights.path), "last pooling", SIDE, pixels)

    @torch.inference_mode()
    def see(self, pictures: Tensor) -> Seen:
        """``(N, 3, 299, 299)`` in [0, 1] -> features and logits."""
        pictures = pictures.to(self.weights.device)
        if self.published:
            features = self.features((pictures * 255 - 128) / 128)
            # As the program of the Inception Score has it, without the bias.
            logits = functional.linear(features, self.weights["fc.weight"])
        else:
            features = self.features(pictures * 2 - 1)
            logits = functional.linear(features, self.weights["fc.weight"], self.weights["fc.bias"])
        return Seen(features.cpu(), logits.cpu())

    def features(self, values: Tensor) -> Tensor:
        """``(N, 3, H, W)`` as the network reads them -> ``(N, 2048)``."""
        values = self.convolve(values, "Conv2d_1a_3x3", stride=2, pad=False)
        values = self.convolve(values, "Conv2d_2a_3x3", pad=False)
        values = self.convolve(values, "Conv2d_2b_3x3")
        values = functional.max_pool2d(values, 3, 2)
        values = self.convolve(values, "Conv2d_3b_1x1")
        values = self.convolve(values, "Conv2d_4a_3x3", pad=False)
        values = functional.max_pool2d(values, 3, 2)
        for block in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
            values = self.small(values, block)
        values = self.halve_first(values, "Mixed_6a")
        for block in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
            values = self.long(values, block)
        values = self.halve_second(values, "Mixed_7a")
        values = self.wide(values, "Mixed_7b", self.mean(values))
        values = self.wide(values, "Mixed_7c", self.last_pooling(values))
        return values.mean(dim=(2, 3))

    def small(self, values: Tensor, block: str) -> Tensor:
        """Figure 5: 1x1, 5x5, two times 3x3, pooling."""
        return torch.cat(
            [
                self.chain(values, block, "branch1x1"),
                self.chain(values, block, "branch5x5_1", "branch5x5_2"),
                self.chain(values, block, *(f"branch3x3dbl_{index}" for index in (1, 2, 3))),
                self.chain(self.mean(values), block, "branch_pool"),
            ],
            dim=1,
        )

    def halve_first(self, values: Tensor, block: str) -> Tensor:
        """Figure 10, between 35x35 and 17x17."""
        twice = self.chain(values, block, "branch3x3dbl_1", "branch3x3dbl_2")
        return torch.cat(
            [
                self.convolve(values, f"{block}.branch3x3", stride=2, pad=False),
                self.convolve(twice, f"{block}.branch3x3dbl_3", stride=2, pad=False),
                functional.max_pool2d(values, 3, 2),
            ],
            dim=1,
        )

    def long(self, values: Tensor, block: str) -> Tensor:
        """Figure 6: 7x7 as 1x7 and 7x1."""
        return torch.cat(
            [
                self.chain(values, block, "branch1x1"),
                self.chain(values, block, *(f"branch7x7_{index}" for index in (1, 2, 3))),
                self.chain(values, block, *(f"branch7x7dbl_{index}" for index in (1, 2, 3, 4, 5))),
                self.chain(self.mean(values), block, "branch_pool"),
            ],
            dim=1,
        )

    def halve_second(self, values: Tensor, block: str) -> Tensor:
        """Between 17x17 and 8x8."""
        once = self.chain(values, block, "branch3x3_1")
        longer = self.chain(values, block, *(f"branch7x7x3_{index}" for index in (1, 2, 3)))
        return torch.cat(
            [
                self.convolve(once, f"{block}.branch3x3_2", stride=2, pad=False),
                self.convolve(longer, f"{block}.branch7x7x3_4", stride=2, pad=False),
                functional.max_pool2d(values, 3, 2),
            ],
            dim=1,
        )

    def wide(self, values: Tensor, block: str, pooled: Tensor) -> Tensor:
        """Figure 7: 3x3 as 1x3 beside 3x1."""
        once = self.chain(values, block, "branch3x3_1")
        twice = self.chain(values, block, "branch3x3dbl_1", "branch3x3dbl_2")
        return torch.cat(
            [
                self.chain(values, block, "branch1x1"),
                *(self.chain(once, block, f"branch3x3_2{half}") for half in "ab"),
                *(self.chain(twice, block, f"branch3x3dbl_3{half}") for half in "ab"),
                self.chain(pooled, block, "branch_pool"),
            ],
            dim=1,
        )

    def chain(self, values: Tensor, block: str, *names: str) -> Tensor:
        """One convolution behind another."""
        for name in names:
            values = self.convolve(values, f"{block}.{name}")
        return values

    def convolve(self, values: Tensor, name: str, stride: int = 1, pad: bool = True) -> Tensor:
        """Convolution, normalization by the statistics of training, ReLU."""
        weight = self.weights[f"{name}.conv.weight"]
        padding = [side // 2 for side in weight.shape[2:]] if pad else 0
        values = functional.conv2d(values, weight, stride=stride, padding=padding)
        mean, variance, scale, shift = (
            self.weights[f"{name}.bn.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(values, mean, variance, scale, shift, eps=1e-3).relu()

    def mean(self, values: Tensor) -> Tensor:
        """Mean pooling of 3x3, size kept."""
        return functional.avg_pool2d(values, 3, 1, 1, count_include_pad=not self.published)

    def last_pooling(self, values: Tensor) -> Tensor:
        """That of the last block."""
        return functional.max_pool2d(values, 3, 1, 1) if self.published else self.mean(values)
