"""A grid of 25 Gaussians, with the networks of PacGAN."""

from __future__ import annotations

from benchmarks.toys import points
from benchmarks.toys.adversaries import Setting
from benchmarks.toys.mixtures import grid
from benchmarks.toys.networks import packing_discriminator, packing_generator
from benchmarks.toys.page import Options, Outcome, Results, Section
from benchmarks.toys.variants import some

SETTING = Setting(grid(), packing_generator, packing_discriminator, noise=2, steps=4000)


def run(options: Options) -> Outcome:
    """Train every variant."""
    return points.measure(SETTING, some(), options, quick=150)


def section(results: Results) -> Section:
    """The page's words."""
    text = (
        "Lin et al. 2018 (PacGAN), arXiv 1712.04086, section 4.1, after VEEGAN: 25 Gaussians of "
        "sigma 0.05 on a grid of spacing 2, two numbers of noise, a generator with batch "
        "normalization and ReLU and a discriminator of maxout with five pieces, as theirs but "
        "smaller: two hidden layers of 128 and two of 48. The rate is 0.001 on both sides, and "
        "training far shorter than their 400 epochs of 100000 points."
    )
    return points.section("Grid of 25 Gaussians", text, 25, results)
