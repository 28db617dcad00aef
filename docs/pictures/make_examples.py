"""Make the example pictures of the web app from scikit-image's public-domain samples.

    python docs/pictures/make_examples.py

needs scikit-image and Pillow (the `test` extra) and rewrites the same files every time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

FOLDER = Path(__file__).resolve().parents[2] / "examples"

# name: how far the sample is reduced
SMALL = {"astronaut": 4, "coffee": 3, "chelsea": 2}

# name: (left, top, width, height) of the crop, noise sigma on 0..255
NOISY = {
    "astronaut": ((96, 0, 320, 320), 25.0),
    "coffee": ((150, 40, 360, 280), 15.0),
    "chelsea": ((60, 10, 320, 260), 40.0),
}


def small(name: str, factor: int) -> Image.Image:
    """A sample reduced by `factor` with the reduction the models learn from."""
    picture = Image.fromarray(getattr(data, name)())
    width, height = picture.width // factor, picture.height // factor
    picture = picture.crop((0, 0, width * factor, height * factor))
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def noisy(name: str, box: tuple[int, int, int, int], sigma: float, index: int) -> Image.Image:
    """A crop of a sample with Gaussian noise of `sigma`, on 0..255."""
    left, top, width, height = box
    clean = getattr(data, name)()[top : top + height, left : left + width].astype(np.float64)
    noise = np.random.default_rng([0, index]).normal(0.0, sigma, clean.shape)
    return Image.fromarray(np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8))


def main() -> None:
    """Write `small-NAME.png` and `noisy-NAME.png` into `examples/`."""
    for name, factor in SMALL.items():
        small(name, factor).save(FOLDER / f"small-{name}.png", optimize=True)
    for index, (name, (box, sigma)) in enumerate(NOISY.items()):
        noisy(name, box, sigma, index).save(FOLDER / f"noisy-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
