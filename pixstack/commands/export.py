"""`pixstack export`: a trained stack becomes an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixstack.overrides import Overrides
from pixstack.plugins import Plugins, import_plugins

if TYPE_CHECKING:
    from export.convert import Exported


def command(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="BEST.safetensors|RUN|OLD.onnx|NAME",
            help="What `pixstack train` wrote, or an earlier export.",
        ),
    ],
    target: Annotated[
        Path, typer.Option("-o", "--to", metavar="NAME.onnx", help="The file to write.")
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the model; the recipe's if unsaid.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="Version of the model; 1 if unsaid.")] = None,
    metrics: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Measures to keep in the file, as `eval` prints."),
    ] = None,
    overrides: Overrides = None,
    half: Annotated[
        bool, typer.Option("--half", help="Keep weights in half precision: half the file.")
    ] = False,
    plugins: Plugins = None,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the summary as JSON.")
    ] = None,
) -> None:
    """Turn a trained stack into one ONNX file that says of itself what it takes and gives.

    The file is compared with the stack at many sizes, and tiled with untiled runs; where they
    differ, no file is written. An earlier export, or the name of a model that ships, is exported
    anew: weights, name and version as they are, the graph as Pixstack writes it now, without the
    measures of the old one.

    Needs the train extra.

    \b
    Examples:
      pixstack export runs/mine/best.safetensors -o mine.onnx
      pixstack export runs/mine/best.safetensors -o mine.onnx --version 2 --metrics set5.json
      pixstack export runs/mine/best.safetensors -o mine.onnx --json -
      pixstack export runs/mine/best.safetensors -o mine.onnx --half --set license=MIT
      pixstack export old.onnx -o new.onnx
    """
    from pixstack.errors import WrongUse, require_train

    require_train()
    if target.suffix != ".onnx" or target.is_dir():
        raise WrongUse(f"-o {target}: expected the name of an .onnx file to write")
    import_plugins(plugins or [])
    from export.convert import export_stack
    from pixstack import __version__
    from pixstack.console import print_table, progress_bar, write_json
    from pixstack.shelf import find_model

    if len(checkpoint.parts) == 1 and not checkpoint.suffix and not checkpoint.exists():
        checkpoint = find_model(str(checkpoint))
    measures = read_metrics(metrics) if metrics is not None else None
    with progress_bar("export") as progress:
        exported = export_stack(
            checkpoint,
            target,
            name,
            version,
            measures,
            {"pixstack": __version__},
            progress,
            overrides or [],
            half,
        )
    if json_target is not None:
        write_json(summary(exported), json_target)
    if json_target != "-":
        print_table(("", ""), rows(exported))


def read_metrics(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        ValueError: no such file, or not a JSON object.
    """
    import json

    if not path.is_file():
        raise ValueError(
            f"{path}: no such file; expected measures in JSON, as `eval --json` writes"
        )
    try:
        values = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected a JSON object of measures, got {type(values).__name__}")
    return values


def summary(exported: Exported) -> dict[str, Any]:
    """The facts of an export, for scripts."""
    manifest = exported.manifest
    return {
        "path": str(exported.path),
        "name": manifest.name,
        "version": manifest.version,
        "bytes": exported.size,
        "parameters": exported.parameters,
        "gmacs_512x512": exported.macs / 1e9,
        "gmacs_320x180": exported.hd_macs / 1e9,
        "tiling": manifest.tiling,
        "halo": manifest.halo,
        "size_multiple": manifest.size_multiple,
        "min_size": manifest.min_size,
        "largest_difference": exported.difference,
        "largest_seam": exported.seam,
    }


def rows(exported: Exported) -> list[tuple[str, str]]:
    """The facts of an export, for people."""
    manifest = exported.manifest
    if manifest.tiling == "exact":
        tiling = f"exact, halo of {manifest.halo} pixels; tiled and untiled differ by at most "
        tiling += f"{exported.seam:.1e}"
    elif manifest.tiling == "fixed":
        height, width = manifest.fixed_size or (0, 0)
        tiling = f"fixed: pictures are fitted into {width}x{height} pixels, and back"
    else:
        tiling = f"whole, up to {manifest.max_pixels:,} pixels"
    gmacs = f"{exported.macs / 1e9:.1f} GMACs for 512x512 pixels, "
    gmacs += f"{exported.hd_macs / 1e9:.1f} for 320x180"
    return [
        ("file", f"{exported.path} ({exported.size / 1e6:.1f} MB)"),
        ("name", f"{manifest.name} {manifest.version}"),
        ("license", manifest.license or "not stated; --set license=CC-BY-4.0 would state one"),
        ("inputs", ", ".join(port.name for port in manifest.inputs)),
        ("outputs", ", ".join(f"{port.name} (x{port.scale:g})" for port in manifest.outputs)),
        ("parameters", f"{exported.parameters:,}"),
        ("cost", gmacs),
        ("smallest picture", f"{manifest.min_size} pixels a side"),
        ("tiling", tiling),
        ("PyTorch and ONNX", f"differ by at most {exported.difference:.1e}"),
    ]
