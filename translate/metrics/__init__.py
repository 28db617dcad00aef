"""Measures of results: of single pictures, of pairs of pictures, and of whole sets of them.

What is compared as it is: `restoration` (PSNR, SSIM, MS-SSIM, the finest band). What is compared
through a network of `translate.features`: `lpips` of pairs; `frechet`, `kernel`, `manifold` and
`inception_score` of sets. Through a network that names what is there: `recovery`.
"""

from translate.metrics.restoration import (
    band_energy,
    band_error,
    blocks,
    finest_band,
    luma,
    measure,
    ms_ssim,
    psnr,
    ssim,
)

__all__ = [
    "band_energy",
    "band_error",
    "blocks",
    "finest_band",
    "luma",
    "measure",
    "ms_ssim",
    "psnr",
    "ssim",
]
