"""The recipes that come with the project, and recipes as texts; found before torch is imported."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from translate.tables import TableError, suggest


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


def source_text(name: str) -> str:
    """The TOML of a recipe's file, or of a preset.

    Raises:
        TableError: no such preset, or no text.
        FileNotFoundError: a path that does not exist.
    """
    path = Path(name)
    if path.suffix != ".toml":
        return preset_text(name)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such recipe file")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise TableError(f"{path}: not a text in UTF-8, which TOML is") from None


def table_of(text: str) -> dict[str, Any]:
    """TOML as nested tables.

    Raises:
        TableError: the text is not valid TOML.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TableError(f"the recipe is not valid TOML: {error}") from None
