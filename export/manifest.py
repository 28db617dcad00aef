"""What a model file says of itself: the JSON kept in the ONNX metadata.

Whoever exports writes it, whoever runs reads it; nothing else is needed to run a file.
This module imports the standard library only.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, cast

MANIFEST_KEY = "pixstack.manifest"
SCHEMA = 1

Tiling = Literal["exact", "fixed", "whole"]

_KIND = re.compile(
    r"(rgb|gray|strength|angle|noise)|(labels|class|keypoints|colors):([1-9][0-9]{0,4})"
)
_LARGEST = 2**53  # of whole numbers; beyond it, floats do not tell them apart
_AUTOMATIC = -1  # a strength or colors that the model is to choose
_SPATIAL = ("rgb", "gray", "labels", "noise")


class ManifestError(ValueError):
    """A manifest that is missing, unreadable or contradicts itself; the message is one line."""


@dataclass(frozen=True)
class Port:
    """What inputs and outputs have in common.

    kind: `rgb`, `gray`, `labels:K`, `class:K`, `strength`, `angle`, `keypoints:K`, `colors:K` or
        `noise`.
    scale: its pixels per pixel of the first picture input.
    default: what a caller gets who does not feed it (`strength` and `colors`: -1, automatic;
        `class` and `angle`: 0).
    range: smallest and largest sensible value; for pictures [0, 1]. An `angle` beyond it is the
        same as one a whole turn away.
    unit: the unit of a `strength`, for instance "noise sigma on 0..255", or of an `angle`.
    palette: RGB colors 0..255 of the K label ids; names: of the K labels, classes, joints or
        colors; limbs: pairs of joints, by number, between which a body is.
    keeps: of an output, the input whose pixels it returns as they were, outside of what it changes.
    paper: of a `gray` input that is a line drawing, what it is drawn on: "white" or "black".
    """

    name: str
    kind: str
    scale: float = 1
    default: float | None = None
    range: tuple[float, float] | None = None
    description: str = ""
    unit: str = ""
    palette: tuple[tuple[int, int, int], ...] = ()
    names: tuple[str, ...] = ()
    limbs: tuple[tuple[int, int], ...] = ()
    keeps: str = ""
    paper: str = ""

    def __post_init__(self) -> None:
        what = type(self).__name__.lower()
        if not self.name:
            raise ManifestError(f"manifest has an {what} without a name")
        if not _KIND.fullmatch(self.kind):
            raise ManifestError(
                f"{what} {self.name!r} has the unknown kind {self.kind[:40]!r}; known: rgb, gray, "
                "labels:K, class:K, strength, angle, keypoints:K, colors:K, noise"
            )
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ManifestError(f"{what} {self.name!r}: scale must be positive; got {self.scale}")
        self._check_values(what)
        if self.limbs and (
            self.family != "keypoints" or max(max(pair) for pair in self.limbs) >= self.count
        ):
            raise ManifestError(
                f"{what} {self.name!r} of kind {self.kind!r} has limbs {list(self.limbs)}; "
                "expected pairs of its joints"
            )
        if self.paper and (self.family != "gray" or self.paper not in ("white", "black")):
            raise ManifestError(
                f"{what} {self.name!r} of kind {self.kind!r} has the paper {self.paper[:40]!r}; "
                "expected white or black, of a gray picture"
            )
        for key, values in (("palette", self.palette), ("names", self.names)):
            if values and len(values) != self.count:
                raise ManifestError(
                    f"{what} {self.name!r} of kind {self.kind!r} has {len(values)} entries in "
                    f"{key}; expected {self.count}"
                )

    def _check_values(self, what: str) -> None:
        """A default that the kind has, and a range from low to high."""
        if self.range is not None and not self.range[0] <= self.range[1]:
            raise ManifestError(
                f"{what} {self.name!r} has the range {list(self.range)}; expected the smaller first"
            )
        if self.default is None:
            return
        match self.family:
            case "class":
                known = self.default in range(self.count)
                expected = f"0..{self.count - 1}"
            case "strength":
                low, high = self.range or (-math.inf, math.inf)
                known = self.default == _AUTOMATIC or low <= self.default <= high
                expected = f"{low:g}..{high:g}, or -1 for automatic"
            case "colors":
                known, expected = self.default == _AUTOMATIC, "-1, automatic"
            case _:
                known, expected = True, ""
        if not (known and math.isfinite(self.default)):
            raise ManifestError(
                f"{what} {self.name!r} of kind {self.kind!r} has the default {self.default}; "
                f"expected {expected or 'a finite number'}"
            )

    @property
    def family(self) -> str:
        """The kind without its count: `labels` for `labels:20`."""
        return self.kind.partition(":")[0]

    @property
    def count(self) -> int:
        """K of `labels:K`, `class:K`, `keypoints:K` and `colors:K`; 0 for the others."""
        return int(self.kind.partition(":")[2] or 0)


class Input(Port):
    """One thing the graph is fed."""

    @property
    def is_picture(self) -> bool:
        """Whether a caller feeds it as a picture: `rgb`, `gray` or `labels:K`."""
        return self.family in ("rgb", "gray", "labels")


class Output(Port):
    """One thing the graph gives back."""

    @property
    def is_spatial(self) -> bool:
        """Whether it has a height and a width: `rgb`, `gray`, `labels:K` or `noise`."""
        return self.family in _SPATIAL


@dataclass(frozen=True)
class Manifest:
    """Everything a runtime, a command line or a web page needs to know of one model file.

    inputs, outputs: in the order of the graph; the first output is the default one, the first
        picture among the inputs is what every scale refers to.
    size_multiple: the graph pads height and width (mirrored, bottom and right) to it.
    min_size: smallest height and width in pixels.
    halo: input pixels around an output pixel which it depends on (`tiling = "exact"`).
    tiling: "exact" (tiles with a halo give the untiled result), "fixed" (the network works at
        `size`; pictures are fitted in and back) or "whole" (untiled, up to `max_pixels`).
    size: side, or (height, width), of the network's pictures (`tiling = "fixed"`).
    description: what the model does, in a sentence. license: SPDX identifier. data: what it was
        trained on.
    recipe: the resolved recipe as TOML. recipe_hash: SHA-256 of it, hexadecimal.
    metrics: results with their protocol. created: ISO 8601. tools: versions by package name.
    Raises ManifestError where the fields contradict each other.
    """

    name: str
    task: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    version: str = "1"
    description: str = ""
    size_multiple: int = 1
    min_size: int = 1
    halo: int = 0
    tiling: Tiling = "whole"
    size: int | tuple[int, int] | None = None
    max_pixels: int | None = None
    license: str = ""
    data: str = ""
    recipe: str = ""
    recipe_hash: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    created: str = ""
    tools: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ManifestError(
                f"manifest has schema {self.schema!r}, this version reads {SCHEMA}: "
                "update pixstack or export the model again"
            )
        if not self.name or not self.task:
            raise ManifestError("manifest needs a name and a task")
        if not self.inputs or not self.outputs:
            raise ManifestError(f"manifest {self.name!r} needs at least one input and one output")
        self.check_kept()
        for what, ports in (("input", self.inputs), ("output", self.outputs)):
            names = [port.name for port in ports]
            if len(set(names)) != len(names):
                raise ManifestError(f"manifest {self.name!r} has two {what}s of one name: {names}")
        if self.size_multiple < 1 or self.min_size < 1 or self.halo < 0:
            raise ManifestError(
                f"manifest {self.name!r}: size_multiple and min_size must be at least 1, halo at "
                f"least 0; got {self.size_multiple}, {self.min_size}, {self.halo}"
            )
        self._check_tiling()

    def _check_tiling(self) -> None:
        if self.tiling not in ("exact", "fixed", "whole"):
            raise ManifestError(
                f"manifest {self.name!r}: tiling must be exact, fixed or whole; got {self.tiling!r}"
            )
        if self.tiling == "exact":
            if self.picture is None:
                raise ManifestError(f"manifest {self.name!r}: exact tiling needs a picture input")
            flat = [output.name for output in self.outputs if not output.is_spatial]
            if flat:
                raise ManifestError(
                    f"manifest {self.name!r}: exact tiling cannot give {flat[0]!r}, which has no "
                    "height and width; use tiling = whole"
                )
            for port in (*self.inputs, *self.outputs):
                if (port.scale * self.size_multiple) % 1:
                    raise ManifestError(
                        f"manifest {self.name!r}: {port.name!r} of scale {port.scale} does not "
                        f"fall on whole pixels at multiples of {self.size_multiple}"
                    )
        if self.tiling == "fixed" and self.size is None:
            raise ManifestError(f"manifest {self.name!r}: fixed tiling needs a size")
        sides = (self.size,) if isinstance(self.size, int) else (self.size or ())
        if any(side < 1 for side in sides):
            raise ManifestError(f"manifest {self.name!r}: size must be positive; got {self.size}")
        if self.max_pixels is not None and self.max_pixels < 1:
            raise ManifestError(
                f"manifest {self.name!r}: max_pixels must be positive; got {self.max_pixels}"
            )

    def check_kept(self) -> None:
        """Outputs keep pixels of the first picture, as large as they are themselves."""
        for port in self.outputs:
            first = self.picture.name if self.picture else "none"
            if port.keeps and (port.keeps != first or port.scale != 1):
                raise ManifestError(
                    f"output {port.name!r} keeps pixels of {port.keeps!r}; expected the first "
                    f"picture, {first!r}, and a scale of 1"
                )

    @property
    def picture(self) -> Input | None:
        """The first picture among the inputs; None for a model that makes pictures from noise."""
        return next((port for port in self.inputs if port.is_picture), None)

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """`size` as (height, width)."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def input(self, name: str) -> Input:
        """The input of that name; KeyError where there is none."""
        return {port.name: port for port in self.inputs}[name]

    def output(self, name: str) -> Output:
        """The output of that name; KeyError where there is none."""
        return {port.name: port for port in self.outputs}[name]

    def to_json(self) -> str:
        """The JSON text that goes into the ONNX metadata under `MANIFEST_KEY`."""
        try:
            return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ManifestError(f"manifest {self.name!r} cannot be written: {error}") from None

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read `to_json` back. Raises ManifestError for anything missing, unknown or mistyped."""
        try:
            values = json.loads(text)
            # Half a letter, or lists in lists without end, would stop whoever writes it again.
            json.dumps(values, indent=1, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise ManifestError(f"manifest is not JSON: {error}") from None
        if not isinstance(values, dict):
            raise ManifestError(f"manifest must be a JSON object; got {type(values).__name__}")
        if values.get("schema") != SCHEMA:
            # Said before anything else: a newer schema may well have keys unknown here.
            raise ManifestError(
                f"manifest has schema {values.get('schema')!r}, this version reads {SCHEMA}: "
                "update pixstack or export the model again"
            )
        for key, port in (("inputs", Input), ("outputs", Output)):
            if isinstance(values.get(key), list):
                values[key] = tuple(
                    _build(port, entry, f"{key}[{index}]")
                    for index, entry in enumerate(values[key])
                )
        return _build(cls, values, "manifest")


def _is_number(value: object) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def _is_whole(value: object) -> bool:
    # JSON bounds no number; one of hundreds of digits cannot even become a float.
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_list(value: object, length: int | None = None) -> bool:
    return isinstance(value, list | tuple) and (length is None or len(value) == length)


def _is_color(value: object) -> bool:
    return _is_list(value, 3) and all(
        _is_whole(part) and 0 <= part <= 255 for part in cast(list[int], value)
    )


def _is_pair(value: object) -> bool:
    return _is_list(value, 2) and all(
        _is_whole(part) and part >= 0 for part in cast(list[int], value)
    )


_TEXTS = (
    *("name", "kind", "description", "unit", "task", "version", "license", "data"),
    *("recipe", "recipe_hash", "created", "tiling", "keeps", "paper"),
)
# What each key must hold, in words for the message and as a test.
_TYPES: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(_TEXTS, ("a text", lambda value: isinstance(value, str))),
    **dict.fromkeys(("schema", "size_multiple", "min_size", "halo"), ("a whole number", _is_whole)),
    "scale": ("a number", _is_number),
    "default": ("a number or null", lambda value: value is None or _is_number(value)),
    "range": (
        "two numbers or null",
        lambda value: value is None or (_is_list(value, 2) and all(map(_is_number, value))),
    ),
    "palette": (
        "a list of [red, green, blue], each 0..255",
        lambda value: _is_list(value) and all(map(_is_color, value)),
    ),
    "names": (
        "a list of texts",
        lambda value: _is_list(value) and all(isinstance(name, str) for name in value),
    ),
    "limbs": (
        "a list of pairs of whole numbers",
        lambda value: _is_list(value) and all(map(_is_pair, value)),
    ),
    "inputs": ("a list", lambda value: isinstance(value, tuple)),
    "outputs": ("a list", lambda value: isinstance(value, tuple)),
    "size": (
        "a whole number, [height, width] or null",
        lambda value: (
            value is None or _is_whole(value) or (_is_list(value, 2) and all(map(_is_whole, value)))
        ),
    ),
    "max_pixels": (
        "a whole number or null",
        lambda value: value is None or _is_whole(value),
    ),
    "metrics": ("an object", lambda value: isinstance(value, dict)),
    "tools": (
        "an object of texts",
        lambda value: (
            isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
        ),
    ),
}
_REQUIRED = {"name", "kind", "task", "inputs", "outputs"}


def _build(cls: type[Any], values: object, where: str) -> Any:
    """One dataclass from its JSON object: no unknown, missing or mistyped key gets through."""
    if not isinstance(values, dict):
        raise ManifestError(f"{where} must be a JSON object; got {type(values).__name__}")
    known = [entry.name for entry in fields(cls)]
    for key, value in values.items():
        if key not in known:
            raise ManifestError(f"{where}.{key}: unknown key; known: {', '.join(known)}")
        expected, test = _TYPES[key]
        if not test(value):
            raise ManifestError(f"{where}.{key} must be {expected}; got {str(value)[:60]!r}")
    missing = [key for key in known if key in _REQUIRED and key not in values]
    if missing:
        raise ManifestError(f"{where}.{missing[0]} is missing")
    return cls(**{key: _tuples(key, value) for key, value in values.items()})


def _tuples(key: str, value: Any) -> Any:
    """JSON knows lists only; the dataclasses hold tuples, so that they compare and hash."""
    if key in ("palette", "limbs"):
        return tuple(tuple(entry) for entry in value)
    return tuple(value) if isinstance(value, list) else value
