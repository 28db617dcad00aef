"""A folder with one of each fault: every one is found, and none in the clean copy."""

from __future__ import annotations

import json
import re
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixstack.cli import main
from stacks.doctor.examine import Report, examine
from stacks.doctor.guess import guess
from stacks.doctor.samples import samples
from stacks.doctor.subject import open_subject
from stacks.recipe import load_recipe, parse_recipe
from tests.photographs import photograph
from tests.pngs import huge_png
from tests.stacks import tiny
from tests.stacks.faults import (
    PALETTE,
    faulty_pairs,
    healthy,
    label_map,
    labeled,
    other_look,
    photo,
    truncate,
    write,
)
from translate.pairs import DataError


def checked(root: Path, quick: bool = False) -> Report:
    return examine(open_subject(str(root), guess(root), guessed=True), quick, workers=2)


def told(report: Report) -> set[tuple[str, str, str]]:
    """(check, severity, name of the file) of every finding."""
    return {(one.check, one.severity, Path(one.file).name) for one in report.findings}


def snapshot(root: Path) -> dict[Path, tuple[bytes, int]]:
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_nothing_is_wrong_with_a_healthy_folder(tmp_path: Path) -> None:
    assert checked(healthy(tmp_path / "pairs")).findings == []
    assert checked(labeled(tmp_path / "labels")).findings == []


def test_masks_may_be_grays_of_a_palette_or_ids_that_it_shows(tmp_path: Path) -> None:
    root = tmp_path / "masks"
    for index in range(9):
        inside = label_map(index) > 0
        drawn = {0: inside * 255, 1: inside, 2: inside * 128}[2 if index == 8 else index % 2]
        write(root / "source" / f"{index}.png", drawn.astype(np.uint8))
        write(root / "target" / f"{index}.png", photo(index))
    recipe = replace(
        guess(root),
        data=replace(
            guess(root).data,
            views={"source": "labels:2", "target": "rgb"},
            palette={"source": ((0, 0, 0), (255, 255, 255))},
            names={},
        ),
    )
    report = examine(open_subject(str(root), recipe, guessed=False), quick=False, workers=2)
    assert told(report) == {("palette", "error", "8.png")}


def test_every_planted_fault_is_found_and_none_in_the_clean_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, clean = tmp_path / "data", tmp_path / "clean"
    expected = faulty_pairs(root)
    before = snapshot(root)
    assert main(["check-data", str(root), "--fix", str(clean), "--json", "-"]) == 1
    result = json.loads(capsys.readouterr().out)
    found = {(f["check"], f["severity"], Path(f["file"]).name) for f in result["findings"]}
    assert found == expected
    assert all("\n" not in finding["what"] and finding["todo"] for finding in result["findings"])
    [off] = [finding for finding in result["findings"] if finding["check"] == "alignment"]
    # To a fraction of a pixel, as the windows share nine tenths of their scene alone.
    across, down = (float(part) for part in re.findall(r"[-+]\d+\.\d", off["what"]))
    assert (across, down) == pytest.approx((-5, -3), abs=0.3)
    assert snapshot(root) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clean", "data"]

    # Twenty but 01, 03, 04 and 07 to 10.
    assert result["fixed"]["items"] == 13
    assert checked(clean).findings == []
    left = {path.name for path in (clean / "A").iterdir()}
    assert left == {"02.jpg", *(f"{n:02d}.png" for n in (0, 5, 6, *range(11, 20)))}
    # What was translated is what training had read all along: 16 bits to 8, gray in three bands.
    assert (np.asarray(Image.open(clean / "A" / "05.png")) == photo(5)[..., ::-1]).all()
    gray = np.asarray(Image.open(clean / "B" / "06.png"))
    assert (gray == other_look(photo(6))[..., :1]).all()
    assert main(["check-data", str(clean), "--json", "-"]) == 0


