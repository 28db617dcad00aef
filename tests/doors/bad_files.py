"""Files that people drop in by mistake or on purpose, and what the message must speak of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.pngs import huge_png

WORDS = {
    "text.png": "not a picture",
    "truncated.jpg": "damaged",
    "huge.png": "30000x30000",
    "empty.png": "not a picture",
}


def write_bad_files(folder: Path) -> dict[str, Path]:
    """Write one file for every key of `WORDS` and return them by name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text.png").write_text("this is no picture\n")
    (folder / "empty.png").write_bytes(b"")
    (folder / "huge.png").write_bytes(huge_png(30000))
    whole = folder / "truncated.jpg"
    values = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    Image.fromarray(values).save(whole)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return {name: folder / name for name in WORDS}
