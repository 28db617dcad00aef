"""How far spectral normalization bounds the slope of a convolutional discriminator."""

from __future__ import annotations

import math
import time
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.toys.drawing import curves
from benchmarks.toys.page import (
    Options,
    Outcome,
    Results,
    Section,
    Table,
    Verdict,
    milliseconds,
    spread,
)
from translate.layers.normalization import Normalization, convolution
from translate.losses.adversarial import discriminator_loss
from translate.losses.penalties import gradient_norms

SIDE = 12
"""Of the pictures, in pixels."""
SIZE = 3
"""Of the kernels."""
CHANNELS = (3, 16, 32, 32)
BATCH = 16


def network(norm: Normalization) -> nn.Sequential:
    """Three convolutions of stride 1 and a mean over the picture: ``(N, 3, H, W)`` -> (N, 1)."""
    layers: list[nn.Module] = []
    for reads, writes in pairwise(CHANNELS):
        layers += [*convolution(reads, writes, SIZE, 1, 1, norm), nn.LeakyReLU(0.1)]
    layers += [*convolution(CHANNELS[-1], 1, SIDE, 1, 0, norm), nn.Flatten()]
    return nn.Sequential(*layers)


def matrix_norm(weight: NDArray[np.float64]) -> float:
    """Largest singular value of the kernel ``(out, in, h, w)`` as a matrix of ``out`` rows.

    What spectral normalization sets to 1 (Miyato et al. 2018, arXiv 1802.05957, section 2.1).
    """
    return float(np.linalg.norm(weight.reshape(len(weight), -1), 2))


def circular_norm(weight: NDArray[np.float64], side: int) -> float:
    """Largest singular value of the convolution of stride 1 on ``side`` by ``side``, wrapped.

    The Fourier transform takes it apart into one small matrix a frequency (Sedghi et al. 2019,
    arXiv 1805.10408).
    """
    frequencies = np.fft.fft2(weight, (side, side)).transpose(2, 3, 0, 1)
    return float(np.linalg.svd(frequencies, compute_uv=False).max())


def blobs(count: int, sharp: bool, random: torch.Generator) -> Tensor:
    """Pictures in [-1, 1] with one round spot each; those that are not sharp are wide."""
    middle = SIDE * torch.rand(count, 2, 1, 1, generator=random)
    line = torch.arange(SIDE) + 0.5
    distance = (line[:, None] - middle[:, 0]).square() + (line[None] - middle[:, 1]).square()
    spot = torch.exp(-distance / (2 if sharp else 8))
    color = torch.rand(count, 3, 1, 1, generator=random)
    return 2 * color * spot[:, None] - 1


