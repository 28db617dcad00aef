"""`pixstack models`: the ONNX files at hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    models: Annotated[
        Path | None, typer.Option(help="A folder of further .onnx files; its own names win.")
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped/--no-shipped", help="List the models that ship as well.")
    ] = True,
    json_target: Annotated[
        str | None, typer.Option("--json", metavar="-|FILE", help="Write the table as JSON.")
    ] = None,
) -> None:
    """List the models at hand: those of a folder, and the shipped ones.

    They are looked for in --models, or else in the folder that PIXSTACK_MODELS names, then in the
    package and in the checkout.

    \b
    Examples:
      pixstack models
      pixstack models --models runs/exported --json -
    """
    from export.runtime.errors import ModelError
    from export.runtime.model_file import read_manifest
    from pixstack.console import print_table, write_json
    from pixstack.errors import one_line
    from pixstack.shelf import list_models

    rows: list[dict[str, Any]] = []
    skipped = 0
    for path in list_models(models, shipped):
        try:
            manifest = read_manifest(path)
        except ModelError as error:
            skipped += 1
            print(f"skipped: {one_line(error)}", file=sys.stderr)
            continue
        rows.append(
            {
                "name": path.stem,
                "task": manifest.task,
                "inputs": [view.name for view in manifest.inputs],
                "outputs": [view.name for view in manifest.outputs],
                "megabytes": round(path.stat().st_size / 1e6, 1),
                "license": manifest.license,
                "path": str(path),
            }
        )
    if json_target is not None:
        write_json(rows, json_target)
    if skipped and not rows:
        raise ValueError(f"none of the {skipped} .onnx files is a model of Pixstack")
    if json_target == "-":
        return
    if not rows:
        print("no models found; name a folder with --models, or train and export one")
        return
    columns = ("name", "task", "outputs", "MB", "file")
    print_table(
        columns,
        [
            (row["name"], row["task"], ", ".join(row["outputs"]), row["megabytes"], row["path"])
            for row in rows
        ],
        folding=("outputs",),
    )
