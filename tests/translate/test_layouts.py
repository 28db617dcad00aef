"""Labels, classes and tables: what is read from files, and what is wrong with them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.photographs import window, write_pictures
from translate.layouts import Reading, find_items
from translate.pairs import DataError, Item, Palette, View

PHOTO = window("coffee", 12, 16)
IDS = np.arange(12 * 16, dtype=np.uint8).reshape(12, 16, 1) // 48
PALETTE = ((0, 0, 0), (220, 20, 60), (70, 130, 180), (250, 250, 250))
COLORS = np.array(PALETTE, np.uint8)[IDS[..., 0]]

LABELS = {"source": "labels:4", "target": "rgb"}
PALETTES = {"source": PALETTE}
GROUPS = {"group": "class:3", "target": "rgb"}
TABLE = {"source": "labels:4", "gesture": "class:3", "target": "rgb"}


def refused(folder: Path, layout: str, reading: Reading, decode: bool = False) -> str:
    """What is said of it, in one line."""

    def use() -> None:
        items = find_items(folder, layout, reading)  # type: ignore[arg-type]
        if decode:
            items[0].views["source"].decode()

    with pytest.raises(DataError) as error:
        use()
    assert "\n" not in str(error.value)
    return str(error.value)


# Labels.


@pytest.mark.parametrize("palettes", [{}, PALETTES])
def test_pictures_of_ids(tmp_path: Path, palettes: dict[str, tuple]) -> None:
    write_pictures(tmp_path / "source", {"1.png": IDS})
    write_pictures(tmp_path / "target", {"1.png": PHOTO})
    [item] = find_items(tmp_path, "views", Reading(LABELS, palettes=palettes))
    assert (item.views["source"].decode() == IDS).all()
    assert item.views["source"].decode().dtype == np.uint8


def test_colors_of_a_palette(tmp_path: Path) -> None:
    alpha = np.full((12, 16, 1), 255, np.uint8)
    indexed = Image.fromarray(COLORS).quantize(4)
    indexed.save(tmp_path / "indexed.png")
    write_pictures(tmp_path, {"1.png": COLORS, "see.png": np.concatenate([COLORS, alpha], axis=2)})
    for name in ("1.png", "see.png", "indexed.png"):
        decoded = View(tmp_path / name, "labels:4", palette=PALETTE).decode()
        assert decoded.shape == (12, 16, 1)
        assert (decoded == IDS).all(), name


@pytest.mark.parametrize("palette", [((0, 0, 0), (255,) * 3), ((255,) * 3, (0, 0, 0))])
def test_grays_of_a_palette(tmp_path: Path, palette: Palette) -> None:
    white = np.indices((12, 16)).sum(axis=0) % 3 == 0
    Image.fromarray(white).save(tmp_path / "bit.png")
    Image.fromarray(white.astype(np.uint8) * 255).save(tmp_path / "byte.png")
    Image.fromarray(white.astype(np.uint8) * 255).save(tmp_path / "lossy.jpg", quality=80)
    expected = white if palette[0][0] == 0 else ~white
    for name in ("bit.png", "byte.png", "lossy.jpg"):
        decoded = View(tmp_path / name, "labels:2", palette=palette).decode()
        assert decoded.dtype == np.uint8
        assert (decoded[..., 0] == expected).all(), name
    # All of it one label.
    Image.fromarray(np.zeros((12, 16), np.uint8)).save(tmp_path / "black.png")
    decoded = View(tmp_path / "black.png", "labels:2", palette=palette).decode()
    assert (decoded == palette.index((0, 0, 0))).all()


def test_a_color_beside_the_palette_is_refused_in_png_and_taken_for_the_nearest_in_jpeg(
    tmp_path: Path,
) -> None:
    near = COLORS.copy()
    near[3, 5] = (223, 25, 60)
    write_pictures(tmp_path, {"1.png": near})
    with pytest.raises(DataError, match=r"1\.png: has the color \(223, 25, 60\), which is not in "):
        View(tmp_path / "1.png", "labels:4", palette=PALETTE).decode()
    Image.fromarray(near).save(tmp_path / "2.jpg", quality=95, subsampling=0)
    assert (np.asarray(Image.open(tmp_path / "2.jpg")) != COLORS).any()
    assert (View(tmp_path / "2.jpg", "labels:4", palette=PALETTE).decode() == IDS).all()


def test_labels_out_of_range_and_colors_without_a_palette(tmp_path: Path) -> None:
    write_pictures(tmp_path / "source", {"1.png": IDS + 1})
    write_pictures(tmp_path / "target", {"1.png": PHOTO})
    said = refused(tmp_path, "views", Reading(LABELS), decode=True)
    assert said == (
        f"{tmp_path / 'source' / '1.png'}: has the label 4; expected ids 0..3, or labels:5 in "
        "data.views"
    )
    write_pictures(tmp_path, {"colors.png": COLORS})
    with pytest.raises(DataError, match=r"colors\.png: labels are in colors; name them in data\.p"):
        View(tmp_path / "colors.png", "labels:4").decode()


@pytest.mark.parametrize("reduce", [2, 3, 4, 5, 8])
def test_reduced_labels_are_as_large_as_reduced_photographs(tmp_path: Path, reduce: int) -> None:
    columns = np.indices((13, 21))[1].astype(np.uint8)
    path = tmp_path / f"{reduce}.png"
    Image.fromarray(columns).save(path)
    labels = View(path, "labels:21", reduce=reduce)
    photograph = View(path, "gray", reduce=reduce).decode()
    decoded = labels.decode()
    assert decoded.shape == (*labels.size(), 1) == photograph.shape
    # The label under the middle of what was averaged: at most a column beside the mean of columns.
    inner = decoded[:, : 21 // reduce]
    assert np.abs(inner.astype(int) - photograph[:, : 21 // reduce]).max() <= 1


def test_reduced_labels_by_hand(tmp_path: Path) -> None:
    Image.fromarray(np.arange(36, dtype=np.uint8).reshape(6, 6)).save(tmp_path / "1.png")
    thirds = View(tmp_path / "1.png", "labels:36", reduce=3).decode()[..., 0]
    assert thirds.tolist() == [[7, 10], [25, 28]], "the centers of the blocks"
    halves = View(tmp_path / "1.png", "labels:36", "right", reduce=3).decode()[..., 0]
    assert halves.tolist() == [[10], [28]]


@pytest.mark.parametrize(("side", "fit"), [(77, 8), (50, 11), (9, 32), (16, 16)])
def test_fitted_labels_lie_where_photographs_do(tmp_path: Path, side: int, fit: int) -> None:
    path = tmp_path / f"{side}.png"
    Image.fromarray(np.indices((side, side + 1))[0].astype(np.uint8)).save(path)
    decoded = View(path, "labels:200", fit=(fit, fit + 3)).decode()
    assert decoded.shape == (fit, fit + 3, 1)
    # Each row is the one under its center.
    expected = [int((row + 0.5) * side / fit) for row in range(fit)]
    assert decoded[:, 0, 0].tolist() == expected


def test_labels_beside_a_photograph_of_another_size(tmp_path: Path) -> None:
    write_pictures(tmp_path / "source", {"1.png": IDS})
    write_pictures(tmp_path / "target", {"1.png": PHOTO[:, :14]})
    said = refused(tmp_path, "views", Reading(LABELS))
    assert said.startswith("pair '1' has views of different sizes (source 16x12, target 14x12) in ")
    [item] = find_items(tmp_path, "views", Reading(LABELS, fit=(8, 8)))
    assert {view.decode().shape[:2] for view in item.views.values()} == {(8, 8)}


# One folder a class.


def test_one_folder_a_class(tmp_path: Path) -> None:
    for folder, names in {"cat": ["2", "1"], "ant": ["1"], "dog": ["7"]}.items():
        write_pictures(tmp_path / folder, {f"{name}.png": PHOTO for name in names})
    (tmp_path / "notes.txt").write_text("no folder")
    items = find_items(tmp_path, "classes", Reading(GROUPS))
    assert {item.name: item.values["group"] for item in items} == {
        "ant/1": 0, "cat/1": 1, "cat/2": 1, "dog/7": 2
    }  # fmt: skip
    assert (items[0].views["target"].decode() == PHOTO).all()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # In name order "10" stands before "9"; the recipe's names give a class its number.
        (("9", "10", "11"), {"9/1": 0, "10/1": 1, "11/1": 2}),
        # Names that are no folders' are for people.
        (("ten", "eleven", "nine"), {"10/1": 0, "11/1": 1, "9/1": 2}),
    ],
)
def test_classes_by_the_names_of_the_recipe(
    tmp_path: Path, names: tuple[str, ...], expected: dict[str, int]
) -> None:
    for folder in ("9", "10", "11"):
        write_pictures(tmp_path / folder, {"1.png": PHOTO})
    items = find_items(tmp_path, "classes", Reading(GROUPS, names={"group": names}))
    assert {item.name: item.values["group"] for item in items} == expected


def test_folders_that_are_no_classes(tmp_path: Path) -> None:
    said = refused(tmp_path / "gone", "classes", Reading(GROUPS))
    assert said == f"{tmp_path / 'gone'}: no such folder; expected a folder of one folder a class"
    write_pictures(tmp_path / "a", {"1.png": PHOTO})
    (tmp_path / "b").mkdir()
    said = refused(tmp_path, "classes", Reading(GROUPS))
    assert said == f"{tmp_path}: has 2 folders; view 'group' is of 3 classes, one a folder"
    (tmp_path / "c").mkdir()
    assert refused(tmp_path, "classes", Reading(GROUPS)).startswith(
        f"{tmp_path / 'b'}: holds no pictures ("
    )


# Tables.


def table(folder: Path, *lines: str, encoding: str = "utf-8", kinds: dict[str, str] = TABLE,
          names: tuple[str, ...] = ("fist", "palm", "1")) -> tuple[Path, Reading]:  # fmt: skip
    """A table of these lines beside two pictures, and how it is read."""
    write_pictures(folder / "pictures", {"ids.png": IDS, "photo.png": PHOTO, "odd.png": PHOTO[1:]})
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n", encoding)
    return folder / "pairs.csv", Reading(kinds, names={"gesture": names}, root=folder)


HEAD = "source,target,gesture"
ROW = "pictures/ids.png,pictures/photo.png"


def read(folder: Path, *lines: str, **how: str) -> list[Item]:
    file, reading = table(folder, *lines, **how)  # type: ignore[arg-type]
    return find_items(file, "table", reading)


def test_a_row_an_item(tmp_path: Path) -> None:
    items = read(
        tmp_path,
        "gesture,name,comment,target,source",
        "palm,first,any,pictures/photo.png,pictures/ids.png",
        "0,,,pictures/photo.png,pictures/ids.png",
    )
    # Rows keep their order; one without a name is named by its number.
    assert [item.name for item in items] == ["first", "000002"]
    assert [item.values for item in items] == [{"gesture": 1}, {"gesture": 0}]
    assert (items[1].views["source"].decode() == IDS).all()
    assert (items[1].views["target"].decode() == PHOTO).all()


def test_classes_by_name_before_number(tmp_path: Path) -> None:
    items = read(tmp_path, HEAD, *(f"{ROW},{text}" for text in ("fist", "0", "1", "2")))
    # The last class is called "1".
    assert [item.values["gesture"] for item in items] == [0, 0, 2, 2]


def test_tables_as_spreadsheets_write_them(tmp_path: Path) -> None:
    file, reading = table(tmp_path, HEAD, f'"{ROW.replace(",", chr(34) + "," + chr(34))}",palm')
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    [item] = find_items(file, "table", reading)
    assert item.values == {"gesture": 1}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["source,target", ROW],
         "{file}: has no column 'gesture', but data.views names it; its columns are so"),
        ([HEAD], "{file}: has no rows; expected one for each item"),
        ([""], "{file}: has no column 'source', but data.views names it; its columns are "),
        ([HEAD, f"{ROW},palm", f"{ROW},thumb"],
         "{file}, line 3: gesture is 'thumb'; expected one of fist, palm, 1"),
        ([HEAD, f"{ROW},3"], "{file}, line 2: gesture is '3'; expected one of fist, palm, 1"),
        ([HEAD, f"{ROW},-1"], "{file}, line 2: gesture is '-1'; expected one of fist, palm, 1"),
        ([HEAD, ROW], "{file}, line 2: gesture is None; expected one of fist, palm, 1"),
        ([HEAD, "", f"{ROW},"], "{file}, line 3: gesture is ''; expected one of fist, palm, 1"),
        # A quoted line break is part of its row: people look for the line, not for the row.
        ([HEAD + ",note", f'{ROW},palm,"two', 'lines"', f"{ROW},thumb,"], "{file}, line 4: gest"),
        ([HEAD, "../ids.png,pictures/photo.png,0"],
         "{file}, line 2: got the path '../ids.png'; expected one beneath {root}"),
        ([HEAD, "pictures/../../ids.png,pictures/photo.png,0"], "{file}, line 2: got the path "),
        ([HEAD, "/etc/passwd,pictures/photo.png,0"],
         "{file}, line 2: got the path '/etc/passwd'; expected one beneath {root}"),
        ([HEAD, ",pictures/photo.png,0"], "{file}, line 2: got the path ''; expected one beneath"),
        ([HEAD, "pictures/gone.png,pictures/photo.png,0"], "{root}/pictures/gone.png: no such fi"),
        ([HEAD, "pictures/ids.png,pictures/odd.png,0"],
         "pair '000001' has views of different sizes (source 16x12, target 16x11) in "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table(tmp_path: Path, lines: list[str], said: str) -> None:
    file, reading = table(tmp_path, *lines)
    assert refused(file, "table", reading).startswith(said.format(file=file, root=tmp_path))


def test_a_class_without_names_is_a_number(tmp_path: Path) -> None:
    file, reading = table(tmp_path, HEAD, f"{ROW},palm", names=())
    assert refused(file, "table", reading).endswith(
        "line 2: gesture is 'palm'; expected one of 0..2"
    )


def test_angles_of_a_table(tmp_path: Path) -> None:
    kinds = {"source": "labels:5", "turn": "angle", "target": "rgb"}
    lines = ("source,target,turn", *(f"{ROW},{text}" for text in ("45", "-7.5", " 1e3", "0")))
    file, reading = table(tmp_path, *lines, kinds=kinds)
    items = find_items(file, "table", reading)
    assert [item.values["turn"] for item in items] == [45.0, -7.5, 1000.0, 0.0]
    assert all(isinstance(item.values["turn"], float) for item in items)


@pytest.mark.parametrize("text", ["", "nan", "inf", "-inf", "left", "45 degrees"])
def test_what_is_no_angle(tmp_path: Path, text: str) -> None:
    kinds = {"source": "labels:5", "turn": "angle", "target": "rgb"}
    file, reading = table(tmp_path, "source,target,turn", f"{ROW},{text}", kinds=kinds)
    assert refused(file, "table", reading) == (
        f"{file}, line 2: turn is {text!r}; expected an angle in degrees"
    )


def test_a_table_of_json_lines_is_read_as_its_csv(tmp_path: Path) -> None:
    file, reading = table(tmp_path, HEAD, f"{ROW},palm", f"{ROW},1")
    lines = file.with_suffix(".jsonl")
    named = dict(zip(HEAD.split(","), [*ROW.split(","), "palm"], strict=True))
    numbered = named | {"gesture": 1}
    lines.write_text(f"{json.dumps(named)}\n\n{json.dumps(numbered)}\n")
    assert find_items(lines, "table", reading) == find_items(file, "table", reading)
    lines.write_text(f"{json.dumps(named)}\n[1]\n")
    assert refused(lines, "table", reading).startswith(f"{lines}, line 2: expected an object")
    unlabeled = {key: value for key, value in named.items() if key != "gesture"}
    lines.write_text(f"{json.dumps(named)}\n{json.dumps(unlabeled)}\n")
    assert refused(lines, "table", reading).startswith(f"{lines}, line 2: gesture is None; ")
    lines.write_text("{")
    assert refused(lines, "table", reading).startswith(f"{lines}: is no JSONL file in UTF-8: ")


def test_what_is_no_table(tmp_path: Path) -> None:
    reading = Reading(TABLE, root=tmp_path)
    said = f"{tmp_path}: no such table; expected a CSV file with a column a view"
    assert refused(tmp_path, "table", reading) == said
    file, reading = table(tmp_path, HEAD, f"{ROW},paume à plat", encoding="latin-1")
    assert refused(file, "table", reading).startswith(f"{file}: is no CSV file in UTF-8: ")
