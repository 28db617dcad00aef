"""The tables of pairs of hands, on a made-up list of runs."""

import csv
from pathlib import Path

import pytest

from stacks.data import training_groups
from stacks.recipe import parse_recipe
from stacks.tables.hand_pairs import write
from tests.photographs import window, write_pictures

HEAD = "run,complete,gesture,file"
RUNS = {"7": "abc", "8": "ab", "9": "abc", "12": "cab"}
"""Gestures of each run, as its pictures were taken; run 8 is not complete."""

RECIPE = """
name = "hands"
[data]
layout = "table"
views = { source = "rgb", gesture = "class:3", target = "rgb" }
names = { gesture = ["a", "b", "c"] }
size = 16
[[data.folder]]
path = "hand-pairs-train.csv"
[[stage]]
name = "move"
reads = ["source", "gesture"]
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
[[phase]]
train = ["move"]
steps = 1
"""


@pytest.fixture
def hands(tmp_path: Path) -> Path:
    """Folders of gestures, with pictures named by their run, and the list of runs."""
    folder = tmp_path / "hands"
    lines = [HEAD]
    for name, gestures in RUNS.items():
        for gesture in gestures:
            write_pictures(folder / gesture, {f"{name}.png": window("coffee", 20, 20)})
            lines.append(f"{name},{int(len(gestures) == 3)},{gesture},{gesture}/{name}.png")
    (folder / "runs.csv").write_text("\n".join(lines) + "\n")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_all_ordered_pairs_of_complete_runs(
    hands: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(hands, tmp_path, held_out=1)
    train = rows(tmp_path / "hand-pairs-train.csv")
    assert [row["name"] for row in train] == [
        f"{name}-{pair}"
        for name in ("7", "9")
        for pair in ("a-b", "a-c", "b-a", "b-c", "c-a", "c-b")
    ]
    assert train[0] == {
        "name": "7-a-b", "source": "hands/a/7.png", "target": "hands/b/7.png", "gesture": "b"
    }  # fmt: skip
    # The last run is held out whole.
    held = rows(tmp_path / "hand-pairs-validation.csv")
    assert len(held) == 6
    assert {Path(row[view]).stem for row in held for view in ("source", "target")} == {"12"}
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'hand-pairs-train.csv'}: 12 pairs of 2 hands",
        f"{tmp_path / 'hand-pairs-validation.csv'}: 6 pairs of 1 hands",
    ]


def test_a_recipe_reads_the_table(hands: Path, tmp_path: Path) -> None:
    write(hands, tmp_path, held_out=1)
    [(pairs, _)] = training_groups(parse_recipe(RECIPE, [f"data.root={str(tmp_path)!r}"]))
    assert len(pairs) == 12
    assert [pairs.values(index)["gesture"] for index in range(6)] == [1, 2, 0, 2, 0, 1]
    assert pairs.items[2].views["source"].path == hands / "b" / "7.png"
    assert set(pairs.load(2)) == {"source", "target"}


def test_pictures_are_named_from_the_root_of_the_data(hands: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "data").mkdir(parents=True)
    hands = hands.rename(root / "data" / "hands")
    write(hands, root, held_out=1)
    [first, *_] = rows(root / "hand-pairs-train.csv")
    assert first["source"] == "data/hands/a/7.png"
    with pytest.raises(SystemExit, match=r"hands: does not lie beneath .*other; tables name pict"):
        write(hands, tmp_path / "other")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "runs.csv: no such file; expected columns run, complete, gesture, file"),
        ("run,gesture,file\n", "runs.csv: has no column 'complete'"),
        (f"{HEAD}\n7,1,a,a/7.png\n", "hands: 1 complete runs; 1 to be held out, expected 1 to 0"),
    ],
)
def test_lists_that_do_not_do(tmp_path: Path, content: str | None, message: str) -> None:
    (tmp_path / "hands").mkdir()
    if content is not None:
        (tmp_path / "hands" / "runs.csv").write_text(content)
    with pytest.raises(SystemExit) as error:
        write(tmp_path / "hands", tmp_path, held_out=1)
    assert str(error.value).endswith(message)
    assert not list(tmp_path.glob("*.csv"))


@pytest.mark.parametrize("count", [-1, 0, 3])
def test_some_are_trained_on_and_some_held_out(hands: Path, tmp_path: Path, count: int) -> None:
    said = f"hands: 3 complete runs; {count} to be held out, expected 1 to 2"
    with pytest.raises(SystemExit, match=said):
        write(hands, tmp_path, held_out=count)
    assert not list(tmp_path.glob("*.csv"))