def test_a_quick_check_reads_headers_alone(tmp_path: Path) -> None:
    faulty_pairs(tmp_path)
    needs_pixels = {"03.png", "07.png", "08.png"}
    names = {name for _, _, name in told(checked(tmp_path, quick=True))}
    assert names == {name for _, _, name in told(checked(tmp_path))} - needs_pixels


def test_colors_outside_the_palette(tmp_path: Path) -> None:
    root, clean = labeled(tmp_path / "data"), tmp_path / "clean"
    stray = PALETTE[label_map(4)]
    stray[10:14, 20:23] = (1, 2, 3)
    write(root / "source" / "04.png", stray)
    write(root / "source" / "05.png", photo(5))
    report = checked(root)
    assert told(report) == {("palette", "error", "04.png"), ("palette", "error", "05.png")}
    assert "(1, 2, 3) (12 pixels)" in report.findings[0].what
    assert list(report.labels["source"]) == [
        str(tuple(map(int, c))) for c in sorted(PALETTE.tolist())
    ]
    assert main(["check-data", str(root), "--fix", str(clean), "--json", str(tmp_path / "r")]) == 1
    assert checked(clean).findings == []


RECIPE = (
    """
name = "tiny"
[data]
root = "{root}"
views = {{ source = "labels:4", target = "rgb" }}
palette.source = [[0, 0, 255], [255, 0, 0], [0, 128, 0], [250, 250, 50]]
names.source = ["wall", "door", "tree", "sky"]
size = 32
folder = [{{ pictures = ":-4" }}]
[validation]
folder = [{{ pictures = "-4:" }}]
"""
    + tiny.ONE_STAGE
)


def test_a_recipe_says_which_labels_there_are(tmp_path: Path) -> None:
    for index in range(6):
        ids = label_map(index)
        ids[ids == 2] = 1
        colors = PALETTE[ids]
        if index == 1:
            colors[:2] = (0, 0, 254)
        write(tmp_path / "source" / f"{index}.png", colors)
        write(
            tmp_path / "target" / f"{index}.png", photo(index, 48) if index == 3 else photo(index)
        )
    recipe = parse_recipe(RECIPE.format(root=tmp_path))
    report = examine(open_subject("recipe", recipe), workers=1)
    assert told(report) == {
        ("palette", "error", "1.png"),
        ("palette", "warning", ""),
        ("size", "error", "3.png"),
    }
    assert report.subject.splits == {"training": 2, "validation": 4}
    assert "label tree stands in no picture" in report.findings[-1].what
    assert report.labels["source"]["tree"] == 0


def test_ids_above_the_last_label(tmp_path: Path) -> None:
    for index in range(3):
        ids = label_map(index).astype(np.uint8)
        ids[0, 0] = 9 if index == 2 else 0
        write(tmp_path / "source" / f"{index}.png", ids)
        write(tmp_path / "target" / f"{index}.png", photo(index))
    text = RECIPE.format(root=tmp_path).replace(":-4", ":-1").replace('"-4:', '"-1:')
    lines = [line for line in text.splitlines() if not line.startswith("palette")]
    report = examine(open_subject("recipe", parse_recipe("\n".join(lines))), workers=1)
    assert told(report) == {("palette", "error", "2.png")}
    assert "9 (1 pixels); labels are 0..3" in report.findings[0].what


def test_classes_that_are_missing_or_rare(tmp_path: Path) -> None:
    for index in range(44):
        name = "often" if index < 42 else "rare"
        write(tmp_path / name / f"{index}.png", photo(index))
    (tmp_path / "empty").mkdir()
    report = checked(tmp_path)
    kinds = {(one.check, one.severity) for one in report.findings if one.check == "classes"}
    assert ("classes", "error") in kinds
    assert [Path(f.file).name for f in report.findings if f.check == "classes"] == ["empty"]
    (tmp_path / "empty").rmdir()
    report = checked(tmp_path)
    [uneven] = [one for one in report.findings if one.check == "classes"]
    assert (uneven.severity, uneven.what) == (
        "warning",
        "label: 42 pictures of '0', 2 of '1'",
    )


