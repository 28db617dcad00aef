"""`pixstack info`: what an ONNX file says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    model: Annotated[str, typer.Argument(help="An .onnx file, or a name from `pixstack models`.")],
    models: Annotated[
        Path | None, typer.Option(help="A folder where names are looked up first.")
    ] = None,
    json_target: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="-|FILE", help="Write the manifest as JSON, and the tensors."
        ),
    ] = None,
) -> None:
    """Print what an ONNX file says of itself: inputs, outputs, sizes, license.

    Beside each input and output stands the tensor that ONNX Runtime is fed for it, or gives. The
    whole of it is in the JSON: the recipe of its training too, and measures where whoever exported
    it gave some.

    \b
    Examples:
      pixstack info photo-denoise
      pixstack info my.onnx --json -
    """
    from dataclasses import asdict

    from export.runtime.model_file import read_model
    from export.runtime.ports import tensors
    from pixstack.console import print_table, write_json
    from pixstack.shelf import find_model

    path = find_model(model, models)
    content, told = read_model(path)
    try:
        found = tensors(content)
    except ValueError:
        raise ValueError(f"{path}: its inputs and outputs cannot be read") from None
    manifest = asdict(told)
    for view in (*manifest["inputs"], *manifest["outputs"]):
        view["tensor"] = found.get(view["name"], "not in the file")
    if json_target is not None:
        write_json(manifest, json_target)
    if json_target != "-":
        print_table(("", ""), [("file", str(path)), *_rows(manifest)])


def _rows(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in manifest.items():
        if value in (None, "", [], (), {}) or key == "recipe":
            continue
        if key in ("inputs", "outputs"):
            rows += [(key[:-1], _view(view)) for view in value]
        elif key == "metrics":
            rows += _measures(value)
        else:
            rows.append((key, _plain(value)))
    return rows


def _measures(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """What was measured, a row for each name that measures are kept under.

    Whoever exported the file may have given any JSON, which is told as it stands.
    """
    rows = [
        ("measured", f"{name}: {told}")
        for name, value in metrics.items()
        if (told := _measured(value))
    ]
    other = {name: value for name, value in metrics.items() if not _measured(value)}
    return [*rows, *([("metrics", _plain(other))] if other else [])]


def _measured(told: Any) -> str:
    """One report in words: of `pixstack eval`, or of a benchmark, which says in a sentence how;
    empty where it is neither.
    """
    if not isinstance(told, dict):
        return ""
    outputs, protocol = told.get("outputs"), told.get("protocol")
    if isinstance(outputs, dict):
        parts = [f"{output}: {_plain(measures)}" for output, measures in outputs.items()]
        if isinstance(protocol, dict) and protocol.get("degrade", "none") != "none":
            parts.append(f"of {protocol['degrade']}")
        if isinstance(protocol, dict) and protocol.get("self_ensemble"):
            parts.append("by self-ensemble")
        if count := told.get("images"):
            parts.append(f"over {count} pictures")
        return ", ".join(parts)
    if isinstance(protocol, str):
        values = {key: value for key, value in told.items() if key != "protocol"}
        return f"{_plain(values)} ({protocol})"
    return ""


def _view(view: dict[str, Any]) -> str:
    kept = {key: value for key, value in view.items() if value not in (None, "", (), [], {})}
    parts = [f"{kept.pop('name')} ({kept.pop('kind')})", kept.pop("tensor")]
    if (scale := kept.pop("scale", 1)) != 1:
        parts.append(f"{_plain(scale)} times the size")
    if ends := kept.pop("range", None):
        parts.append(" to ".join(_plain(end) for end in ends))
    if palette := kept.pop("palette", None):
        names = kept.pop("names", None) or range(len(palette))
        colors = ["#{:02x}{:02x}{:02x}".format(*color) for color in palette]
        kept["labels"] = [f"{name} {color}" for name, color in zip(names, colors, strict=True)]
    if limbs := kept.pop("limbs", None):
        joints = kept.get("names") or [str(joint) for joint in range(max(map(max, limbs)) + 1)]
        kept["limbs"] = [f"{joints[one]} to {joints[other]}" for one, other in limbs]
    description = kept.pop("description", "")
    parts += [f"{key} {_plain(value)}" for key, value in kept.items()]
    return ", ".join(parts) + (f": {description}" if description else "")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
