"""Tars of samples as the webdataset library reads them, unpacked to be looked at.

Members are called ``KEY.PART``: the views of a sample share the key, and the part says which view,
``source.png``, or is the ending alone where there is one picture; ``KEY.cls`` holds its class.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from translate.pairs import SUFFIXES, DataError

LONGEST_CLASS = 100


@contextmanager
def unpacked(file: Path) -> Iterator[Path]:
    """A folder with a tar's pictures, one folder a view or class, that is gone afterwards.

    Raises:
        DataError: it is no tar, or holds no pictures.
    """
    if not file.is_file():
        raise DataError(f"{file}: no such tar")
    with tempfile.TemporaryDirectory(prefix="pixstack-") as name:
        folder = Path(name)
        try:
            # Uncompressed alone: a compressed one may hold a thousand times its size.
            with tarfile.open(file, "r:") as archive:
                classes = unpack(archive, folder)
        except tarfile.TarError as error:
            told = " ".join(str(error).split())
            raise DataError(f"{file}: is no uncompressed tar: {told}") from None
        if not any(folder.iterdir()):
            raise DataError(f"{file}: holds no pictures; expected KEY.source.png, KEY.target.png")
        sort_by_class(folder, classes)
        yield folder


def unpack(archive: tarfile.TarFile, folder: Path) -> dict[str, str]:
    """Write the pictures of an archive into a folder; returns the classes by key."""
    classes: dict[str, str] = {}
    for member in archive:
        path = PurePosixPath(member.name)
        key, _, part = path.name.partition(".")
        content = archive.extractfile(member) if member.isfile() and key else None
        if content is None:
            continue
        # Keys of one name in two folders are two samples; no name leads out of the folder.
        key = "-".join([*(piece for piece in path.parts[:-1] if piece not in ("/", "..")), key])
        if part == "cls":
            classes[key] = content.read(LONGEST_CLASS).decode("utf-8", "replace").strip()
            continue
        *view, suffix = part.split(".")
        if f".{suffix.lower()}" not in SUFFIXES:
            continue
        target = folder.joinpath(*view[:1], f"{key}.{suffix}")
        target.parent.mkdir(exist_ok=True)
        with open(target, "wb") as written:
            shutil.copyfileobj(content, written)
    return classes


def sort_by_class(folder: Path, classes: dict[str, str]) -> None:
    """Move pictures without a view into a folder for each class."""
    for path in [path for path in folder.iterdir() if path.is_file()]:
        name = classes.get(path.stem, "")
        if name and "/" not in name and name not in (".", ".."):
            (folder / name).mkdir(exist_ok=True)
            path.rename(folder / name / path.name)
