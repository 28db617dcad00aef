"""The tables of turned objects, on empty files that are named like theirs."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from stacks.tables.turn_pairs import pairs, write


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    folder = tmp_path / "coil"
    folder.mkdir()
    for number in (1, 2, 9, 10):
        for view in range(72):
            (folder / f"obj{number}__{view}.png").touch()
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def owner(row: dict[str, str], view: str) -> str:
    return Path(row[view]).name.partition("__")[0]


def test_whole_objects_are_held_out_by_number(
    objects: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(objects, tmp_path, held_out=1, count=100)
    train, held = (rows(tmp_path / f"turn-pairs-{part}.csv") for part in ("train", "validation"))
    # By number obj10 is the last one; by name it would be the second.
    assert Counter(owner(row, "source") for row in train) == {"obj1": 100, "obj2": 100, "obj9": 100}
    assert Counter(owner(row, "source") for row in held) == {"obj10": 100}
    assert all(owner(row, "source") == owner(row, "target") for row in train + held)
    assert train[0]["source"].startswith("coil/obj1__")
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'turn-pairs-train.csv'}: 300 pairs of 3 objects",
        f"{tmp_path / 'turn-pairs-validation.csv'}: 100 pairs of 1 objects",
    ]


def test_the_turn_is_that_of_the_views_by_the_shorter_way() -> None:
    every = pairs(3, 72 * 72, "coil")
    assert len({row["name"] for row in every}) == 72 * 72
    turns = {
        tuple(int(Path(row[view]).stem.partition("__")[2]) for view in ("source", "target")): row
        for row in every
    }
    for views, turn in (((0, 9), 45), ((9, 0), -45), ((70, 2), 20), ((0, 36), 180), ((5, 5), 0)):
        assert turns[views]["turn"] == str(turn)
    assert turns[0, 37]["turn"] == "-175"


def test_every_turn_is_as_frequent_and_runs_repeat() -> None:
    some = pairs(3, 100, "coil")
    assert some == pairs(3, 100, "coil")
    assert some != pairs(4, 100, "coil")
    assert set(Counter(row["turn"] for row in some).values()) == {1, 2}
    assert len({row["name"] for row in some}) == 100


def test_objects_that_do_not_do(objects: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"nothing: no pictures named obj1__0\.png and so on"):
        write(tmp_path / "nothing", tmp_path)
    with pytest.raises(SystemExit, match="4 objects; 4 to be held out, expected 1 to 3"):
        write(objects, tmp_path, held_out=4)
    (objects / "obj9__5.png").unlink()
    with pytest.raises(SystemExit, match=r"coil: obj9__5\.png is missing"):
        write(objects, tmp_path, held_out=1)
    assert not list(tmp_path.glob("*.csv"))