def test_views_that_need_not_align_are_told_once(tmp_path: Path) -> None:
    whole = photograph("astronaut")
    for index in range(8):
        top, left, off = 30 * index, 25 * index, 4 + index
        write(tmp_path / "A" / f"{index}.png", whole[top : top + 96, left : left + 96])
        write(
            tmp_path / "B" / f"{index}.png",
            other_look(whole[top : top + 96, left + off : left + off + 96]),
        )
    alignment = [one for one in checked(tmp_path).findings if one.check == "alignment"]
    assert [(one.severity, one.file) for one in alignment] == [("warning", "")]
    assert "8 of 8 pairs" in alignment[0].what


def test_train_and_val_are_the_split(tmp_path: Path) -> None:
    healthy(tmp_path / "train", 6)
    healthy(tmp_path / "val", 1)
    report = checked(tmp_path)
    assert report.subject.splits == {"training": 6, "validation": 1}
    [finding] = report.findings
    assert (finding.check, finding.severity) == ("duplicate", "error")
    assert finding.file == str(tmp_path / "train" / "B" / "00.png")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_tables_keep_their_good_rows(tmp_path: Path, suffix: str) -> None:
    root, clean = healthy(tmp_path / "data", 8), tmp_path / "clean"
    rows = [(f"A/{n:02d}.png", f"B/{n:02d}.png", "ab"[n % 2]) for n in range(8)]
    rows[3] = ("../out.png", "B/03.png", "a")
    rows[4] = ("A/gone.png", "B/04.png", "b")
    lines = ["source,target,gesture", *(",".join(row) for row in rows)]
    if suffix == ".jsonl":
        keys = lines[0].split(",")
        lines = [json.dumps(dict(zip(keys, row, strict=True))) for row in rows]
    table = root / f"pairs{suffix}"
    table.write_text("\n".join(lines) + "\n")
    report = checked(table)
    assert [(one.check, one.severity) for one in report.findings] == [
        ("table", "error"),
        ("unreadable", "error"),
    ]
    assert report.classes == {"gesture": {"a": 3, "b": 4}}
    assert main(["check-data", str(table), "--fix", str(clean), "--json", str(tmp_path / "r")]) == 1
    mended = checked(clean / table.name)
    assert (mended.findings, mended.subject.splits) == ([], {"training": 6})


def test_columns_of_a_table_may_have_any_name(tmp_path: Path) -> None:
    rows = ["source,hair.color,target"]
    for index in range(8):
        write(tmp_path / f"a{index}.png", photo(index))
        rows.append(f"a{index}.png,{'brown' if index % 2 else 'red'},a{index}.png")
    table = tmp_path / "pairs.csv"
    table.write_text("\n".join(rows))
    recipe = guess(table)
    assert recipe.data.names == {"hair.color": ("brown", "red")}
    assert recipe.data.views["hair.color"] == "class:2"
    table.write_text(re.sub(r"(a\d)", r"elsewhere/\1", table.read_text()))
    with pytest.raises(DataError, match=r"names .*elsewhere/a0\.png, and there is no such file"):
        guess(table)


JOINTED = RECIPE.replace('source = "labels:4"', 'source = "rgb", pose = "keypoints:2"').replace(
    "[validation]",
    """[data.joints]
names = ["head", "foot"]
[validation]""",
)


