"""TOML files that come with the project, told from those of a user by their suffix."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from translate.tables import TableError, suggest


@dataclass(frozen=True)
class Shipped:
    """A folder of them in the package ``stacks``.

    folder: its name. kind: what one that ships is called; file: what one of a user is called.
    hint: what else a name that is not known could have been.
    """

    folder: str
    kind: str
    file: str
    hint: str = ""

    @property
    def place(self) -> Traversable:
        """Where they lie, which may be in a wheel."""
        return resources.files("stacks") / self.folder

    def names(self) -> list[str]:
        """Those that come with the project."""
        return sorted(
            entry.name.removesuffix(".toml")
            for entry in self.place.iterdir()
            if entry.name.endswith(".toml")
        )

    def text(self, name: str) -> str:
        """The TOML of one that comes with the project, with its comments.

        Raises:
            TableError: none of that name; the known ones are listed.
        """
        known = self.names()
        if name not in known:
            raise TableError(f"{name}: no such {self.kind}; {suggest(name, known)}{self.hint}")
        return (self.place / f"{name}.toml").read_text("utf-8")

    def source(self, name: str) -> str:
        """The TOML of a user's file, or of one that comes with the project.

        Raises:
            TableError: none of that name, or no TOML.
            FileNotFoundError: a path that does not exist.
        """
        path = Path(name)
        if path.suffix != ".toml":
            if path.exists() and name not in self.names():
                raise TableError(f"{name}: is no {self.file}; expected a .toml file, or a name")
            return self.text(name)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such {self.file} file")
        try:
            text = path.read_text("utf-8")
            self.table(text)
        except UnicodeDecodeError:
            raise TableError(f"{path}: not a text in UTF-8, which TOML is") from None
        except TableError as error:
            raise TableError(f"{path}: {error}") from None
        return text

    def table(self, text: str) -> dict[str, Any]:
        """TOML as nested tables.

        Raises:
            TableError: the text is not valid TOML.
        """
        try:
            return tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise TableError(f"the {self.file} is not valid TOML: {error}") from None
