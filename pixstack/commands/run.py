"""`pixstack run`: pictures in, pictures out."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixstack.errors import WrongUse, one_line

if TYPE_CHECKING:
    from export.manifest import Manifest
    from export.runtime.translator import Translator

PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"}


class Precision(StrEnum):
    """How close to fp32 the arithmetic must stay."""

    exact = "exact"
    fast = "fast"


def command(
    model: Annotated[str, typer.Argument(help="An .onnx file, or a name from `pixstack models`.")],
    sources: Annotated[list[Path], typer.Argument(metavar="IN...", help="Pictures or folders.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--to", metavar="OUT", help="A file for one picture, else a folder."),
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=VALUE", help="A further input, as below."),
    ] = None,
    view: Annotated[
        str | None,
        typer.Option("--output", metavar="NAME", help="Which output; the first if unsaid."),
    ] = None,
    precision: Annotated[Precision, typer.Option(help="fast may use TF32, bf16 or fp16.")] = (
        Precision.exact
    ),
    provider: Annotated[str, typer.Option(help="auto, cpu, cuda, openvino or tensorrt.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; all if unsaid.")] = None,
    models: Annotated[
        Path | None, typer.Option(help="A folder where names are looked up first.")
    ] = None,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the table as JSON.")
    ] = None,
) -> None:
    """Translate pictures with an ONNX file.

    Results keep the size times the output's scale, EXIF orientation, color profile, alpha and
    bit depth. In a folder they are named as their source, ending in .png.

    Further inputs may be repeated. VALUE is a number (a strength, an angle), a class by name or
    number, colors as #rrggbb,#rrggbb, or a file: a picture, joints as .json, noise as .npy.

    \b
    Examples:
      pixstack run photo-sr small.jpg -o large.png
      pixstack run photo-sr small.jpg -o double.png --output x2
      pixstack run photo-denoise noisy/ -o clean/ --input strength=25
      pixstack run hand-pose hand.png -o two.png --input gesture=2
      pixstack run figure-pose a.png -o b.png --input source_pose=a.json --input pose=b.json
      pixstack run my.onnx a.png b.png -o results/ --precision fast --json -
    """
    from pixstack.shelf import find_model

    pairs = plan(sources, output)
    path = find_model(model, models)
    check_provider(provider)

    from export.runtime.translator import Translator

    translator = Translator(
        path, providers=provider, precision=precision.value, threads=threads, memory="auto"
    )
    values = parse_inputs(inputs or [], translator.manifest)
    check_output(view, translator.manifest)
    # A folder that results are asked into is made without a word; that of a file may be a slip.
    made = [target.parent for _, target in pairs if target == output and not target.parent.is_dir()]
    rows: list[dict[str, Any]] = []
    failed = 0
    for source, target in pairs:
        try:
            rows.append(_translate(translator, source, target, values, view))
        except (ValueError, OSError) as error:
            if len(pairs) == 1:
                raise
            # One broken file must not cost the rest of a folder.
            failed += 1
            print(f"error: {one_line(error)}", file=sys.stderr)
            continue
        if json_target != "-":
            print(_line(rows[-1]))
    if json_target is not None:
        from pixstack.console import write_json

        write_json(rows, json_target)
    if rows:
        for folder in made:
            print(f"note: made the folder {folder}", file=sys.stderr)
        if defaults := ", ".join(defaults_used(translator.manifest, values)):
            print(f"note: by default {defaults}; --input NAME=VALUE sets another", file=sys.stderr)
    if failed:
        raise ValueError(f"{failed} of {len(pairs)} pictures failed")


def plan(sources: list[Path], output: Path) -> list[tuple[Path, Path]]:
    """Pair every picture with the file its result goes to.

    Raises:
        WrongUse: several pictures for one file, two results of one name, or a result that would
            overwrite a picture that is read.
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
        pairs = [(pictures[0], output)]
    else:
        if output.is_file() or output.suffix.lower() in PICTURES:
            raise WrongUse(f"{output}: {len(pictures)} pictures need a folder, this is a file")
        pairs = [(picture, output / f"{picture.stem}.png") for picture in pictures]
    _check_targets(pairs)
    return pairs


