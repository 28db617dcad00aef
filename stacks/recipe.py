"""TOML <-> `Recipe`; presets; overrides from the command line."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from stacks.spec import Recipe
from translate.tables import TableError, parse, plain, suggest


def preset_names() -> list[str]:
    """The recipes that come with the project."""
    folder = resources.files("stacks") / "recipes"
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def preset_text(name: str) -> str:
    """The TOML of a preset, with its comments.

    Raises:
        TableError: no such preset; the known ones are listed.
    """
    if name not in preset_names():
        raise TableError(f"{name}: no such preset; {suggest(name, preset_names())}")
    return (resources.files("stacks") / "recipes" / f"{name}.toml").read_text("utf-8")


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe from a file or a preset's name, with ``key.path=value`` overrides applied.

    Raises:
        TableError: unknown key, bad value, bad TOML; the message names the key's path.
        FileNotFoundError: a path that does not exist.
    """
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such recipe file")
        text = path.read_text("utf-8")
    else:
        text = preset_text(name)
    return parse_recipe(text, overrides)


def parse_recipe(text: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe from TOML text."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"the recipe is not valid TOML: {error}") from None
    for override in overrides:
        apply_override(table, override)
    return parse(Recipe, table)


def apply_override(table: dict[str, Any], override: str) -> None:
    """Set ``stage.0.generator.depth=6`` in a table; the value is read as TOML, else as text."""
    path, equals, given = override.partition("=")
    if not equals:
        raise TableError(f"--set {override}: expected KEY.PATH=VALUE")
    try:
        value = tomllib.loads(f"value = {given}")["value"]
    except tomllib.TOMLDecodeError:
        value = given
    *parents, last = path.strip().split(".")
    place: Any = table
    for key in parents:
        if isinstance(place, list):
            place = place[list_index(key, place, override)]
        else:
            place = place.setdefault(key, {})
    if isinstance(place, list):
        place[list_index(last, place, override)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise TableError(f"--set {override}: {'.'.join(parents)} is no table")


def list_index(key: str, items: list[Any], override: str) -> int:
    """The position that ``key`` names in a list."""
    if not key.isdigit() or int(key) >= len(items):
        raise TableError(f"--set {override}: expected a position of 0 to {len(items) - 1}: {key!r}")
    return int(key)


def recipe_text(recipe: Recipe) -> str:
    """The resolved recipe as TOML: every default written out."""
    table = plain(recipe)
    lines: list[str] = []
    write_table(table, "", lines)
    return "\n".join(lines).strip() + "\n"


def recipe_hash(recipe: Recipe) -> str:
    """SHA-256 of the resolved recipe."""
    return hashlib.sha256(recipe_text(recipe).encode()).hexdigest()


def write_table(table: dict[str, Any], path: str, lines: list[str]) -> None:
    """Plain values first, then tables: TOML's order."""
    for key, value in table.items():
        if not is_nested(value):
            lines.append(f"{key} = {toml_value(value)}")
    for key, value in table.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            lines.extend(["", f"[{here}]"])
            write_table(value, here, lines)
        elif is_nested(value):
            for item in value:
                lines.extend(["", f"[[{here}]]"])
                write_table(item, here, lines)


def is_nested(value: object) -> bool:
    """A table, or a list of tables."""
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    )


def toml_value(value: Any) -> str:
    """A plain value; TOML's text, numbers and lists of them are written as JSON's."""
    if isinstance(value, list):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False)
