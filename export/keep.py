"""Measures kept in the file that they are of, where whoever takes it finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx

from export.manifest import MANIFEST_KEY, Manifest
from export.runtime.model_file import read_model
from export.runtime.whole import whole_file


def keep_measures(path: str | Path, name: str, measures: Mapping[str, Any]) -> Manifest:
    """Put measures into a file's manifest, beside those kept under other names.

    Nothing else of the file changes: it computes what it did.

    Args:
        path: an ``.onnx`` file with a manifest.
        name: of what was measured, such as "Set5 x4"; measures kept under it are replaced.
        measures: with their protocol, as `pixstack eval --json` writes them.

    Returns:
        The manifest as it is now.

    Raises:
        ModelError: the file cannot be read, or is no model of Pixstack's.
        OSError: it cannot be written; it stays as it was.
    """
    path = Path(path)
    content, manifest = read_model(path)
    manifest = replace(manifest, metrics={**manifest.metrics, name: dict(measures)})
    model = onnx.ModelProto.FromString(content)
    others = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {**others, MANIFEST_KEY: manifest.to_json()})
    with whole_file(path) as temporary:
        temporary.write_bytes(model.SerializeToString())
        # As the next one will read it.
        return read_model(temporary)[1]