def test_joints_go_with_their_pictures(tmp_path: Path) -> None:
    root, clean = tmp_path / "data", tmp_path / "clean"
    for index in range(8):
        write(root / "source" / f"{index}.png", photo(index))
        write(root / "target" / f"{index}.png", other_look(photo(index)))
    lines = [f"{n},head,9,3,1\n{n},foot,8,30,1\n" for n in range(8) if n != 2]
    (root / "pose.csv").write_text("picture,joint,x,y,visible\n" + "".join(lines))
    file = tmp_path / "jointed.toml"
    file.write_text(
        "\n".join(
            line
            for line in JOINTED.format(root=root).splitlines()
            if not line.startswith(("palette", "names.source"))
        )
    )
    report = examine(open_subject("jointed", load_recipe(str(file))), workers=2)
    assert told(report) == {("unmatched", "error", "2.png")}
    assert "'2' has no joints in" in report.findings[0].what
    [shown, *_] = samples(report, 1)
    [pose] = [one for one in shown if one.name == "pose"]
    assert pose.pixels is not None
    assert pose.pixels.shape == (32, 32, 3)
    assert main(["check-data", str(file), "--fix", str(clean), "--json", str(tmp_path / "r")]) == 1
    assert (clean / "pose.csv").read_text() == (root / "pose.csv").read_text()
    mended = parse_recipe(file.read_text(), [f"data.root={str(clean)!r}"])
    assert examine(open_subject("mended", mended), workers=2).findings == []


def test_a_tar_is_checked_and_its_sound_samples_come_in_folders(tmp_path: Path) -> None:
    root = healthy(tmp_path / "data", 8)
    truncate(root / "A" / "02.png")
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        for view, name in (("A", "source"), ("B", "target")):
            for path in sorted((root / view).iterdir()):
                archive.add(path, f"{path.stem}.{name}.png")
    report, clean = tmp_path / "report.json", tmp_path / "clean"
    arguments = ["check-data", str(tmp_path / "shard.tar"), "--json", str(report)]
    assert main([*arguments, "--fix", str(clean)]) == 1
    [finding] = json.loads(report.read_text())["findings"]
    assert finding["file"] == f"{tmp_path / 'shard.tar'}:02.source.png"
    assert len(list((clean / "source").iterdir())) == 7
    assert checked(clean).findings == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: None, "no such"),
        (lambda root: root.mkdir(), "holds no pictures"),
        (lambda root: (root / "A").mkdir(parents=True), "holds no pictures"),
        (lambda root: (root.mkdir(), (root / "a.png").write_text("text")), "not a readable"),
        (lambda root: (root.mkdir(), (root / "a.png").write_bytes(huge_png())), "60000x60000"),
    ],
)
def test_what_cannot_be_checked_is_one_line(
    tmp_path: Path, make: object, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "data")  # type: ignore[operator]
    assert main(["check-data", str(tmp_path / "data")]) == 1
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_the_page_stands_alone(tmp_path: Path) -> None:
    root, page = healthy(tmp_path / "a<b>", 6), tmp_path / "new" / "page.html"
    truncate(root / "A" / "02.png")
    assert main(["check-data", str(root), "--page", str(page), "--json", str(tmp_path / "r")]) == 1
    text = page.read_text("utf-8")
    assert text.count("data:image/png;base64,") == 2 * 12
    assert "a&lt;b&gt;" in text
    assert "a<b>" not in text
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")


def test_a_copy_is_never_written_over_or_into_the_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = healthy(tmp_path / "data", 3)
    assert main(["check-data", str(root), "--fix", str(root / "clean"), "--json", "-"]) == 1
    assert "lies inside the data" in capsys.readouterr().err
    assert main(["check-data", str(root), "--fix", str(tmp_path), "--json", "-"]) == 1
    assert "exists" in capsys.readouterr().err


def test_a_preset_on_pictures_of_its_users(tmp_path: Path) -> None:
    """Sources are made by degradation, and the page shows them in their own, smaller size."""
    for index in range(4):
        write(tmp_path / "data" / f"{index}.png", np.tile(photo(index, 200), (2, 2, 1)))
    folders = ['data.folder=[{ path = "." }]', "validation.folder=[]"]
    recipe = load_recipe("photo-sr", [f"data.root={tmp_path / 'data'}", *folders])
    report = examine(open_subject("photo-sr", recipe), workers=1)
    assert report.findings == []
    [first, second] = samples(report, 2)
    for item in (first, second):
        sizes = {shown.name: shown.pixels.shape[0] for shown in item if shown.pixels is not None}
        assert recipe.data.size == sizes["target"]
        assert sizes["target"] % sizes["source"] == 0
        assert sizes["source"] < sizes["target"]
