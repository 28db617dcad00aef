"""Kinds: what a registry takes, builds and refuses."""

from dataclasses import dataclass

import pytest

from translate.registry import Registry
from translate.tables import TableError, plain


@pytest.fixture
def shapes() -> Registry:
    registry = Registry("shape")

    @registry.register("circle")
    @dataclass(frozen=True)
    class Circle:
        radius: float = 1.0

    @registry.register("square")
    @dataclass(frozen=True)
    class Square:
        side: float

    return registry


def test_a_kind_builds_its_spec(shapes: Registry) -> None:
    spec = shapes.parse({"kind": "square", "side": 2}, "shape")
    assert type(spec) is shapes["square"]
    assert (spec.side, spec.kind) == (2.0, "square")
    assert plain(spec) == {"kind": "square", "side": 2.0}
    assert list(shapes) == ["circle", "square"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "sqare"}, "a.kind: unknown kind 'sqare'; did you mean 'square'? known: circle, "),
        ({"kind": 3}, "a.kind: unknown kind 3; known: circle, square"),
        ({"kind": ["circle"]}, "a.kind: unknown kind ['circle']; "),
        ({"kind": {"circle": 1}}, "a.kind: unknown kind {'circle': 1}; "),
        ({"radius": 1}, "a.kind: missing; known: circle, square"),
        ({"kind": "circle", "side": 1}, "a.side: unknown key; known: radius"),
        ({"kind": "square"}, "a.side: missing; a number is needed"),
        ("circle", "a: expected a table with a kind, got 'circle'"),
    ],
)
def test_what_is_refused(shapes: Registry, table: object, message: str) -> None:
    with pytest.raises(TableError) as error:
        shapes.parse(table, "a")
    assert str(error.value).startswith(message)


def test_a_kind_stands_once(shapes: Registry) -> None:
    @dataclass(frozen=True)
    class Other:
        radius: float = 1.0

    with pytest.raises(ValueError, match=r"'circle' is registered twice; known: circle, square"):
        shapes.register("circle")(Other)
    assert shapes["circle"] is not Other


def test_only_dataclasses_are_specs(shapes: Registry) -> None:
    class Bare:
        pass

    with pytest.raises(TypeError, match="'bare' must be a dataclass"):
        shapes.register("bare")(Bare)
    assert "bare" not in list(shapes)
