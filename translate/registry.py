"""Kinds: a name in a recipe -> the spec dataclass that builds the module of that name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from translate.tables import TableError, UnknownKind, join, parse, suggest

Spec = TypeVar("Spec", bound=type)


class Registry:
    """The spec classes of one sort (generators, discriminators), by kind.

    A spec class is a frozen dataclass; ``kind`` becomes a class attribute, so a spec knows the name
    it is written under.
    """

    def __init__(self, sort: str) -> None:
        self.sort = sort
        self._specs: dict[str, type] = {}

    def register(self, kind: str) -> Callable[[Spec], Spec]:
        """Class decorator: make the spec known under ``kind``; a second use is an error."""

        def add(spec: Spec) -> Spec:
            if kind in self._specs:
                raise ValueError(f"{self.sort} kind {kind!r} is registered twice; {self.known()}")
            if not hasattr(spec, "__dataclass_fields__"):
                raise TypeError(f"{self.sort} kind {kind!r} must be a dataclass")
            spec.kind = kind  # type: ignore[attr-defined]
            self._specs[kind] = spec
            return spec

        return add

    def parse(self, table: object, path: str) -> Any:
        """A spec from ``{kind = "...", ...}``.

        Raises:
            UnknownKind: the known ones are listed.
            TableError: no kind, or a bad field.
        """
        if not isinstance(table, Mapping):
            raise TableError(f"{path}: expected a table with a kind, got {table!r}")
        kind = table.get("kind")
        if kind is None:
            raise TableError(f"{join(path, 'kind')}: missing; {self.known()}")
        # A list or a table, which a mapping cannot look up, is no kind either.
        if not isinstance(kind, str) or kind not in self._specs:
            known = suggest(str(kind), self._specs)
            raise UnknownKind(f"{join(path, 'kind')}: unknown kind {kind!r}; {known}")
        rest = {key: value for key, value in table.items() if key != "kind"}
        return parse(self._specs[kind], rest, path)

    def known(self) -> str:
        """The known kinds as a phrase for messages."""
        return f"known: {', '.join(sorted(self._specs))}"

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._specs))

    def __getitem__(self, kind: str) -> type:
        return self._specs[kind]
