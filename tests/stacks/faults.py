"""Folders of training pictures, sound ones and ones with a fault of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.photographs import photograph
from tests.pngs import huge_png

Pixels = NDArray[np.uint8]
SIDE = 64
NAMES = ("astronaut", "chelsea", "coffee", "cat")
PALETTE = np.array([[0, 0, 255], [255, 0, 0], [0, 128, 0], [250, 250, 50]], np.uint8)
COUNT = 20


def photo(index: int, side: int = SIDE) -> Pixels:
    """A window of a photograph, another one for each index."""
    whole = photograph(NAMES[index % 3])
    top, left = 13 * index % (whole.shape[0] - side), 37 * index % (whole.shape[1] - side)
    return whole[top : top + side, left : left + side]


def other_look(pixels: Pixels) -> Pixels:
    """The same scene in other colors, as a partner shows it."""
    return np.stack([255 - pixels[..., 1], 255 - pixels[..., 0], pixels[..., 2] // 2], axis=2)


def luma(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).convert("L"))


def write(path: Path, pixels: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def healthy(root: Path, count: int = COUNT) -> Path:
    for index in range(count):
        write(root / "A" / f"{index:02d}.png", photo(index))
        write(root / "B" / f"{index:02d}.png", other_look(photo(index)))
    return root


def label_map(index: int) -> NDArray[np.integer]:
    """Four labels in blocks, arranged differently for each index."""
    blocks = np.random.default_rng(index).integers(0, 4, (4, 4))
    blocks[0] = range(4)
    return np.kron(blocks, np.ones((SIDE // 4, SIDE // 4), int))


def labeled(root: Path, count: int = COUNT) -> Path:
    for index in range(count):
        write(root / "source" / f"{index:02d}.png", PALETTE[label_map(index)])
        write(root / "target" / f"{index:02d}.png", photo(index))
    return root


def truncate(path: Path, keep: float = 0.6) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def faulty_pairs(root: Path) -> set[tuple[str, str, str]]:
    """A folder of pairs with one of each fault, and what should be said of it."""
    healthy(root)
    (root / "B" / "01.png").unlink()
    write(root / "A" / "02.jpg", photo(2))
    truncate(root / "B" / "03.png")
    write(root / "A" / "04.png", photo(4)[:48])
    deep = photo(5).astype(np.uint16) * 257
    cv2.imwrite(str(root / "A" / "05.png"), deep)
    write(root / "B" / "06.png", other_look(photo(6))[..., 0])
    # The last two of twenty are held out; JPEG changes every pixel a little.
    Image.fromarray(other_look(photo(18))).save(root / "copy.jpg", quality=85)
    with Image.open(root / "copy.jpg") as copy:
        copy.save(root / "B" / "07.png")
    (root / "copy.jpg").unlink()
    write(root / "A" / "07.png", photo(18))
    # A window that begins 5 pixels further right and 3 further down shows its scene that much
    # further left and up.
    whole = photograph("chelsea")
    write(root / "A" / "08.png", whole[100 : 100 + SIDE, 150 : 150 + SIDE])
    write(root / "B" / "08.png", other_look(whole[103 : 103 + SIDE, 155 : 155 + SIDE]))
    (root / "A" / "09.png").write_text("I am no picture\n")
    (root / "B" / "10.png").write_bytes(huge_png())
    write(root / "A" / "11.bmp", photo(11))
    return {
        ("unmatched", "error", "01.png"),
        ("unmatched", "error", "02.png"),
        ("unreadable", "error", "03.png"),
        ("size", "error", "04.png"),
        ("mode", "warning", "05.png"),
        ("mode", "warning", "06.png"),
        ("duplicate", "error", "07.png"),
        ("alignment", "error", "08.png"),
        ("unreadable", "error", "09.png"),
        ("unreadable", "error", "10.png"),
        ("format", "warning", "11.bmp"),
    }
