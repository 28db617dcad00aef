"""`pixstack run`: pictures in, pictures out."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixstack.errors import WrongUse, one_line, printable
from pixstack.inputs import check_needed, defaults_used, parse_inputs
from pixstack.jobs import Format, check_sources, draws, plan
from pixstack.running import Running

if TYPE_CHECKING:
    from export.manifest import Manifest
    from export.runtime.translator import Translator


class Precision(StrEnum):
    """How close to fp32 the arithmetic must stay."""

    exact = "exact"
    fast = "fast"


SelfEnsemble = Annotated[
    bool,
    typer.Option(
        "--self-ensemble",
        help="The mean over turns and mirror images: up to 8 times slower, a little better.",
    ),
]


def command(
    model: Annotated[str, typer.Argument(help="An .onnx file, or a name from `pixstack models`.")],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[IN...]", help="Pictures or folders; none of models that draw from noise."
        ),
    ] = None,
    *,
    output: Annotated[
        Path,
        typer.Option("-o", "--to", metavar="OUT", help="A file for one picture, else a folder."),
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=VALUE", help="A further input, as below."),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the noise that a model reads, if it reads any.")
    ] = 0,
    count: Annotated[
        int, typer.Option(min=1, help="Of pictures from noise: from so many seeds, into a folder.")
    ] = 1,
    view: Annotated[
        str | None,
        typer.Option("--output", metavar="NAME", help="Which output; the first if unsaid."),
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Of results in a folder; png if unsaid."),
    ] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG and WebP.")] = 95,
    precision: Annotated[Precision, typer.Option(help="fast may use TF32, bf16 or fp16.")] = (
        Precision.exact
    ),
    provider: Annotated[str, typer.Option(help="auto, cpu, cuda, openvino or tensorrt.")] = "auto",
    ensemble: SelfEnsemble = False,
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="CPU threads; all if unsaid.")
    ] = None,
    models: Annotated[
        Path | None, typer.Option(help="A folder where names are looked up first.")
    ] = None,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the table as JSON.")
    ] = None,
) -> None:
    """Translate pictures with an ONNX file.

    Results keep the size times the output's scale, EXIF orientation, color profile, alpha and
    bit depth, where their format has them; what else a camera noted is left out. In a folder they
    are named as their source.

    Further inputs may be repeated. VALUE is a number (a strength, an angle), a class by name or
    number, colors as NAME=#rrggbb,NAME=#rrggbb, or a file: a picture, joints as .json, noise as
    .npy.

    --self-ensemble is for models that repair pictures: what they are unsure of is averaged.

    \b
    Examples:
      pixstack run photo-sr small.jpg -o large.png
      pixstack run photo-sr small.jpg -o double.png --output x2
      pixstack run photo-denoise noisy/ -o clean/ --format jpg --input strength=25
      pixstack run photo-denoise noisy.png -o clean.png --self-ensemble
      pixstack run hand-pose hand.png -o two.png --input gesture=2
      pixstack run fashion me.jpg -o red.png --input outfit=dress --input "colors=dress=#c02030"
      pixstack run figure-pose a.png -o b.png --input source_pose=a.json --input pose=b.json
      pixstack run my.onnx a.png b.png -o results/ --precision fast --json -
      pixstack run gan.onnx -o samples/ --count 16 --input label=cat
    """
    check_provider(provider)
    from pixstack.shelf import find_model

    running = Running(provider, precision.value, threads, ensemble)
    translator = running.open(find_model(model, models))
    manifest = translator.manifest
    check_sources(sources or [], count, manifest)
    jobs = plan(sources, output, form) if sources else draws(seed, count, output, form)
    values = parse_inputs(inputs or [], manifest)
    check_needed(manifest, values)
    check_output(view, manifest)
    # A folder that results are asked into is made without a word; that of a file may be a slip.
    made = [target.parent for _, target in jobs if target == output and not target.parent.is_dir()]
    rows: list[dict[str, Any]] = []
    failed = 0
    with made_if_used({target.parent for _, target in jobs}):
        for source, target in jobs:
            try:
                if isinstance(source, Path):
                    rows.append(_translate(translator, source, target, values, view, seed, quality))
                else:
                    rows.append(_draw(translator, source, target, values, view, quality))
            except (ValueError, OSError) as error:
                if len(jobs) == 1:
                    raise
                # One broken file must not cost the rest of a folder.
                failed += 1
                told = one_line(error)
                name = str(source) if isinstance(source, Path) else f"seed {source}"
                print(f"error: {told if name in told else f'{name}: {told}'}", file=sys.stderr)
                continue
            if json_target != "-":
                print(_line(rows[-1]))
    if json_target is not None:
        from pixstack.console import write_json

        write_json(rows, json_target)
    if rows:
        for folder in made:
            print(f"note: made the folder {folder}", file=sys.stderr)
        if defaults := ", ".join(defaults_used(manifest, values)):
            told = f"note: by default {printable(defaults)}; --input NAME=VALUE sets another"
            print(told, file=sys.stderr)
    if failed:
        raise ValueError(f"{failed} of {len(jobs)} pictures failed")


@contextmanager
def made_if_used(folders: Collection[Path]) -> Iterator[None]:
    """Make the folders; of those that were not there, what stays empty goes again."""
    new = {place for folder in folders for place in (folder, *folder.parents) if not place.exists()}
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for place in sorted(new, key=lambda place: len(place.parts), reverse=True):
            with suppress(OSError):
                place.rmdir()


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
    translator: Translator,
    source: Path,
    target: Path,
    values: dict[str, Any],
    view: str | None,
    seed: int,
    quality: int,
) -> dict[str, Any]:
    from export.runtime.images import size_of
    from pixstack.console import progress_bar
    from pixstack.interrupts import interruptible

    start = time.perf_counter()
    with progress_bar(source.name) as progress:
        interruptible(
            lambda stop: translator.file(
                source,
                target,
                inputs=values,
                output=view,
                progress=progress,
                cancel=stop,
                seed=seed,
                quality=quality,
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


def _draw(
    translator: Translator,
    seed: int,
    target: Path,
    values: dict[str, Any],
    view: str | None,
    quality: int,
) -> dict[str, Any]:
    from export.runtime.images import size_of
    from pixstack.interrupts import interruptible

    start = time.perf_counter()
    interruptible(
        lambda stop: translator.draw(target, values, view, cancel=stop, seed=seed, quality=quality)
    )
    height, width = size_of(target)
    return {
        "seed": seed,
        "target": str(target),
        "result_width": width,
        "result_height": height,
        "seconds": round(time.perf_counter() - start, 3),
        "provider": translator.provider,
    }


def _line(row: dict[str, Any]) -> str:
    size = f"{row['width']}x{row['height']} -> " if "width" in row else f"seed {row['seed']}: "
    return (
        f"{row['target']}  {size}"
        f"{row['result_width']}x{row['result_height']}  "
        f"{row['seconds']:.1f} s  {row['provider']}"
    )
