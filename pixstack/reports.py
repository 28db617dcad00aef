"""Two results of `pixstack eval` side by side, where they were measured alike."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pixstack.documents import read_document

PROTOCOL = (
    "protocol.degrade",
    "protocol.seed",
    "protocol.border",
    "protocol.luma",
    "protocol.rounded",
    "images",
    "protocol.targets_sha256",
    "distribution.network",
    "distribution.protocol",
    "distribution.images",
    "label_recovery.network",
    "networks",
)
"""What must be the same for two numbers to compare; ``protocol.inputs`` and
``protocol.self_ensemble`` are the models' own."""


HIGHER, LOWER = "higher", "lower"
BETTER = {
    **dict.fromkeys(("psnr_y", "psnr_rgb", "ssim_y", "ms_ssim_y", "precision", "recall"), HIGHER),
    **dict.fromkeys(("inception_score", "class_agreement"), HIGHER),
    **dict.fromkeys(("pixel_accuracy", "class_accuracy", "class_iou"), HIGHER),
    **dict.fromkeys(("band_error", "lpips", "fid", "kid"), LOWER),
    "band_energy": "near 1",
    "pair_ms_ssim": "as of targets",
}
"""Which way a measure is better; those that only go with another one have no way."""


def better(measure: str) -> str:
    """Which way a measure is better, as tables say it; empty where there is no such way."""
    return BETTER.get(measure, "")


def names_of(first: Path, second: Path) -> tuple[str, str]:
    """What was measured in two reports, short; where that is the same, the reports' own names."""
    models = tuple(str(read_report(path).get("model", "")) for path in (first, second))
    for names in (
        tuple(Path(model).stem for model in models),
        models,
        (first.stem, second.stem),
        (str(first), str(second)),
    ):
        if all(names) and names[0] != names[1]:
            return names[0], names[1]
    return "A", "B"


def read_report(path: Path) -> dict[str, Any]:
    """A result of `pixstack eval --json`.

    Raises:
        ValueError: no such file, or another one.
    """
    return read_document(
        path,
        "a report of `pixstack eval --json`",
        lambda value: (
            {"outputs", "protocol", "images"} <= value.keys()
            and isinstance(value["outputs"], dict)
            and all(isinstance(measures, dict) for measures in value["outputs"].values())
        ),
    )


def compare_reports(first: Path, second: Path) -> dict[str, tuple[float, float]]:
    """Every measure that both hold, of the first and of the second.

    Raises:
        ValueError: they were measured by different protocols or networks or on different pictures;
            the message names the first difference.
    """
    reports = [read_report(path) for path in (first, second)]
    for key in PROTOCOL:
        values = [dict(leaves(key, look_up(report, key))) for report in reports]
        # What one of them did not measure at all is left out below, and mixes nothing.
        if not all(values):
            continue
        for name in sorted(values[0].keys() | values[1].keys()):
            one, other = (value.get(name) for value in values)
            if one != other:
                raise ValueError(
                    f"{first} and {second} do not compare: {name} is {json.dumps(one)} in one and "
                    f"{json.dumps(other)} in the other; measure both alike"
                )
    measures = [measures_of(report) for report in reports]
    return {name: (measures[0][name], measures[1][name]) for name in measures[0] if name in
            measures[1]}  # fmt: skip


def look_up(report: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted path, or None."""
    value: Any = report
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Plain values in a nested table, by their dotted path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(f"{name}.{key}", inner)
    elif value is not None:
        yield name, value


def measures_of(report: Mapping[str, Any]) -> dict[str, float]:
    """All of a report's numbers by name; a model's outputs may be called as they like."""
    [single, *_] = report["outputs"].values()
    recovery = look_up(report, "label_recovery.results") or {}
    return {**single, **(look_up(report, "distribution.measures") or {}), **recovery}
