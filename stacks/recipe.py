"""TOML <-> `Recipe`; overrides from the command line."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stacks.data_spec import DataSpec, FolderSpec
from stacks.presets import source_text, table_of
from stacks.spec import Recipe
from translate.tables import TableError, UnknownKind, parse, plain


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe from a file or a preset's name, with ``key.path=value`` overrides applied.

    Raises:
        TableError: unknown key, bad value, bad TOML, no text; the message names the key's path.
        FileNotFoundError: a path that does not exist.
    """
    return parse_recipe(source_text(name), overrides)


def parse_recipe(text: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe from TOML text."""
    table = table_of(text)
    for override in overrides:
        apply_override(table, override)
    try:
        return parse(Recipe, table)
    except UnknownKind as error:
        # A misspelt one has its hint; what is like no kind at all may be somebody's own.
        own = (
            "" if "did you mean" in str(error) else "; kinds of one's own come with --plugin MODULE"
        )
        raise UnknownKind(f"{error}{own}") from None


def apply_override(table: dict[str, Any], override: str) -> None:
    """Set ``stage.0.generator.depth=6`` in a table; the value is read as TOML, else as text."""
    path, equals, given = override.partition("=")
    if not equals or not all(path.strip().split(".")):
        raise TableError(f"--set {override}: expected KEY.PATH=VALUE")
    try:
        value = tomllib.loads(f"value = {given}")["value"]
    except tomllib.TOMLDecodeError:
        value = given
    put(table, path.strip(), value, f"--set {override}")


def put(table: dict[str, Any], path: str, value: Any, said: str) -> None:
    """Set what stands at ``stage.0.generator.depth`` in nested tables; ``said`` begins errors.

    Raises:
        TableError: the path leads through something that is no table, or out of a list.
    """
    keys = path.split(".")
    place: Any = table
    for depth, key in enumerate(keys, start=1):
        if not isinstance(place, (dict, list)):
            raise TableError(f"{said}: {'.'.join(keys[: depth - 1])} is no table")
        where: Any = list_index(key, place, said) if isinstance(place, list) else key
        if depth == len(keys):
            place[where] = value
        elif isinstance(place, list):
            place = place[where]
        else:
            place = place.setdefault(where, {})


def list_index(key: str, items: list[Any], said: str) -> int:
    """The position that ``key`` names in a list."""
    if not items:
        raise TableError(f"{said}: the list is empty, so there is no position {key!r}")
    if not key.isdecimal() or int(key) >= len(items):
        raise TableError(f"{said}: expected a position of 0 to {len(items) - 1}, got {key!r}")
    return int(key)


def recipe_text(recipe: Recipe) -> str:
    """The resolved recipe as TOML: every default written out."""
    table = plain(recipe)
    lines: list[str] = []
    write_table(table, "", lines)
    return "\n".join(lines).strip() + "\n"


def changes(before: Recipe, after: Recipe) -> list[str]:
    """What differs between two recipes, as ``phase.0.steps: 100, now 200``."""
    old, new = (flat(tomllib.loads(recipe_text(recipe))) for recipe in (before, after))
    return [
        f"{key}: {old.get(key, 'nothing')}, now {new.get(key, 'nothing')}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]


def flat(value: Any, path: str = "") -> dict[str, str]:
    """Everything that stands in nested tables and lists of tables, as TOML, by its path."""
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        parts = enumerate(value)
    else:
        return {path: toml_value(value)}
    found: dict[str, str] = {}
    for key, one in parts:
        found |= flat(one, f"{path}.{key}" if path else str(key))
    return found


def portable(recipe: Recipe) -> Recipe:
    """The recipe without the places of one machine, which are nobody else's business or use."""

    def moved(folders: tuple[FolderSpec, ...]) -> tuple[FolderSpec, ...]:
        return tuple(
            replace(folder, path=path.name) if (path := Path(folder.path)).is_absolute() else folder
            for folder in folders
        )

    data = replace(recipe.data, root=DataSpec().root, folder=moved(recipe.data.folder))
    validation = replace(recipe.validation, folder=moved(recipe.validation.folder))
    return replace(recipe, data=data, validation=validation)


def recipe_hash(recipe: Recipe) -> str:
    """SHA-256 of the resolved recipe."""
    return hashlib.sha256(recipe_text(recipe).encode()).hexdigest()


def write_table(table: dict[str, Any], path: str, lines: list[str]) -> None:
    """Plain values first, then tables: TOML's order."""
    for key, value in table.items():
        if not is_nested(value):
            lines.append(f"{toml_key(key)} = {toml_value(value)}")
    for key, value in table.items():
        here = f"{path}.{toml_key(key)}" if path else toml_key(key)
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
    # The one character that stands bare in JSON's text and may not in TOML's.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(key: str) -> str:
    """A key as it is written: a view may have any name."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_value(key)
