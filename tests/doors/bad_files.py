"""Files that people drop in by mistake or on purpose, and what the message must speak of."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

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
    (folder / "huge.png").write_bytes(_png_header(30000, 30000))
    whole = folder / "truncated.jpg"
    values = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    Image.fromarray(values).save(whole)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return {name: folder / name for name in WORDS}


def _png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b""))
    )
