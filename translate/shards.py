"""Tars of samples as the webdataset library reads them, indexed by their headers.

Members are called ``KEY.PART``: the pictures of a sample share the key, and the part says which
view one is, ``source.png``, or is the ending alone of a target; ``KEY.cls`` holds its class, by
number or name. Nothing is unpacked: each picture is read where it lies, when it is asked for. Links
and devices are passed over.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NoReturn, cast

from translate.pairs import seen_in
from translate.pictures import SUFFIXES, DataError, Member
from translate.view_names import name_of

COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
"""First bytes of files that are compressed, in which no member can be read by its place."""
COMPRESSED_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
MOST_HEADER = 2**16
"""Bytes of a header's extensions, such as a long name; those of honest tars have some hundred."""
LONGEST_CLASS = 100
"""Bytes of a class."""


@dataclass(slots=True)
class Sample:
    """What a tar holds under one key: pictures by view, and a class where there is one."""

    pictures: dict[str, Member] = field(default_factory=dict)
    label: str | None = None

    def picture(self, view: str) -> Member | None:
        """Of a view, under its own name or one that stands for its side elsewhere."""
        name = name_of(view, self.pictures)
        return self.pictures[name] if name is not None else None


def is_shards(path: Path) -> bool:
    """Whether a path names a tar, or a folder that holds tars and no pictures."""
    if path.is_dir():
        inside = [(one.suffix.lower(), one.is_dir()) for one in seen_in(path)]
        tars = any(suffix == ".tar" for suffix, _ in inside)
        return tars and not any(folder or suffix in SUFFIXES for suffix, folder in inside)
    return path.name.lower().endswith((".tar", *COMPRESSED_SUFFIXES))


def shard_files(path: Path) -> list[Path]:
    """The tar that a path names, or the tars of the folder that it names, in name order.

    Raises:
        DataError: there are none.
    """
    if not path.is_dir():
        if not path.is_file():
            raise DataError(f"{path}: no such tar; expected a tar of samples, or a folder of tars")
        return [path]
    files = [one for one in seen_in(path) if one.suffix.lower() == ".tar" and one.is_file()]
    if not files:
        raise DataError(f"{path}: holds no tars; put NAME.tar there, uncompressed")
    return files


def refuse_twice(first: Member, second: Member) -> NoReturn:
    """DataError of two members for one view of one sample."""
    raise DataError(f"{first.shard}: {first.name} and {second.name} are the same view; keep one")


def read_samples(
    file: Path, twice: Callable[[Member, Member], object] = refuse_twice
) -> dict[str, Sample]:
    """The samples of a tar by key, in the order of their keys.

    Args:
        file: the tar.
        twice: called with the member that is kept and another one for the same view.

    Raises:
        DataError: it is no uncompressed tar, is damaged or holds no pictures, or, unless ``twice``
            is given, a sample has a view twice.
    """
    samples: dict[str, Sample] = {}
    try:
        with open(file, "rb") as tar:
            refuse_compressed(file, tar)
            for member in index(file, tar):
                add(member, tar, samples, twice)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{file}: cannot be read: {reason}") from None
    found = {key: sample for key, sample in sorted(samples.items()) if sample.pictures}
    if not found:
        raise DataError(f"{file}: holds no pictures; expected KEY.source.png and KEY.target.png")
    return found


def add(
    member: Member,
    tar: BinaryIO,
    samples: dict[str, Sample],
    twice: Callable[[Member, Member], object],
) -> None:
    """Put a member of an open tar into its sample; what is neither picture nor class is left."""
    path = PurePosixPath(member.name)
    stem, _, part = path.name.partition(".")
    if not stem:
        return  # as ._NAME, which macOS puts beside each file
    key = str(path.with_name(stem))
    if part == "cls":
        samples.setdefault(key, Sample()).label = text_at(tar, member)
        return
    *view, suffix = part.split(".")
    if f".{suffix.lower()}" not in SUFFIXES:
        return
    pictures = samples.setdefault(key, Sample()).pictures
    kept = pictures.setdefault(view[0] if view else "target", member)
    if kept is not member:
        twice(kept, member)


def refuse_compressed(file: Path, tar: BinaryIO) -> None:
    """DataError of a tar that is compressed as a whole; the tar stays at its start."""
    start = tar.read(max(map(len, COMPRESSED)))
    tar.seek(0)
    for magic, name in COMPRESSED.items():
        if start.startswith(magic):
            raise DataError(
                f"{file}: is compressed with {name}; expected a plain tar, in which pictures, "
                "compressed already, can be read one by one: decompress it first"
            )


class Headers:
    """A tar as `tarfile` may see it: headers, and none so long that reading it fills the memory."""

    def __init__(self, tar: BinaryIO) -> None:
        self.tell, self.seek, self.tar = tar.tell, tar.seek, tar

    def read(self, size: int = -1) -> bytes:
        """``size`` bytes."""
        if not 0 <= size <= MOST_HEADER:
            raise tarfile.ReadError(f"a header claims {size:,} bytes")
        return self.tar.read(size)


def index(file: Path, tar: BinaryIO) -> Iterator[Member]:
    """The regular files of an open tar, by their headers alone.

    Raises:
        DataError: it is no tar, or damaged.
    """
    end = os.fstat(tar.fileno()).st_size
    try:
        archive = tarfile.TarFile(fileobj=cast(BinaryIO, Headers(tar)))
        last = -1
        while (found := archive.next()) is not None:
            # Python before 3.14 goes round in circles after a size below zero.
            if archive.offset <= last:
                raise tarfile.ReadError("a header points back")
            last = archive.offset
            # It would keep what it has seen, some kilobyte a member.
            cast(Any, archive).members.clear()
            if not found.isreg() or found.issparse():
                continue
            if found.size < 0 or found.offset_data + found.size > end:
                raise tarfile.ReadError(f"{printable(found.name)} ends behind the end of the file")
            yield Member(file, printable(found.name), found.offset_data, found.size)
        # It also ends at what it cannot read.
        tar.seek(archive.offset)
        if tar.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError(f"no header at byte {archive.offset:,}")
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        told = printable(" ".join(str(error).split()))
        raise DataError(f"{file}: is no sound, uncompressed tar: {told}") from None


def text_at(tar: BinaryIO, member: Member) -> str:
    """The text of a small member, without the space around it; the tar stays where it was."""
    before = tar.tell()
    tar.seek(member.offset)
    content = tar.read(min(member.size, LONGEST_CLASS))
    tar.seek(before)
    return printable(content.decode("utf-8", "replace").strip())


def printable(text: str) -> str:
    """A text that a tar brings, in one line, and without what a terminal would obey."""
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)
