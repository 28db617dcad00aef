"""A photo as phones write it: HEIF around a picture compressed by HEVC, here of random bytes."""

import struct

import numpy as np


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of ISO base media: its size, its kind, what it holds."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    """A box with a version, and flags of 0."""
    return box(kind, bytes([version, 0, 0, 0]), *parts)


def heic(height: int, width: int) -> bytes:
    """The file, sound up to its pixels."""
    coded = np.random.default_rng(0).integers(0, 256, 500, np.uint8).tobytes()
    # 4:2:0, 8 bits, main profile, no parameter sets (ISO/IEC 14496-15, section 8.3.3.1).
    setup = bytes(
        [1, 1, 96, 0, 0, 0, 144, 0, 0, 0, 0, 0, 93, 240, 0, 252, 253, 248, 248, 0, 0, 15, 0]
    )
    properties = box(
        b"iprp",
        box(b"ipco", box(b"hvcC", setup), full(b"ispe", struct.pack(">II", width, height))),
        full(b"ipma", struct.pack(">IHBBB", 1, 1, 2, 1 | 128, 2)),
    )
    kind = full(b"infe", struct.pack(">HH4sx", 1, 0, b"hvc1"), version=2)

    def described(start: int) -> bytes:
        place = struct.pack(">BBHHHHII", 4 << 4 | 4, 0, 1, 1, 0, 1, start, len(coded))
        return full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", struct.pack(">H", 1)),
            full(b"iloc", place),
            full(b"iinf", struct.pack(">H", 1), kind),
            properties,
        )

    brand = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    start = len(brand) + len(described(0)) + 8
    return brand + described(start) + box(b"mdat", coded)
