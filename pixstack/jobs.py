"""What `pixstack run` is to make: each picture or seed, and the file that its result goes to."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pixstack.errors import WrongUse

if TYPE_CHECKING:
    from export.manifest import Manifest

PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"}
"""What results are written as, by their name."""
READ = PICTURES | {".gif", ".avif", ".heic", ".heif"}
"""What is taken from a folder."""


class Format(StrEnum):
    """What results in a folder are written as."""

    png = "png"
    jpg = "jpg"
    webp = "webp"
    tif = "tif"


def check_sources(sources: list[Path], count: int, manifest: Manifest) -> None:
    """Pictures are for models that read one, and several seeds for those that do not.

    Raises:
        WrongUse: it is the other way round.
    """
    if manifest.picture is None and sources:
        raise WrongUse(
            f"{manifest.name} draws from noise and reads no picture; leave {sources[0]} out "
            "(--seed draws another)"
        )
    if manifest.picture is not None and not sources:
        raise WrongUse(f"{manifest.name} translates pictures; name some, or their folder")
    if manifest.picture is not None and count != 1:
        raise WrongUse("--count: is of models that draw from noise; --seed is of all that read it")


def draws(
    seed: int, count: int, output: Path, form: Format | None = None
) -> list[tuple[int, Path]]:
    """Pair every seed with the file of what is drawn from it.

    Raises:
        WrongUse: several pictures for one file, no name of a picture, or one of another format.
    """
    if output.suffix.lower() in PICTURES and not output.is_dir():
        if count > 1:
            raise WrongUse(f"{output}: {count} pictures need a folder, this is a file")
        _check_format(output, form)
        return [(seed, output)]
    if output.is_file():
        raise WrongUse(f"{output}: this is a file; name a folder")
    if count == 1 and not output.is_dir():
        raise WrongUse(f"{output}: name a file such as {output}.png, or an existing folder")
    suffix = form or Format.png
    return [(one, output / f"{one}.{suffix}") for one in range(seed, seed + count)]


def plan(sources: list[Path], output: Path, form: Format | None = None) -> list[tuple[Path, Path]]:
    """Pair every picture with the file its result goes to.

    Raises:
        WrongUse: several pictures for one file, two results of one name, a result that would
            overwrite a picture that is read, or a name of another format.
        ValueError: a source is missing, or a folder holds no picture.
    """
    pictures: list[Path] = []
    for source in sources:
        if source.is_dir():
            found = sorted(path for path in source.iterdir() if is_picture(path))
            if not found:
                raise ValueError(f"{source}: no pictures in this folder")
            pictures += found
        elif source.is_file():
            pictures.append(source)
        else:
            raise ValueError(f"{source}: no such file or folder")
    if len(pictures) == 1 and not sources[0].is_dir() and not output.is_dir():
        if output.suffix and output.suffix.lower() not in PICTURES:
            raise WrongUse(f"{output}: expected a name that ends in {', '.join(sorted(PICTURES))}")
        if output.suffix == "":
            raise WrongUse(f"{output}: name a file such as {output}.png, or an existing folder")
        _check_format(output, form)
        pairs = [(pictures[0], output)]
    else:
        if output.is_file() or output.suffix.lower() in PICTURES:
            raise WrongUse(f"{output}: {len(pictures)} pictures need a folder, this is a file")
        pairs = [(picture, output / f"{picture.stem}.{form or Format.png}") for picture in pictures]
    _check_targets(pairs)
    return pairs


def _check_format(output: Path, form: Format | None) -> None:
    """A file's own name says what it is written as."""
    written = {"jpeg": "jpg", "tiff": "tif"}
    suffix = output.suffix.lower().removeprefix(".")
    if form is not None and written.get(suffix, suffix) != form:
        raise WrongUse(f"--format {form}: the file {output} is named otherwise; leave one of them")


def is_picture(path: Path) -> bool:
    """Whether a folder's entry is one of its pictures; hidden ones are some program's own."""
    return path.suffix.lower() in READ and path.is_file() and not path.name.startswith(".")


def _check_targets(pairs: list[tuple[Path, Path]]) -> None:
    read = {source.resolve() for source, _ in pairs}
    written: dict[Path, Path] = {}
    for source, target in pairs:
        place = target.resolve()
        if place in read:
            raise WrongUse(f"{target}: this would overwrite an input; choose another output")
        if place in written:
            raise WrongUse(
                f"{written[place]} and {source} would both become {target}; run them apart"
            )
        written[place] = source
