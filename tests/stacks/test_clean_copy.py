"""The copy that the doctor writes: each file at its own place, and none of the data changed."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pixstack.cli import main
from stacks.data import training_groups
from stacks.doctor import clean as doctor
from stacks.doctor.examine import examine
from stacks.doctor.subject import open_subject
from stacks.recipe import parse_recipe
from tests.stacks import tiny
from tests.stacks.faults import healthy, label_map, luma, other_look, photo, write
from tests.stacks.test_doctor import snapshot
from tests.tars import png, write_tar
from translate.pictures import File


def fixed(data: Path, clean: Path) -> int:
    """Write the clean copy; the exit code."""
    report = clean.with_name("report.json")
    return main(["check-data", str(data), "--fix", str(clean), "--json", str(report)])


def rows(table: Path) -> list[dict[str, str]]:
    with open(table, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def beside(root: Path, header: str = "source,target") -> Path:
    """A table of pairs in one folder: colors in N.png, gray in N.jpg, which reading translates."""
    lines = [header]
    for index in range(6):
        write(root / "pairs" / f"{index}.png", photo(index))
        write(root / "pairs" / f"{index}.jpg", luma(other_look(photo(index))))
        named = {"source": f"pairs/{index}.png", "target": f"pairs/{index}.jpg"}
        lines.append(",".join(named[view] for view in header.split(",")))
    # Of views that are mostly of colors, gray is what is odd.
    for index in range(6, 16):
        for folder, pixels in (("A", photo(index)), ("B", other_look(photo(index)))):
            write(root / folder / f"{index}.png", pixels)
        named = {"source": f"A/{index}.png", "target": f"B/{index}.png"}
        lines.append(",".join(named[view] for view in header.split(",")))
    table = root / "pairs.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


@pytest.mark.parametrize("header", ["source,target", "target,source"])
def test_names_that_differ_in_their_endings_alone_stay_apart(tmp_path: Path, header: str) -> None:
    table, clean = beside(tmp_path / "data", header), tmp_path / "clean"
    before = snapshot(tmp_path / "data")
    assert fixed(table, clean) == 0
    assert snapshot(tmp_path / "data") == before
    for index, row in enumerate(rows(clean / "pairs.csv")[:6]):
        assert row["source"] == f"pairs/{index}.png"
        assert row["target"] == f"pairs/{index}.jpg.png"
        source, target = (np.asarray(Image.open(clean / row[view])) for view in row)
        if header != "source,target":
            source, target = target, source
        assert (source == photo(index)).all()
        given = np.asarray(Image.open(tmp_path / "data" / "pairs" / f"{index}.jpg"))
        assert target.shape == (64, 64, 3)
        # Two decoders of JPEG may round apart.
        assert np.abs(target.astype(int) - given[..., None]).max() <= 1


def test_a_name_that_is_taken_twice_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, clean = beside(tmp_path / "data"), tmp_path / "clean"
    write(tmp_path / "data" / "pairs" / "0.jpg.png", photo(7))
    with open(table, "a", encoding="utf-8") as lines:
        lines.write("pairs/0.jpg.png,pairs/0.png\n")
    before = snapshot(tmp_path / "data")
    assert fixed(table, clean) == 1
    assert "0.jpg would become pairs/0.png or pairs/0.jpg.png, which" in capsys.readouterr().err
    assert snapshot(tmp_path / "data") == before
    assert not clean.exists()


def test_some_file_systems_take_no_notice_of_case() -> None:
    paths = [Path(name) for name in ("1.JPG", "1.PNG", "2.Png", "2.tif", "3.jpg")]
    given: dict[File, Path] = {Path("/data") / path: path for path in paths}
    translated = {Path("/data") / name for name in ("1.JPG", "2.tif", "3.jpg")}
    places = doctor.places_of_files(given, translated)
    assert [places[path].name for path in given] == [
        *("1.JPG.png", "1.PNG", "2.Png", "2.tif.png", "3.png")
    ]


def test_samples_that_would_share_a_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members: dict[str, bytes | str] = {}
    for index, key in enumerate(("x/a", "x-a", "b", "c")):
        members[f"{key}.source.png"] = png(photo(index))
        # As JPEG by name alone: the two samples share no name but for the ending.
        target = f"{key}.target.{'jpg' if index else 'png'}"
        members[target] = png(other_look(photo(index)))
    members["x/a.source.jpg"] = members.pop("x/a.source.png")
    assert fixed(write_tar(tmp_path / "1.tar", members), tmp_path / "clean") == 1
    assert "would both be source/x-a; rename one of them" in capsys.readouterr().err


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP])
def test_files_are_copied_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(path: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    root, clean = healthy(tmp_path / "data", 4), tmp_path / "clean"
    assert fixed(root, clean) == 0
    for path in (clean / "A").iterdir():
        assert path.stat().st_nlink == 1
        assert path.read_bytes() == (root / "A" / path.name).read_bytes()


def test_files_are_linked_or_copied_as_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = healthy(tmp_path / "data", 4)
    command = ["check-data", str(root), "--json", str(tmp_path / "report.json")]
    for clean, options, names in (("linked", [], 2), ("copied", ["--copy"], 1)):
        assert main([*command, "--fix", str(tmp_path / clean), *options]) == 0
        for path in (tmp_path / clean / "A").iterdir():
            # Of a link, both names are of one file.
            assert path.stat().st_nlink == names
            assert path.read_bytes() == (root / "A" / path.name).read_bytes()
        shutil.rmtree(tmp_path / clean)
    capsys.readouterr()
    assert main([*command, "--copy"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "--copy is about what --fix writes" in line


def test_a_link_over_another_file_is_an_error(tmp_path: Path) -> None:
    given, other = tmp_path / "given.png", tmp_path / "other.png"
    write(given, photo(0))
    write(other, photo(1))
    with pytest.raises(FileExistsError):
        doctor.bring(given, other, copy=False)
    assert (np.asarray(Image.open(other)) == photo(1)).all()


def test_a_translation_is_not_written_through_a_link(tmp_path: Path) -> None:
    original = write(tmp_path / "original.png", photo(0))
    target = tmp_path / "target.png"
    target.hardlink_to(original)
    doctor.translate(write(tmp_path / "gray.png", luma(photo(1))), "rgb", target)
    assert (np.asarray(Image.open(original)) == photo(0)).all()
    assert (np.asarray(Image.open(target))[..., 0] == luma(photo(1))).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("gray.png", "original.png", "target.png")
    ]


def test_the_report_counts_what_was_brought_and_translated(tmp_path: Path) -> None:
    assert fixed(beside(tmp_path / "data"), tmp_path / "clean") == 0
    fixes = json.loads((tmp_path / "report.json").read_text())["fixed"]
    assert fixes == {"items": 16, "left_out": 0, "brought": 26, "translated": 6}


RECIPE = (
    """
