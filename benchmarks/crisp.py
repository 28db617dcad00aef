"""Is the crisp model more than a sharpened faithful one?

On each picture, reduced by four: the faithful result; the crisp one; and the faithful one with its
finest band amplified until it holds as much energy as the crisp one's. A model that only sharpens
has the band error of the third.

    python -m benchmarks.crisp
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.pictures import DATA, mean, missing_exits, need_folder, need_model
from export.runtime import Translator
from pixstack.console import print_table
from stacks.evaluate import Protocol, prepare
from translate.layouts import Reading, find_items
from translate.metrics import finest_band, luma, measure
from translate.pairs import Pairs
from translate.pixels import to_bytes

Picture = NDArray[np.float32]
SCALE = 4


def band(picture: Picture) -> Picture:
    """The finest band of each channel of ``(H, W, 3)`` in [0, 1]."""
    height, width = picture.shape[:2]
    low = cv2.pyrUp(cv2.pyrDown(picture), dstsize=(width, height))
    return picture - low.astype(np.float32)


def luma_energy(picture: Picture) -> float:
    """Mean square of the finest band of Y, inside the border that is not measured."""
    inside = to_bytes(picture)[SCALE:-SCALE, SCALE:-SCALE]
    return float(finest_band(luma(inside)).square().mean())


def amplify(picture: Picture, energy: float) -> Picture:
    """The picture with its finest band scaled until Y's holds ``energy``.

    Clipping to 8 bits eats some of what is added, so the gain is corrected a few times.
    """
    detail, gain = band(picture), 1.0
    amplified = picture
    for _ in range(6):
        gain *= float(np.sqrt(energy / max(luma_energy(amplified), 1e-9)))
        amplified = (picture + (gain - 1) * detail).astype(np.float32)
    return amplified


@missing_exits()
def run(
    data: Annotated[Path, typer.Option(help="Root of the data.")] = DATA,
    folder: Annotated[str, typer.Option(help="Targets, beneath the root.")] = (
        "bsds500/photos/val"
    ),
    faithful: Annotated[str, typer.Option(help="Model or file.")] = "photo-sr",
    crisp: Annotated[str, typer.Option(help="Model or file.")] = "photo-sr-crisp",
    limit: Annotated[int, typer.Option(help="Only the first so many pictures; 0 for all.")] = 0,
) -> None:
    """Compare the crisp model with the faithful one and with the faithful one sharpened."""
    items = find_items(need_folder(data, folder), "targets", Reading({"target": "rgb"}))
    pairs = Pairs(items[: limit or None], cache_bytes=0)
    models = {name: Translator(need_model(name)) for name in (faithful, crisp)}
    protocol = Protocol(f"bicubic:{SCALE}")
    scores: dict[str, list[dict[str, float]]] = {"faithful": [], "crisp": [], "amplified": []}
    shifts: list[float] = []
    for index in range(len(pairs)):
        source, target = prepare(pairs, index, protocol)
        plain, detailed = (
            models[name].run({"source": source}, outputs="x4")["x4"] for name in (faithful, crisp)
        )
        sharpened = amplify(plain, luma_energy(detailed))
        for name, result in (("faithful", plain), ("crisp", detailed), ("amplified", sharpened)):
            scores[name].append(measure(result, target, SCALE))
        shifts.append(color_shift(detailed, source))
    report(scores, shifts)


def color_shift(result: Picture, source: Picture, block: int = 32) -> float:
    """Mean difference of color between 32x32 blocks of a result and of its source, on 0..255."""
    side = block // SCALE
    means = []
    for picture, size in ((result, block), (source, side)):
        rows, columns = picture.shape[0] // size, picture.shape[1] // size
        whole = picture[: rows * size, : columns * size]
        means.append(whole.reshape(rows, size, columns, size, -1).mean(axis=(1, 3)))
    return float(np.abs(means[0] - means[1]).mean() * 255)


def report(scores: dict[str, list[dict[str, float]]], shifts: list[float]) -> None:
    """Means, and what they say."""
    means = {name: mean(rows) for name, rows in scores.items()}
    keys = list(means["faithful"])
    print_table(
        ("result", *keys),
        [(name, *(f"{row[key]:.4f}" for key in keys)) for name, row in means.items()],
    )
    verdict = {
        "images": len(shifts),
        "decibels_below_faithful": means["faithful"]["psnr_y"] - means["crisp"]["psnr_y"],
        "band_energy": means["crisp"]["band_energy"],
        "band_error_against_amplified": (
            means["crisp"]["band_error"] / means["amplified"]["band_error"]
        ),
        "mean_color_shift_of_blocks": float(np.mean(shifts)),
    }
    print(json.dumps(verdict, indent=2))


if __name__ == "__main__":
    typer.run(run)