def train(norm: Normalization, seed: int, steps: int) -> tuple[nn.Sequential, Tensor, float]:
    """A discriminator between sharp and wide spots, pictures of both, and seconds a step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        discriminator = network(norm)
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.99))
    begun = time.process_time()
    for _ in range(steps):
        real, fake = blobs(BATCH, True, random), blobs(BATCH, False, random)
        loss = discriminator_loss("hinge", "plain", discriminator(real), discriminator(fake))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = (time.process_time() - begun) / steps
    # Evaluation leaves the kept vectors alone, so that the weights are those of the last step.
    discriminator.eval()
    shown = torch.cat([blobs(64, sharp, random) for sharp in (True, False)])
    return discriminator, shown, seconds


def look(norm: Normalization, seed: int, steps: int) -> Results:
    """The norms of every layer, their products, and the largest slope that is met."""
    discriminator, shown, seconds = train(norm, seed, steps)
    layers = [layer for layer in discriminator if isinstance(layer, nn.Conv2d)]
    weights = [layer.weight.detach().double().numpy() for layer in layers]
    matrices = [matrix_norm(weight) for weight in weights]
    # The last layer covers the picture: it is a matrix, and its two norms are one.
    circular = [circular_norm(weight, SIDE) for weight in weights[:-1]] + [matrices[-1]]
    slopes = gradient_norms(lambda picture: (discriminator(picture),), shown)
    return {
        "matrix": matrices,
        "circular": circular,
        "slope": float(slopes.detach().max()),
        "seconds": seconds,
    }


def run(options: Options) -> Outcome:
    """Train with and without spectral normalization and look at the layers."""
    steps = options.steps(400, 100)
    norms: tuple[Normalization, ...] = ("spectral", "none")
    found = {norm: [look(norm, seed, steps) for seed in range(options.seeds)] for norm in norms}
    lines = {
        "reshaped matrix": "matrix",
        "true convolution (FFT)": "circular",
    }
    series = {
        f"{norm}: {name}": [
            (layer + 1.0, float(np.mean([seed[key][layer] for seed in found[norm]])))
            for layer in range(len(CHANNELS))
        ]
        for norm in found
        for name, key in lines.items()
    }
    results: Results = {"steps": steps, "norms": found}
    plot = curves("largest singular value", series, ("layer", ""))
    return Outcome(results, plot, options.seeds)


def section(results: Results) -> Section:
    """The page's words."""
    rows = []
    for norm, seeds in results["norms"].items():
        rows += [
            (
                norm,
                f"{layer + 1}",
                spread([seed["matrix"][layer] for seed in seeds], 3),
                spread([seed["circular"][layer] for seed in seeds], 3),
                "",
                "",
            )
            for layer in range(len(CHANNELS))
        ]
        rows.append(
            (
                norm,
                "product",
                spread([math.prod(seed["matrix"]) for seed in seeds], 3),
                spread([math.prod(seed["circular"]) for seed in seeds], 3),
                spread([seed["slope"] for seed in seeds], 3),
                milliseconds(float(np.mean([seed["seconds"] for seed in seeds]))),
            )
        )
    columns = (
        "normalization",
        "layer",
        "matrix",
        "true convolution",
        "largest slope met",
        "a step",
    )
    spectral = results["norms"]["spectral"]
    matrices = [norm for seed in spectral for norm in seed["matrix"]]
    ratios = [norm for seed in spectral for norm in seed["circular"][:-1]]
    slopes = [seed["slope"] for seed in spectral]
    free = [seed["slope"] for seed in results["norms"]["none"]]
    verdicts = [
        Verdict(
            "one power iteration a step keeps the reshaped matrix's norm at 1",
            all(abs(norm - 1) < 0.05 for norm in matrices),
            f"from {min(matrices):.3f} to {max(matrices):.3f}",
        ),
        Verdict(
            "the true convolution's norm is larger, and at most the root of the kernel's area",
            all(1 < norm <= SIZE * 1.05 for norm in ratios),
            f"from {min(ratios):.2f} to {max(ratios):.2f}, where the bound is {SIZE}",
        ),
        Verdict(
            "the discriminator's slope stays within 1, the product of the matrices' norms (their "
            "equation 7)",
            max(slopes) <= 1,
            f"the largest met is {spread(slopes, 2)}, {spread(free, 2)} without normalization",
        ),
    ]
    text = (
        "Spectral normalization (Miyato et al. 2018, arXiv 1802.05957, section 2.1) divides a "
        "kernel by the largest singular value of the kernel reshaped to a matrix. The convolution "
        "itself is a larger matrix, whose singular values the Fourier transform gives where the "
        "picture wraps around (Sedghi et al. 2019, arXiv 1805.10408). A discriminator of three "
        f"3x3 convolutions and a last layer that covers the {SIDE}x{SIDE} picture, trained for "
        f"{results['steps']} steps of hinge loss to tell sharp spots from wide ones. The product "
        "over the layers bounds the slope, where it is that of the true convolutions; the largest "
        "gradient at 128 pictures is what is met. Seeds train one after the other, and the time is "
        "the mean of theirs."
    )
    return Section("Slope under spectral normalization", text, [Table(columns, rows)], verdicts)
