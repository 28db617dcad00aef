"""Make the contact sheets of docs/models.md: what each model makes of pictures that may be shown.

    python -m docs.pictures.make_sheets [DATA]

needs scikit-image (the `test` extra), whose samples astronaut, coffee, chelsea and rocket are in
the public domain or under CC0. With DATA the sheet of hand-pose is made, too, of photographs of
people held out from its training in `DATA/hands` (Mavi 2020, Apache-2.0).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from benchmarks.drawing import sheet
from benchmarks.pose import SIZE, read_photos
from benchmarks.toys.hands import Bytes, split_rows
from pixstack import Translator
from translate.degrade import parse_degradation
from translate.pixels import to_bytes, to_floats

FOLDER = Path(__file__).resolve().parent
MODELS = FOLDER.parent.parent / "models"
SIDE = 256
"""Of a panel, in pixels."""
# sample: left, top and, in pixels of the sample, side of the part that is shown
PARTS = {
    "astronaut": (150, 0, 256),
    "coffee": (260, 90, 256),
    "chelsea": (60, 20, 256),
    "rocket": (250, 60, 256),
}
SEED = 6
"""Of the first sample's degradation: some leave nothing to see."""
BOTH = ("photo-denoise", "photo-denoise-real")
PEOPLE = (0, 4, 7, 11)
"""Places among the people held out."""


def part(name: str) -> Bytes:
    """A square of a sample."""
    left, top, side = PARTS[name]
    return getattr(data, name)()[top : top + side, left : left + side]


def degraded(picture: Bytes, text: str, seed: int) -> Bytes:
    """As ``pixstack eval --degrade`` would, rounded to 8 bits."""
    random = np.random.default_rng(seed)
    return to_bytes(parse_degradation(text).apply(to_floats(picture), random).source)


def large(picture: Bytes) -> Bytes:
    """At the side of a panel, by bicubic interpolation."""
    resized = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def enlarged(models: list[str], degradation: str) -> list[list[Bytes]]:
    """A row a sample: the small picture, what models, or two in a row, make of it, the truth."""
    chains = [[Translator(MODELS / f"{one}.onnx") for one in name.split("+")] for name in models]
    rows: list[list[Bytes]] = []
    for seed, name in enumerate(PARTS, SEED):
        truth = part(name)
        small = degraded(truth, degradation, seed)
        made: list[Bytes] = []
        for chain in chains:
            picture = small
            for translator in chain:
                picture = translator(picture)
            made.append(picture)
        rows.append([large(small), *made, truth])
    return rows


def denoised() -> list[list[Bytes]]:
    """A row a sample: noise of three strengths, each beside what is left of it, then the truth."""
    translator = Translator(MODELS / "photo-denoise.onnx")
    rows: list[list[Bytes]] = []
    for seed, name in enumerate(PARTS):
        truth = part(name)
        noisy = [degraded(truth, f"noise:{sigma}", seed) for sigma in (15, 25, 50)]
        rows.append([panel for one in noisy for panel in (one, translator(one))] + [truth])
    return rows


def denoised_as_found() -> list[list[Bytes]]:
    """A row a sample: noise in black and white, then noise and JPEG, each beside what the denoiser
    of white noise and that of all sorts leave of it, then the truth.
    """
    translators = [Translator(MODELS / f"{name}.onnx") for name in BOTH]
    rows: list[list[Bytes]] = []
    for seed, name in enumerate(PARTS):
        truth = part(name)
        gray = np.asarray(Image.fromarray(truth).convert("L").convert("RGB"))
        noisy = [degraded(gray, "noise:25;gray=1", seed), degraded(truth, "noise:25,jpeg:80", seed)]
        made = [panel for one in noisy for panel in (one, *(each(one) for each in translators))]
        rows.append([*made, truth])
    return rows


def posed(root: Path) -> list[list[Bytes]]:
    """A row a person: a photograph, then that hand in all ten gestures."""
    _, held_out = split_rows(root / "hands")
    people = read_photos(root / "hands", held_out, SIZE).by_person()
    translator = Translator(MODELS / "hand-pose.onnx")
    return [
        [
            people[person, 5],
            *(
                translator.run({"source": people[person, 5], "gesture": gesture})["target"]
                for gesture in range(10)
            ),
        ]
        for person in PEOPLE
    ]


def main(root: Path | None) -> None:
    """Rewrite the sheets beside this file."""
    sheets = {
        "photo-sr": enlarged(["photo-sr", "photo-sr-crisp"], "bicubic:4"),
        "photo-sr-real": enlarged(["photo-denoise+photo-sr", "photo-sr-real"], "real:4"),
        "photo-denoise": denoised(),
        "photo-denoise-real": denoised_as_found(),
    }
    if root is not None:
        sheets["hand-pose"] = posed(root)
    for name, rows in sheets.items():
        side = SIZE[0] if name == "hand-pose" else SIDE
        sheet(rows, side).save(FOLDER / f"sheet-{name}.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
