"""A ring of eight Gaussians, with the networks of Unrolled GAN."""

from __future__ import annotations

from benchmarks.toys import points
from benchmarks.toys.adversaries import Setting
from benchmarks.toys.mixtures import ring
from benchmarks.toys.networks import unrolled_discriminator, unrolled_generator
from benchmarks.toys.page import Options, Outcome, Results, Section
from benchmarks.toys.variants import everything

SETTING = Setting(ring(), unrolled_generator, unrolled_discriminator, noise=32, steps=4000)


def run(options: Options) -> Outcome:
    """Train every variant."""
    return points.measure(SETTING, everything(), options, quick=150)


def section(results: Results) -> Section:
    """The page's words."""
    text = (
        "Metz et al. 2017 (Unrolled GAN), arXiv 1611.02163, section 3.1: eight Gaussians of sigma "
        "0.02 on a circle of radius 2, with the networks of their appendix A (generator of two "
        "hidden layers of 128, discriminator of one, orthogonal weights of gain 0.8), for whose "
        "256 numbers of noise here stand 32 and for whose batches of 512 smaller ones, at a rate "
        "of 0.001 on both sides. Unrolled steps are those of the discriminator's own Adam, on the "
        "batch at hand."
    )
    return points.section("Ring of eight Gaussians", text, 8, results)
