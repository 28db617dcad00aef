"""Further inputs of a model as a command line gives them: `--input NAME=VALUE`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixstack.errors import WrongUse

if TYPE_CHECKING:
    from export.manifest import Manifest


def split(settings: list[str]) -> Iterator[tuple[str, str]]:
    """Names and values, one after the other.

    Raises:
        WrongUse: a setting without `=`.
    """
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise WrongUse(f"--input {setting}: expected NAME=VALUE")
        yield name, value


def parse_inputs(settings: list[str], manifest: Manifest) -> dict[str, Any]:
    """Read `NAME=VALUE` settings: a number for a strength or an angle, a name or number for a
    class, `NAME=#rrggbb,...` for colors, a file for a picture, a JSON file of joints or a .npy file
    for keypoints, a .npy file for noise.

    Raises:
        WrongUse: a setting without `=`, an unknown name, or a value of the wrong kind or out of
            range.
    """
    from export.runtime.errors import InputError
    from export.runtime.values import check_value

    known = {item.name: item for item in manifest.inputs}
    values: dict[str, Any] = {}
    for name, value in split(settings):
        if name not in known:
            raise WrongUse(f"--input {name}: unknown; this model reads {', '.join(known)}")
        values[name] = _value(name, known[name].kind, value)
        try:
            check_value(known[name], values[name])
        except InputError as error:
            raise WrongUse(str(error)) from None
    return values


def check_needed(manifest: Manifest, values: Mapping[str, Any]) -> None:
    """See that what has no default is there, beside the picture that is translated.

    Raises:
        WrongUse: an input is missing, or the picture itself is given as an input.
    """
    first = manifest.picture
    if first is not None and first.name in values:
        raise WrongUse(f"--input {first.name}: this is the picture that is translated; name it IN")
    for port in manifest.inputs:
        needed = port.is_picture or port.family == "keypoints"
        if needed and port is not first and port.name not in values:
            raise WrongUse(f"--input {port.name}=FILE: missing; {manifest.name} needs it")


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
                shown = "drawn by --seed"
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
        except (ValueError, EOFError):
            raise WrongUse(f"--input {name}={text}: expected a .npy file of numbers") from None
    return Path(text)
