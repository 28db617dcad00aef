"""Every key that a recipe may hold, read from the dataclasses that read recipes.

What a key means is the text beneath its field, so it stands in one place. Kinds that plugins have
registered are there like all others.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union

from stacks.derive import DERIVED
from stacks.recipe import toml_key, toml_value
from stacks.spec import Recipe
from translate.discriminators import DISCRIMINATORS
from translate.generators import GENERATORS
from translate.registry import Registry
from translate.tables import describe, plain
from translate.terms import DISCRIMINATOR_TERMS, GENERATOR_TERMS

WIDTH = 96
KINDS: Mapping[str, Registry] = {
    "stage.generator": GENERATORS,
    "stage.discriminator": DISCRIMINATORS,
    "stage.derive": DERIVED,
    "stage.objective.generator": GENERATOR_TERMS,
    "stage.objective.discriminator": DISCRIMINATOR_TERMS,
}
"""Tables whose keys depend on a kind, and where the kinds are known."""
NAMED = {
    "stage.derive": "NAME",
    "stage.objective.generator": "",
    "stage.objective.discriminator": "",
}
"""Those of them that hold tables by a name: the user's own, or, where it is empty, the kind."""


@dataclass(frozen=True)
class Key:
    """One key of a table."""

    name: str
    allowed: str
    """In words: of what type its value is, or which ones there are."""
    default: str | None
    """As TOML; None where there is none: the key is needed."""
    text: str
    """What it means."""


@dataclass(frozen=True)
class Table:
    """One table of a recipe, or one kind of it."""

    path: str
    """``data.folder``; of a kind ``stage.generator.unet``; of the recipe itself ``recipe``."""
    heading: str
    """The lines that begin it in TOML."""
    text: str
    keys: tuple[Key, ...]

    @property
    def toml(self) -> str:
        """The table with its defaults, each key under a comment that tells what it is."""
        parts = [comment(self.text), *([self.heading] if self.heading else [])]
        for key in self.keys:
            needed = "" if key.default is not None else "; needed"
            said = f"{key.text} ({key.allowed}{needed})".strip()
            parts.append(f"{comment(said)}\n{written(key)}")
        return "\n\n".join(part for part in parts if part)


def tables() -> list[Table]:
    """All tables, in the order in which a recipe has them; kinds behind the table they are of."""
    return list(tables_of(Recipe, "recipe", ""))


def tables_of(cls: type, path: str, heading: str) -> Iterator[Table]:
    """The table that a dataclass reads, and those within it."""
    hints = typing.get_type_hints(cls)
    texts = texts_of(cls)
    keys: list[Key] = []
    inner: list[Iterator[Table]] = []
    for field in dataclasses.fields(cls):
        here = field.name if path == "recipe" else f"{path}.{field.name}"
        one, many = nested(hints[field.name])
        default = default_of(field)
        if one is not None:
            bracket = f"[[{here}]]" if many else f"[{here}]"
            inner.append(tables_of(one, here, bracket))
            allowed = "a list of tables, below" if many else "a table, below"
            # What stands in it by default is told there.
            default = default if default in (None, "[]") else ""
        elif here in KINDS:
            inner.append(kinds_of(here, texts[field.name]))
            allowed = "a table of a kind, below" if here not in NAMED else "tables by name, below"
        else:
            allowed = allowed_of(hints[field.name])
        keys.append(Key(field.name, allowed, default, texts[field.name]))
    yield Table(path, heading, text_of(cls), tuple(keys))
    for within in inner:
        yield from within


def kinds_of(path: str, text: str) -> Iterator[Table]:
    """A table for each kind that is known at ``path``."""
    registry = KINDS[path]
    for kind in registry:
        spec = registry[kind]
        own = NAMED.get(path)
        place = path if own is None else f"{path}.{own or kind}"
        heading = f"[{place}]" if own == "" else f'[{place}]\nkind = "{kind}"'
        table, *within = tables_of(spec, f"{path}.{kind}", heading)
        yield dataclasses.replace(
            table, text="\n\n".join(filter(None, sayings(spec, path))) or text
        )
        yield from within


def sayings(spec: type, path: str) -> Iterator[str]:
    """What is told of a kind: of a network, that fills a file, first what its file is of."""
    if path in ("stage.generator", "stage.discriminator"):
        yield inspect.cleandoc(inspect.getmodule(spec).__doc__ or "").partition("\n\n")[0]
    yield text_of(spec)


