"""Strict tables: what a key may hold, and how a mistake is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest

from translate.tables import TableError, convert, parse, plain, require, suggest


@dataclass(frozen=True)
class Wheel:
    spokes: int
    radius: float = 1.0

    def __post_init__(self) -> None:
        require(self.spokes >= 3, "spokes", self.spokes, "3 or more")


@dataclass(frozen=True)
class Bicycle:
    name: str
    wheel: tuple[Wheel, ...] = ()
    color: Literal["red", "green"] = "red"
    bell: bool = False
    tags: Mapping[str, float] = field(default_factory=dict)
    front: Wheel | None = None
    gears: bool | Literal["hub"] = False
    version: Literal[1] = 1


def test_values_arrive_with_their_types() -> None:
    table = {
        "name": "a",
        "wheel": [{"spokes": 28}, {"spokes": 32, "radius": 2}],
        "tags": {"fast": 3},
        "front": {"spokes": 36},
        "gears": "hub",
    }
    bicycle = parse(Bicycle, table)
    assert bicycle == Bicycle(
        "a",
        (Wheel(28, 1.0), Wheel(32, 2.0)),
        tags={"fast": 3.0},
        front=Wheel(36),
        gears="hub",
    )
    assert isinstance(bicycle.wheel[1].radius, float)
    assert isinstance(bicycle.tags["fast"], float)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nam": "b"}, "nam: unknown key; did you mean 'name'? known: bell, color, "),
        ({"wheel": [{"spokes": 3}, {"spoke": 3}]}, "wheel[1].spoke: unknown key; did you mean "),
        ({"wheel": [{}]}, "wheel[0].spokes: missing; a whole number is needed"),
        ({"wheel": [{"spokes": 3.0}]}, "wheel[0].spokes: expected a whole number, got 3.0"),
        ({"wheel": [{"spokes": True}]}, "wheel[0].spokes: expected a whole number, got True"),
        ({"wheel": [{"spokes": "3"}]}, "wheel[0].spokes: expected a whole number, got '3'"),
        ({"wheel": [{"spokes": 2}]}, "wheel[0].spokes: got 2; allowed: 3 or more"),
        ({"wheel": [3]}, "wheel[0]: expected a table, got 3"),
        ({"wheel": {"spokes": 3}}, "wheel: expected a list, got {'spokes': 3}"),
        ({"wheel": "spokes"}, "wheel: expected a list, got 'spokes'"),
        ({"front": {"spokes": 2}}, "front.spokes: got 2; allowed: 3 or more"),
        ({"color": "blue"}, "color: got 'blue'; allowed: 'red', 'green'"),
        ({"bell": 1}, "bell: expected true or false, got 1"),
        ({"bell": "yes"}, "bell: expected true or false, got 'yes'"),
        ({"name": 4}, "name: expected text, got 4"),
        ({"tags": {"slow": "very"}}, "tags.slow: expected a number, got 'very'"),
        ({"tags": {"slow": False}}, "tags.slow: expected a number, got False"),
        ({"tags": {"slow": float("inf")}}, "tags.slow: expected a finite number, got inf"),
        ({"tags": {"slow": float("nan")}}, "tags.slow: expected a finite number, got nan"),
        ({"tags": [1]}, "tags: expected a table, got [1]"),
    ],
)
def test_a_mistake_names_its_path(change: dict[str, object], message: str) -> None:
    with pytest.raises(TableError) as error:
        parse(Bicycle, {"name": "a", **change})
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_choice_between_types_lists_all_of_them() -> None:
    with pytest.raises(TableError) as error:
        parse(Bicycle, {"name": "a", "gears": "hob"})
    assert str(error.value) == "gears: expected true or false, or 'hub', got 'hob'"


@pytest.mark.parametrize("version", [True, 1.0])
def test_a_number_of_another_type_is_not_the_allowed_one(version: object) -> None:
    # In Python True == 1 == 1.0; in a recipe `schema = true` is a mistake.
    with pytest.raises(TableError, match=r"^version: got .*; allowed: 1$"):
        parse(Bicycle, {"name": "a", "version": version})


def test_a_missing_list_is_told_in_words() -> None:
    @dataclass(frozen=True)
    class Train:
        cars: tuple[Wheel, ...]
        names: tuple[str, ...] = ()

    # The hints of a class inside a function are not found by name, so they are put there.
    Train.__annotations__.update(cars=tuple[Wheel, ...], names=tuple[str, ...])
    with pytest.raises(TableError, match=r"^cars: missing; a list is needed$"):
        parse(Train, {})


def test_the_path_of_the_whole_stands_before_the_key() -> None:
    with pytest.raises(TableError, match=r"^garage\[2\]\.name: missing; text is needed$"):
        parse(Bicycle, {}, "garage[2]")
    with pytest.raises(TableError, match=r"^recipe: expected a table, got 5$"):
        parse(Bicycle, 5)


def test_lists_become_tuples_in_depth() -> None:
    assert convert(tuple[tuple[int, ...], ...], [[1, 2], []], "a") == ((1, 2), ())
    with pytest.raises(TableError, match=r"^a\[0\]\[1\]: expected a whole number, got 'x'$"):
        convert(tuple[tuple[int, ...], ...], [[1, "x"]], "a")


def test_nothing_near_suggests_nothing() -> None:
    assert suggest("zzz", ["spokes", "radius"]) == "known: radius, spokes"
    assert suggest("radios", ["spokes", "radius"]).startswith("did you mean 'radius'? ")


def test_plain_is_the_way_back() -> None:
    bicycle = Bicycle("a", (Wheel(28),), tags={"fast": 2.0}, front=Wheel(3, 0.5))
    table = plain(bicycle)
    assert table["wheel"] == [{"spokes": 28, "radius": 1.0}]
    assert table["front"] == {"spokes": 3, "radius": 0.5}
    assert parse(Bicycle, table) == bicycle
    assert "front" not in plain(Bicycle("b")), "what is None has no TOML"
