"""Tables of fashion photos, on a few painted people."""

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from export.describe import describe
from stacks.checkpoint import load_stack
from stacks.data import training_groups
from stacks.recipe import load_recipe
from stacks.tables import sketch_people
from stacks.tables.fashion import (
    CLASSES,
    COLUMNS,
    GARMENTS,
    GROUPS,
    NAMES,
    OUTFITS,
    split,
    with_face,
    write,
)
from stacks.train import train
from tests.photographs import write_pictures
from translate.pairs import DataError
from translate.tables import plain

LABELS = ("null", "skin", "hair", "dress", "coat", "pants", "necklace", "shoes", "bag")
HEIGHT, WIDTH = 104, 20


def person(*garments: tuple[str, int, int]) -> NDArray[np.uint8]:
    """Ids of a person of a hundred rows: hair, skin, and garments of so many rows on it."""
    ids = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    ids[2:102, 5:15] = LABELS.index("skin")
    ids[2:10, 5:15] = LABELS.index("hair")
    for name, top, bottom in garments:
        ids[top:bottom, 5:15] = LABELS.index(name)
    return ids


PEOPLE = {
    "0001": person(("dress", 25, 70)),
    "0078": person(("coat", 22, 60), ("pants", 60, 95)),
    "0300": person(("coat", 22, 95), ("necklace", 21, 22)),
    "0984": person(("pants", 60, 95), ("shoes", 97, 102)),
}


@pytest.fixture
def ccp(tmp_path: Path) -> Path:
    folder = tmp_path / "ccp"
    write_pictures(folder / "labels", {f"{name}.png": ids for name, ids in PEOPLE.items()})
    (folder / "photos").mkdir()
    for name, ids in PEOPLE.items():
        photo = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
        photo[ids[..., 0] == LABELS.index("dress")] = (250, 10, 30)
        write_pictures(folder / "photos", {f"{name}.png": photo})
        (folder / "photos" / f"{name}.png").rename(folder / "photos" / f"{name}.jpg")
    lines = [f"{index}\t{name}" for index, name in enumerate(LABELS)]
    (folder / "label_list.txt").write_text("\n".join(lines) + "\n")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames or ()) == COLUMNS
        return list(reader)


def test_photos_get_layouts_outfits_and_colors(ccp: Path, tmp_path: Path) -> None:
    before = sorted(ccp.rglob("*"))
    write(ccp, tmp_path / "out", tmp_path, held_out=1)
    assert sorted(ccp.rglob("*")) == before, "nothing is written beside the data"
    train = rows(tmp_path / "out" / "fashion-train.csv")
    # 0078 is the twin of 0984, which is held out.
    assert list(dict.fromkeys(row["name"] for row in train)) == ["0001", "0300"]
    assert [row["outfit"] for row in train[::4]] == ["dress", "dress and coat"]
    assert train[0]["source"] == train[0]["target"] == "ccp/photos/0001.jpg"
    assert train[0]["layout"] == "out/fashion-layouts/0001.png"
    assert {row["other"] for row in train[:4]} == {"out/fashion-layouts/0300.png"}
    assert [train[0][group] for group in GROUPS] == ["", "", "#fa0a1e", "", "", ""]
    [held] = rows(tmp_path / "out" / "fashion-validation.csv")
    assert (held["name"], held["outfit"]) == ("0984", "top and trousers")