def nested(hint: Any) -> tuple[type | None, bool]:
    """The dataclass of a table within a table, and whether there may be several."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        given = [argument for argument in arguments if argument is not type(None)]
        return nested(given[0]) if len(given) == 1 else (None, False)
    if origin is tuple and dataclasses.is_dataclass(arguments[0]):
        return typing.cast(type, arguments[0]), True
    if dataclasses.is_dataclass(hint):
        return typing.cast(type, hint), False
    return None, False


def allowed_of(hint: Any, several: bool = False) -> str:
    """A type in words, of one value or of several."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return ", ".join(toml_value(argument) for argument in arguments)
    if origin in (Union, types.UnionType):
        given = [argument for argument in arguments if argument is not type(None)]
        return ", or ".join(allowed_of(argument, several) for argument in given)
    if origin is tuple:
        of = allowed_of(arguments[0], several=True)
        return f"{'lists' if several else 'a list'} of {of}"
    if origin is not None:
        return f"a table of {allowed_of(arguments[1], several=True)} by name"
    more = {int: "whole numbers", float: "numbers", bool: "true and false", str: "texts"}
    return more.get(hint, "tables") if several else describe(hint)


def default_of(field: dataclasses.Field[Any]) -> str | None:
    """A field's default as TOML."""
    if field.default is not dataclasses.MISSING:
        return inline(plain(field.default))
    if field.default_factory is not dataclasses.MISSING:
        return inline(plain(field.default_factory()))
    return None


def inline(value: Any) -> str:
    """A value on one line of TOML."""
    if value is None:
        # TOML has no word for nothing: the key is left out.
        return ""
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml_key(key)} = {inline(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return toml_value(value)


def written(key: Key) -> str:
    """A key as it stands in TOML; one with no default is commented out."""
    if key.default:
        return f"{key.name} = {key.default}"
    return f"# {key.name} = ..."


def comment(text: str) -> str:
    """A text as lines of comment; literals lose the marks of reStructuredText."""
    bare = re.sub(r"``(.*?)``", r"\1", text, flags=re.DOTALL)
    paragraphs = (" ".join(one.split()) for one in bare.split("\n\n"))
    wrapped = ("\n".join(textwrap.wrap(one, WIDTH - 2)) for one in paragraphs if one)
    return "\n".join(f"# {line}".rstrip() for line in "\n\n".join(wrapped).splitlines())


def text_of(cls: type) -> str:
    """A class's docstring."""
    given = cls.__dict__.get("__doc__") or ""
    # Dataclasses without one are given their signature.
    said = "" if given.startswith(f"{cls.__name__}(") else inspect.cleandoc(given)
    # What is for those who call a function from Python is no matter of recipes.
    return re.split(r"\n\n(?:Args|Raises):\n", said, maxsplit=1)[0]


@cache
def texts_of(cls: type) -> Mapping[str, str]:
    """The text beneath each field, of the class nearest to ``cls`` that has one."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            found |= {name: text for name, text in texts_in(base) if text or name not in found}
    return {field.name: found.get(field.name, "") for field in dataclasses.fields(cls)}


def texts_in(cls: type) -> Iterator[tuple[str, str]]:
    """The fields that a class itself declares, with the text beneath each."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):
        # Of a class that was made without a file, as in a notebook, the fields alone are known.
        return
    body = typing.cast(ast.ClassDef, tree.body[0]).body
    for line, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            yield line.target.id, literal(after)


def literal(line: ast.stmt | None) -> str:
    """The text that a line is, where it is one."""
    if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant):
        return inspect.cleandoc(str(line.value.value))
    return ""


def chosen(name: str, among: Sequence[Table]) -> list[Table]:
    """What a name fits: a table and those within it, a kind, or one key wherever it stands.

    Numbers are left out: ``stage.0.generator.depth`` is what ``--set`` takes.
    """
    name = re.sub(r"\.\d+(?=\.|$)", "", name)
    whole = [table for table in among if table.path == name]
    if whole:
        within = [table for table in among if table.path.startswith(f"{name}.")]
        return [*whole, *(table for table in within if parent(table.path) not in KINDS)]
    ends = [table for table in among if table.path.endswith(f".{name}")]
    if ends:
        return ends
    begins = [table for table in among if table.path.startswith(f"{name}.")]
    if begins:
        return begins
    place, _, key = name.rpartition(".")
    # The place of a kind, as a recipe has it, stands for all the kinds that may stand there.
    return [
        dataclasses.replace(table, keys=tuple(one for one in table.keys if one.name == key))
        for table in among
        if any(one.name == key for one in table.keys)
        and (not place or f".{table.path}".endswith((f".{place}", f".{place}.{last(table.path)}")))
    ]


def last(path: str) -> str:
    """The name of a table within the one around it."""
    return path.rpartition(".")[2]


def parent(path: str) -> str:
    """The table around a table."""
    return path.rpartition(".")[0]
