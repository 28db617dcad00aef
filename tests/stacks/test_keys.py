"""The reference of keys: complete, and true to what recipes take."""

import dataclasses
import tomllib
from dataclasses import dataclass

import pytest

from stacks.keys import KINDS, Table, chosen, parent, tables, texts_of
from stacks.recipe import parse_recipe, recipe_text
from tests.repository.test_techniques_page import BASE
from translate.generators import GENERATORS

TABLES = tables()
BY_PATH = {table.path: table for table in TABLES}


def keys_of(path: str) -> dict[str, str | None]:
    return {key.name: key.default for key in BY_PATH[path].keys}


def test_every_key_and_every_table_says_what_it_is() -> None:
    silent = [f"{table.path}.{key.name}" for table in TABLES for key in table.keys if not key.text]
    assert silent == []
    assert [table.path for table in TABLES if not table.text] == []


def test_every_key_of_a_resolved_recipe_is_there() -> None:
    written = tomllib.loads(recipe_text(parse_recipe(BASE)))
    kind = {"stage.generator": ".unet", "stage.discriminator": ".patch"}

    def check(table: dict[str, object], path: str) -> int:
        known = keys_of((path or "recipe") + kind.get(path, ""))
        count = 0
        for name, value in table.items():
            here = f"{path}.{name}" if path else name
            nested = value[0] if isinstance(value, list) and value else value
            if isinstance(nested, dict) and (here in BY_PATH or here in kind):
                count += check(nested, here)
            elif name != "kind" or path in ("optimizer.generator", "optimizer.discriminator"):
                # Terms stand by their name, each a table of its own.
                assert name in known or here in (*BY_PATH, *KINDS), here
                count += 1
        return count

    assert check(written, "") > 90


@pytest.mark.parametrize("path", [path for path in BY_PATH if parent(path) == "stage.generator"])
def test_defaults_of_generators_are_what_a_recipe_gets(path: str) -> None:
    kind = path.rpartition(".")[2]
    spec = GENERATORS.parse({"kind": kind}, "generator")
    told = {
        name: tomllib.loads(f"value = {default}")["value"]
        for name, default in keys_of(path).items()
        if default is not None
    }
    made = {name: getattr(spec, name) for name in told}
    assert told == {name: list(value) if isinstance(value, tuple) else value
                    for name, value in made.items()}  # fmt: skip
    assert set(told) == {field.name for field in dataclasses.fields(spec)}


@pytest.mark.parametrize("table", TABLES, ids=list(BY_PATH))
def test_what_is_printed_is_toml(table: Table) -> None:
    read = tomllib.loads(table.toml)
    written = [name for key in table.keys if (name := key.name) and key.default]
    for part in filter(None, table.heading.partition("\n")[0].strip("[]").split(".")):
        read = read[part]
        read = read[0] if isinstance(read, list) else read
    assert set(written) <= set(read)


def test_a_needed_key_is_told_from_one_that_may_be_left_out() -> None:
    assert keys_of("phase")["steps"] is None
    assert keys_of("phase")["feed"] == '"predicted"'
    assert "# steps = ..." in BY_PATH["phase"].toml
    assert "; needed)" in BY_PATH["phase"].toml
    # Optional, with no value that says so in TOML.
    assert keys_of("stage.objective.labels")["real"] == ""
    assert "# real = ..." in BY_PATH["stage.objective.labels"].toml


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ema", ["ema"]),
        ("optimizer", ["optimizer", "optimizer.generator", "optimizer.discriminator"]),
        ("unet", ["stage.generator.unet"]),
        ("patch", ["stage.discriminator.patch"]),
        ("sagan", ["stage.generator.sagan", "stage.discriminator.sagan"]),
        ("data.size", ["data"]),
        ("generator.wgan", []),
        ("patience", ["validation"]),
    ],
)
def test_names_find_tables_kinds_and_keys(name: str, found: list[str]) -> None:
    assert [table.path for table in chosen(name, TABLES)] == found


def test_a_key_is_shown_alone_and_a_table_without_the_kinds_in_it() -> None:
    [table] = chosen("data.size", TABLES)
    assert [key.name for key in table.keys] == ["size"]
    assert [table.path for table in chosen("stage", TABLES)] == [
        "stage", "stage.inside", "stage.presentation", "stage.objective", "stage.objective.labels",
    ]  # fmt: skip


def test_fields_of_a_class_without_a_file_have_no_text() -> None:
    space: dict[str, object] = {"dataclass": dataclass}
    exec("@dataclass(frozen=True)\nclass Made:\n    width: int = 3\n", space)
    assert texts_of(space["Made"]) == {"width": ""}  # type: ignore[arg-type]