def test_recipes_read_the_tables(
    ccp: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(ccp, tmp_path, held_out=1)
    assert capsys.readouterr().out.endswith(f"-o RUN --data {tmp_path}\n")
    recipe = load_recipe("fashion-parse", [f"data.root={str(tmp_path)!r}"])
    [(pairs, _)] = training_groups(recipe)
    assert len(pairs) == 8
    views = pairs.load(0)
    assert views["source"].shape == (288, 192, 3)
    assert set(np.unique(views["layout"])) == {0, 1, 2, 3, NAMES.index("dress")}


def test_recipes_name_the_classes() -> None:
    assert load_recipe("fashion-parse").data.names["layout"] == NAMES
    recipe = load_recipe("fashion")
    names = {"layout": NAMES, "outfit": OUTFITS, "colors": tuple(GROUPS)}
    assert recipe.data.names == names
    parse, shape, render = recipe.stage
    assert parse.generator == load_recipe("fashion-parse").stage[0].generator
    assert render.inside is not None
    assert shape.inside is not None
    assert set(render.inside.labels) == set(GARMENTS)
    kept = ("hair", "face", "shoes", "bag", "headwear")
    assert set(NAMES) - {NAMES[label] for label in shape.inside.labels} == set(kept)
    painted = [[NAMES.index(name) for name in parts] for parts in GROUPS.values()]
    assert [list(group) for group in plain(render.derive["painted"])["groups"]] == painted
    assert {name for names in GROUPS.values() for name in names} < set(CLASSES)
    assert len(set(OUTFITS)) == len(OUTFITS)


def test_the_face_is_the_skin_below_the_forehead() -> None:
    layout = np.zeros((110, 4), np.uint8)
    layout[5:105] = NAMES.index("dress")  # a person of a hundred rows
    layout[10:40] = NAMES.index("skin")
    found = with_face(layout)
    assert np.flatnonzero((found == NAMES.index("face")).all(axis=1)).tolist() == [*range(10, 21)]
    assert (found[21:40] == NAMES.index("skin")).all()
    assert np.array_equal(with_face(np.zeros((3, 3), np.uint8)), np.zeros((3, 3)))


def test_twins_stay_in_one_split() -> None:
    named = [{"name": name} for name in ("0078", "0100", "0907", "0984", "0990")]
    train, held = split(named, 2)
    assert [row["name"] for row in train] == ["0100"]
    assert [row["name"] for row in held] == ["0984", "0990"]
    # Both of a pair may be trained on.
    assert len(split([{"name": name} for name in ("0025", "1707", "1800")], 1)[0]) == 2


def test_data_that_do_not_do(ccp: Path, tmp_path: Path) -> None:
    for count in (-1, 0, 4):
        said = f"photos: 4 photos; {count} to be held out, expected 1 to 3"
        with pytest.raises(DataError, match=said):
            write(ccp, tmp_path, held_out=count)
        assert not list(tmp_path.glob("*.csv"))
    with pytest.raises(DataError, match=r"does not lie beneath .*out; .* --root names a folder"):
        write(ccp, tmp_path / "out", tmp_path / "out", held_out=1)
    with open(ccp / "label_list.txt", "a") as file:
        file.write("9\tspurs\n")
    with pytest.raises(DataError, match="has the label 'spurs'; known: null, hair"):
        write(ccp, tmp_path, held_out=1)
    (ccp / "label_list.txt").unlink()
    with pytest.raises(DataError, match=r"label_list\.txt: no such file"):
        write(ccp, tmp_path, held_out=1)


def test_people_get_sketches_and_layouts(ccp: Path, tmp_path: Path) -> None:
    before = sorted(ccp.rglob("*"))
    sketch_people.write(ccp, tmp_path / "out", tmp_path, held_out=1, width=WIDTH)
    assert sorted(ccp.rglob("*")) == before, "nothing is written beside the data"
    with open(tmp_path / "out" / "sketch-people-train.csv", newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [row["name"] for row in found] == ["0001", "0300"]
    assert found[0] == {
        "name": "0001",
        "source": "out/sketches/0001.png",
        "layout": "out/fashion-layouts/0001.png",
        "target": "ccp/photos/0001.jpg",
    }
    edges = np.asarray(Image.open(tmp_path / "out" / "sketches" / "0001.png"))
    # Where the dress ends, and not within it.
    assert edges[68:72, 9].max() == 255
    assert not edges[40:55, 9].any()


def test_a_sketch_preset_trains_on_its_tables(ccp: Path, tmp_path: Path) -> None:
    sketch_people.write(ccp, tmp_path, held_out=1)
    small = [
        *(f"data.root={str(tmp_path)!r}", "batch=2", "data.size=32", "data.width=32"),
        *("stage.0.generator.attention=[]", "phase.0.steps=1", "phase.1.steps=1"),
        *("phase.2.steps=1", "stage.1.discriminator.channels=4", "stage.1.discriminator.layers=1"),
        *(
            f"stage.{stage}.generator.{key}"
            for stage in (0, 1)
            for key in ("channels=4", "depth=3", "expect=4")
        ),
    ]
    recipe = load_recipe("sketch-photo", small)
    told = describe(load_stack(train(recipe, tmp_path / "run")), 0, 1, None, "1", {}, {})
    assert [port.kind for port in told.inputs] == ["gray", "noise"]
    assert told.input("source").paper == "black"
    # What the edges are taken to be of is an output too.
    assert [(port.name, port.kind) for port in told.outputs] == [
        ("target", "rgb"),
        ("parsed", "labels:15"),
    ]
    assert recipe.data.names["layout"] == NAMES