def is_picture(path: Path) -> bool:
    """Whether a folder's entry is one of its pictures; hidden ones are some program's own."""
    return path.suffix.lower() in PICTURES and path.is_file() and not path.name.startswith(".")


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


def parse_inputs(settings: list[str], manifest: Manifest) -> dict[str, Any]:
    """Read `NAME=VALUE` settings: a number for a strength or an angle, a name or number for a
    class, `NAME=#rrggbb,...` for colors, a file for a picture, a JSON file of joints or a .npy file
    for keypoints, a .npy file for noise.

    Raises:
        WrongUse: a setting without `=`, an unknown name, or a value of the wrong kind or out of
            range.
    """
    from export.runtime.errors import InputError
    from export.runtime.request import check_value

    known = {item.name: item for item in manifest.inputs}
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise WrongUse(f"--input {setting}: expected NAME=VALUE")
        if name not in known:
            raise WrongUse(f"--input {name}: unknown; this model reads {', '.join(known)}")
        values[name] = _value(name, known[name].kind, value)
        try:
            check_value(known[name], values[name])
        except InputError as error:
            raise WrongUse(str(error)) from None
    return values


def defaults_used(manifest: Manifest, values: Mapping[str, Any]) -> list[str]:
    """What inputs are fed that were left out: ``gesture=0``, ``strength=automatic``."""
    told: list[str] = []
    for port in manifest.inputs:
        if port.name in values:
            continue
        default = port.default or 0
        match port.family:
            case "class":
                shown = port.names[int(default)] if port.names else f"{default:g}"
            case "angle":
                shown = f"{default:g}"
            case "strength" if port.default is not None and port.default >= 0:
                shown = f"{default:g}"
            case "strength" | "colors":
                shown = "automatic"
            case "noise":
                shown = "drawn"
            case _:
                continue
        told.append(f"{port.name}={shown}")
    return told


def _value(name: str, kind: str, text: str) -> Any:
    family = kind.partition(":")[0]
    if family in ("class", "colors"):
        return text
    if family in ("strength", "angle"):
        try:
            return float(text)
        except ValueError:
            raise WrongUse(f"--input {name}={text}: expected a number") from None
    if not Path(text).is_file():
        raise WrongUse(f"--input {name}={text}: there is no such file")
    if family == "keypoints" and Path(text).suffix.lower() == ".json":
        from export.runtime.keypoints import read_pose

        return read_pose(Path(text))
    if family in ("keypoints", "noise"):
        import numpy as np

        try:
            return np.load(text, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise WrongUse(f"--input {name}={text}: expected a .npy file ({error})") from None
    return Path(text)


def check_provider(name: str) -> None:
    """Refuse what no machine has.

    Raises:
        WrongUse: the name is unknown; the message lists the known ones.
    """
    from export.runtime.session import PROVIDERS

    if name not in ("auto", *PROVIDERS):
        raise WrongUse(f"--provider {name}: unknown; use auto, {', '.join(PROVIDERS)}")


def check_output(name: str | None, manifest: Manifest) -> None:
    """Refuse an output that the model does not have.

    Raises:
        WrongUse: the name is unknown; the message lists the known ones.
    """
    known = [item.name for item in manifest.outputs]
    if name is not None and name not in known:
        raise WrongUse(
            f"--output {name}: unknown; this model writes {', '.join(known)} (-o names the file)"
        )


def _translate(
    translator: Translator, source: Path, target: Path, values: dict[str, Any], view: str | None
) -> dict[str, Any]:
    from export.runtime.images import size_of
    from pixstack.console import progress_bar
    from pixstack.interrupts import interruptible

    target.parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    with progress_bar(source.name) as progress:
        interruptible(
            lambda stop: translator.file(
                source, target, inputs=values, output=view, progress=progress, cancel=stop
            )
        )
    seconds = time.perf_counter() - start
    height, width = size_of(source)
    result_height, result_width = size_of(target)
    return {
        "source": str(source),
        "target": str(target),
        "width": width,
        "height": height,
        "result_width": result_width,
        "result_height": result_height,
        "seconds": round(seconds, 3),
        "provider": translator.provider,
    }


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['target']}  {row['width']}x{row['height']} -> "
        f"{row['result_width']}x{row['result_height']}  "
        f"{row['seconds']:.1f} s  {row['provider']}"
    )