name = "tables"
[data]
root = "{root}"
layout = "table"
size = 32
folder = [{{ path = "train.csv" }}, {{ path = "./more.jsonl" }}]
[validation]
folder = [{{ path = "val.csv" }}]
"""
    + tiny.ONE_STAGE
)


LABELED = (
    """
name = "labeled"
[data]
root = "{root}"
views = {{ source = "labels:{count}", target = "rgb" }}
{palette}
size = 32
"""
    + tiny.ONE_STAGE
)


def named(index: int) -> dict[str, str]:
    return {"name": f"{index}", "source": f"A/{index:02d}.png", "target": f"B/{index:02d}.png"}


def three_tables(root: Path) -> Path:
    """A recipe of tables of 4, 1 and 3 rows; row 2 of the first is held out too."""
    healthy(root, 8)
    lines = ["name,source,target", *(",".join(named(n).values()) for n in range(4))]
    (root / "train.csv").write_text("\n".join(lines) + "\n")
    (root / "more.jsonl").write_text(json.dumps(named(4)) + "\n")
    lines = ["name,source,target", *(",".join(named(n).values()) for n in (1, 6, 7))]
    (root / "val.csv").write_text("\n".join(lines) + "\n")
    file = root.with_name("tables.toml")
    file.write_text(RECIPE.format(root=root))
    return file


def test_a_row_that_is_held_out_too_goes_from_the_training_alone(tmp_path: Path) -> None:
    recipe, clean = three_tables(tmp_path / "data"), tmp_path / "clean"
    assert fixed(recipe, clean) == 1
    assert [row["name"] for row in rows(clean / "train.csv")] == ["0", "2", "3"]
    assert [row["name"] for row in rows(clean / "val.csv")] == ["1", "6", "7"]
    assert json.loads((clean / "more.jsonl").read_text()) == named(4)
    recipe.write_text(RECIPE.format(root=clean))
    assert main(["check-data", str(recipe), "--json", "-"]) == 0


def test_a_row_of_two_that_are_alike_goes(tmp_path: Path) -> None:
    """One table trains with its first rows and validates with its last."""
    recipe, clean = three_tables(tmp_path / "data"), tmp_path / "clean"
    lines = [",".join(named(n).values()) for n in (0, 1, 2, 3, 1, 4)]
    table = "\n".join(["name,source,target", *lines]) + "\n"
    (tmp_path / "data" / "train.csv").write_text(table)
    text = recipe.read_text().replace(', { path = "./more.jsonl" }', "")
    text = text.replace('{ path = "train.csv" }', '{ path = "train.csv", pictures = ":-2" }')
    text = text.replace('{ path = "val.csv" }', '{ path = "train.csv", pictures = "-2:" }')
    recipe.write_text(text)
    assert fixed(recipe, clean) == 1
    assert [row["name"] for row in rows(clean / "train.csv")] == ["0", "2", "3", "1", "4"]


def test_rows_name_what_their_pictures_became(tmp_path: Path) -> None:
    """However the table writes their paths."""
    root, clean = healthy(tmp_path / "data", 8), tmp_path / "clean"
    write(root / "B" / "05.jpg", luma(other_look(photo(5))))
    lines = ["source,target", *(f"A/{n:02d}.png,B/{n:02d}.png" for n in range(8) if n != 5)]
    (root / "pairs.csv").write_text("\n".join([*lines, "./A/05.png,.//B/./05.jpg"]) + "\n")
    (root / "B" / "05.png").unlink()
    assert fixed(root / "pairs.csv", clean) == 0
    assert list(rows(clean / "pairs.csv")[-1].values()) == ["./A/05.png", "B/05.png"]
    assert (clean / "B" / "05.png").is_file()
    assert main(["check-data", str(clean / "pairs.csv"), "--json", "-"]) == 0


def test_cells_without_a_column_are_left_out(tmp_path: Path) -> None:
    root, clean = healthy(tmp_path / "data", 4), tmp_path / "clean"
    lines = [f"A/{n:02d}.png,B/{n:02d}.png,{'a note' if n % 2 else 'b'},," for n in range(4)]
    (root / "pairs.csv").write_text("\n".join(["source,target", *lines]) + "\n")
    assert fixed(root / "pairs.csv", clean) == 0
    assert [list(row) for row in rows(clean / "pairs.csv")] == [["source", "target"]] * 4


def test_a_table_of_another_ending_stays_what_it_is(tmp_path: Path) -> None:
    recipe, clean = three_tables(tmp_path / "data"), tmp_path / "clean"
    (tmp_path / "data" / "train.csv").rename(tmp_path / "data" / "train.txt")
    recipe.write_text(recipe.read_text().replace("train.csv", "train.txt"))
    assert fixed(recipe, clean) == 1
    assert [row["name"] for row in rows(clean / "train.txt")] == ["0", "2", "3"]


@pytest.mark.parametrize("where", ["../data/train.csv", "{root}/train.csv"])
def test_no_table_outside_of_the_root_is_written(
    tmp_path: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, clean = three_tables(tmp_path / "data"), tmp_path / "clean"
    (tmp_path / "lists").mkdir()
    path = where.format(root=tmp_path / "data")
    text = recipe.read_text().replace("train.csv", path)
    for table in ("val.csv", "more.jsonl"):
        text = text.replace(table, f"../data/{table}")
    recipe.write_text(text.replace(f'root = "{tmp_path}/data"', f'root = "{tmp_path}/lists"'))
    for folder in ("A", "B"):
        (tmp_path / "lists" / folder).symlink_to(tmp_path / "data" / folder)
    before = snapshot(tmp_path)
    assert fixed(recipe, clean) == 1
    assert f"{path}: does not lie beneath {tmp_path / 'lists'}" in capsys.readouterr().err
    assert snapshot(tmp_path) == before


def test_a_table_may_be_named_from_the_root_of_the_system(tmp_path: Path) -> None:
    recipe, clean = three_tables(tmp_path / "data"), tmp_path / "clean"
    path = str(tmp_path / "data" / "train.csv")
    recipe.write_text(recipe.read_text().replace("train.csv", path))
    before = snapshot(tmp_path / "data")
    assert fixed(recipe, clean) == 1
    assert [row["name"] for row in rows(clean / "train.csv")] == ["0", "2", "3"]
    assert snapshot(tmp_path / "data") == before


def test_tars_outside_of_the_root_leave_the_data_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, first in (("a", 0), ("b", 4)):
        members: dict[str, bytes | str] = {}
        for index in range(4):
            members[f"{index}.source.png"] = png(photo(first + index))
            members[f"{index}.target.png"] = png(other_look(photo(first + index)))
        write_tar(tmp_path / name / f"{name}.tar", members)
    text = RECIPE.format(root=tmp_path / "a").replace('"table"', '"shards"')
    text = text.replace(', { path = "./more.jsonl" }', "").replace("train.csv", "a.tar")
    recipe = tmp_path / "tars.toml"
    recipe.write_text(text.replace("val.csv", f"{tmp_path}/b/b.tar"))
    assert fixed(recipe, tmp_path / "clean") == 1
    assert "b.tar: does not lie beneath" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["b.tar"]


@pytest.mark.parametrize("quick", [False, True])
def test_label_maps_of_sixteen_bits_stay_what_training_reads(tmp_path: Path, quick: bool) -> None:
    """Dark red, 128 of 255, is not the red of 255, which is a label too."""
    root, clean = tmp_path / "data", tmp_path / "clean"
    palette = np.array([[0, 0, 0], [128, 0, 0], [255, 0, 0], [250, 250, 50]], np.uint16)
    for index in range(4):
        wide = palette[label_map(index)] * 257
        write(root / "target" / f"{index}.png", photo(index))
        (root / "source").mkdir(exist_ok=True)
        cv2.imwrite(str(root / "source" / f"{index}.png"), wide[..., ::-1])
    text = LABELED.format(root=root, count=4, palette=f"palette.source = {palette.tolist()}")
    recipe = parse_recipe(text)
    report = examine(open_subject("labeled", recipe), quick, workers=1)
    assert {one.check for one in report.findings} == {"mode"}
    assert doctor.write_clean(report, clean)["translated"] == 4
    copy = replace(recipe, data=replace(recipe.data, root=str(clean)))
    assert examine(open_subject("copy", copy), quick, workers=1).findings == []
    [(given, _)], [(copied, _)] = training_groups(recipe), training_groups(copy)
    for index in range(4):
        assert (given.load(index)["source"][..., 0] == label_map(index)).all()
        assert (copied.load(index)["source"] == given.load(index)["source"]).all()


def test_ids_above_those_of_eight_bits_become_no_label(tmp_path: Path) -> None:
    """Not even where a quick check lets them pass."""
    root, clean = tmp_path / "data", tmp_path / "clean"
    for index in range(3):
        ids = label_map(index).astype(np.uint16)
        ids[0, 0] = 300 if index == 1 else 255
        write(root / "source" / f"{index}.png", ids)
        write(root / "target" / f"{index}.png", photo(index))
    recipe = parse_recipe(LABELED.format(root=root, count=256, palette=""))
    report = examine(open_subject("labeled", recipe), quick=True, workers=1)
    doctor.write_clean(report, clean)
    maps = [np.asarray(Image.open(clean / "source" / f"{index}.png")) for index in range(3)]
    assert [one.dtype for one in maps] == [np.uint8, np.uint16, np.uint8]
    assert [one[0, 0] for one in maps] == [255, 300, 255]
    report = examine(open_subject("labeled", recipe), workers=1)
    [finding] = [one for one in report.findings if one.severity == "error"]
    assert "300 (1 pixels); labels are 0..255" in finding.what
