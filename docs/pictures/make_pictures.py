"""Make the pictures of the README with the models that ship.

    python docs/pictures/make_pictures.py

needs scikit-image (the `test` extra), whose samples coffee (CC0) and astronaut (public domain) are
used.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps
from skimage import data

from pixstack import Translator

FOLDER = Path(__file__).resolve().parent
MODELS = FOLDER.parent.parent / "models"
PANEL = 300
"""Side of a panel, in pixels."""
SIGMA = 35

Bytes = NDArray[np.uint8]


def crop(picture: Bytes, left: int, top: int, side: int) -> Bytes:
    """A square of a picture."""
    return picture[top : top + side, left : left + side]


def enlarged(sample: Bytes) -> list[tuple[str, Bytes]]:
    """Reduced by four and enlarged again, by bicubic interpolation and by both models."""
    side = sample.shape[0]
    small = Image.fromarray(sample).resize((side // 4, side // 4), Image.Resampling.BICUBIC)
    bicubic = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))
    faithful, crisp = (
        Translator(MODELS / f"{name}.onnx")(np.asarray(small))
        for name in ("photo-sr", "photo-sr-crisp")
    )
    return [
        ("reduced by 4, bicubic", bicubic),
        ("photo-sr", faithful),
        ("photo-sr-crisp", crisp),
        ("original", sample),
    ]


def denoised(sample: Bytes) -> list[tuple[str, Bytes]]:
    """With noise, cleaned blind and told the strength."""
    noise = np.random.default_rng(0).normal(0, SIGMA, sample.shape)
    noisy = np.clip(np.rint(sample + noise), 0, 255).astype(np.uint8)
    translator = Translator(MODELS / "photo-denoise.onnx")
    told = translator.run({"source": noisy, "strength": float(SIGMA)}, outputs="target")["target"]
    return [
        (f"noise of sigma {SIGMA}", noisy),
        ("photo-denoise, automatic", translator(noisy)),
        ("photo-denoise, told", told),
        ("original", sample),
    ]


def sheet(rows: list[list[tuple[str, Bytes]]]) -> Image.Image:
    """Panels with their captions."""
    caption, gap = 22, 6
    width = len(rows[0]) * (PANEL + gap) - gap
    page = Image.new("RGB", (width, len(rows) * (PANEL + caption + gap) - gap), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for row, panels in enumerate(rows):
        top = row * (PANEL + caption + gap)
        for column, (title, pixels) in enumerate(panels):
            left = column * (PANEL + gap)
            page.paste(Image.fromarray(pixels), (left, top))
            draw.text((left + 2, top + PANEL + 3), title, "black", font=font)
    return page


def drawn() -> list[tuple[str, Bytes]]:
    """Facades from the labels that come as an example, with three draws of the noise."""
    labels = np.asarray(Image.open(MODELS.parent / "examples" / "labels-facade.png").convert("RGB"))
    translator = Translator(MODELS / "facade-photo.onnx")
    photos = [translator.run({"source": labels}, seed=seed)["target"] for seed in range(3)]
    panels = [("labels", labels), *((f"seed {seed}", photo) for seed, photo in enumerate(photos))]
    size = (PANEL, PANEL)
    return [
        (title, np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)))
        for title, pixels in panels
    ]


def sketched() -> list[tuple[str, Bytes]]:
    """A person from the sketch that comes as an example, with three draws of the noise.

    On a strip as wide as a panel: a person is half as wide as high.
    """
    sketch = np.asarray(Image.open(MODELS.parent / "examples" / "edges-person.png").convert("L"))
    translator = Translator(MODELS / "sketch-photo.onnx")
    # The model knows light lines on black.
    photos = [translator.run({"source": 255 - sketch}, seed=seed)["target"] for seed in range(3)]
    pictures = [np.stack([sketch] * 3, axis=-1), *photos]
    titles = ["sketch", *(f"seed {seed}" for seed in range(3))]
    return [
        (title, np.asarray(ImageOps.pad(Image.fromarray(picture), (PANEL, PANEL), color="white")))
        for title, picture in zip(titles, pictures, strict=True)
    ]


def main() -> None:
    """Write ``before-after.png``, ``facades.png`` and ``sketch.png`` beside this file."""
    rows = [
        enlarged(crop(data.coffee(), 280, 90, PANEL)),
        denoised(crop(data.astronaut(), 110, 0, PANEL)),
    ]
    sheet(rows).save(FOLDER / "before-after.png", optimize=True)
    sheet([drawn()]).save(FOLDER / "facades.png", optimize=True)
    sheet([sketched()]).save(FOLDER / "sketch.png", optimize=True)


if __name__ == "__main__":
    main()
