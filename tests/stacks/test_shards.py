"""Tars of samples from `pixstack new` and `pixstack check-data` to a trained run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pixstack.cli import main
from stacks.checkpoint import STATE, read
from stacks.data import training_groups, validation_pairs
from stacks.data_spec import DataSpec
from stacks.doctor.examine import Report, examine
from stacks.doctor.guess import guess
from stacks.doctor.subject import open_subject
from stacks.recipe import load_recipe, parse_recipe
from stacks.survey import Survey
from stacks.survey_shards import survey_shards
from stacks.train import train
from tests.photographs import photograph
from tests.pngs import huge_png
from tests.stacks.faults import other_look, photo
from tests.stacks.tiny import TRANSLATION
from tests.tars import png, write_tar
from translate.pairs import DataError
from translate.tables import TableError

SIDE = 64
SHORT = ["precision=fp32", "batch=2", "phase.0.steps=1", "data.size=16"]


def pairs(count: int, first: int = 0) -> dict[str, bytes | str]:
    members: dict[str, bytes | str] = {}
    for index in range(first, first + count):
        pixels = scene(index)
        members[f"{index:03d}.source.png"] = png(pixels)
        members[f"{index:03d}.target.png"] = png(other_look(pixels))
    return members


def scene(index: int) -> np.ndarray:
    """A part of a photograph that no other one shares."""
    row, column = divmod(index, 8)
    whole = photograph("astronaut")
    return whole[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]


def classes(names: tuple[str, ...], count: int = 3) -> dict[str, bytes | str]:
    members: dict[str, bytes | str] = {}
    for place, name in enumerate(names):
        for index in range(place * count, (place + 1) * count):
            members |= {f"{index:03d}.png": png(scene(index)), f"{index:03d}.cls": name}
    return members


def written(folder: Path, *arguments: str) -> Path:
    """The recipe that `pixstack new` writes."""
    file = folder / "made.toml"
    assert main(["new", *arguments, "-o", str(file)]) == 0
    return file


def checked(path: Path | str, quick: bool = False) -> Report:
    if str(path).endswith(".toml"):
        return examine(open_subject(str(path), load_recipe(str(path))), quick, workers=2)
    return examine(open_subject(str(path), guess(Path(path)), guessed=True), quick, workers=2)


def kinds_of(found: Survey) -> dict[str, str]:
    return {view: one.kind for view, one in found.views.items()}


# Trained.


def test_a_run_on_tars_is_the_run_on_folders(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for name, content in pairs(6).items():
        key, view, _ = name.split(".")
        (root / view).mkdir(parents=True, exist_ok=True)
        (root / view / f"{key}.png").write_bytes(content)  # type: ignore[arg-type]
    write_tar(root / "tars" / "a.tar", pairs(4))
    write_tar(root / "tars" / "b.tar", pairs(2, first=4))
    learned = []
    for layout, path in (("views", "."), ("shards", "tars")):
        changes = [f"data.root={str(root)!r}", f"data.layout={layout}", "phase.0.steps=4"]
        recipe = parse_recipe(TRANSLATION, [*changes, f"data.folder=[{{ path = {path!r} }}]"])
        train(recipe, tmp_path / layout)
        learned.append(read(tmp_path / layout / "last" / "state.safetensors", STATE).tensors)
    assert list(learned[0]) == list(learned[1])
    assert all(torch.equal(learned[0][name], learned[1][name]) for name in learned[0])


def test_several_folders_and_slices(tmp_path: Path) -> None:
    for name, count, first in (("a", 3, 0), ("b", 3, 3), ("held", 2, 6)):
        write_tar(tmp_path / f"{name}.tar", pairs(count, first))
    folders = '[{ path = "a.tar" }, { path = "b.tar", pictures = ":-1", share = 3.0 }]'
    recipe = parse_recipe(TRANSLATION, [
        f"data.root={str(tmp_path)!r}", "data.layout=shards", f"data.folder={folders}",
        'validation.folder=[{ path = "held.tar" }]',
    ])  # fmt: skip
    [(first, one), (second, three)] = training_groups(recipe)
    assert [len(first), len(second), one, three] == [3, 2, 1.0, 3.0]
    assert [item.name for item in second.items] == ["003", "004"]
    [held] = validation_pairs(recipe)
    assert (held.load(1)["source"] == scene(7)).all()


# New.


def test_new_writes_a_recipe_of_pairs_that_trains(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "shards" / "faces.tar", pairs(8))
    file = written(tmp_path, str(tar))
    recipe = load_recipe(str(file), [*SHORT, "validation.every=1"])
    assert (recipe.data.layout, recipe.data.root) == ("shards", str(tar.parent))
    assert recipe.data.folder[0].path == recipe.validation.folder[0].path == "faces.tar"
    assert len(training_groups(recipe)[0][0]) == 6
    shrunk = parse_recipe(file.read_text(), [
        *SHORT, "data.size=32", "stage.0.generator={ kind = 'unet', widths = [4, 6] }",
        "stage.0.discriminator.channels=4",
    ])  # fmt: skip
    assert train(shrunk, tmp_path / "run").exists()
    report = checked(str(file))
    assert report.findings == []
    assert report.subject.splits == {"training": 6, "validation": 2}


def test_new_reads_a_folder_of_tars_and_its_names_are_those_of_training(tmp_path: Path) -> None:
    write_tar(tmp_path / "shards" / "b.tar", classes(("wolf", "cat")))
    write_tar(tmp_path / "shards" / "a.tar", {"900.png": png(scene(40)), "900.cls": "ant"})
    recipe = load_recipe(str(written(tmp_path, str(tmp_path / "shards"))))
    assert recipe.data.views == {"noise": "noise:64", "label": "class:3", "target": "rgb"}
    assert recipe.data.names == {"label": ("ant", "cat", "wolf")}
    [(found, _)] = training_groups(recipe)
    assert [item.values["label"] for item in found.items] == [0, 2, 2, 2, 1, 1, 1]


def test_numbers_targets_and_aliases(tmp_path: Path) -> None:
    numbers = write_tar(tmp_path / "1.tar", classes(("10", "2")))
    assert kinds_of(survey_shards(numbers)) == {"label": "class:11", "target": "rgb"}
    alone = write_tar(tmp_path / "2.tar", {f"{n}.png": png(scene(n)) for n in range(6)})
    recipe = load_recipe(str(written(tmp_path, str(alone))))
    assert (recipe.task, recipe.degrade.choices) == ("super-resolution", ("bicubic:4",))
    assert len(training_groups(recipe)[0][0]) == 4
    for source, target in (("A", "B"), ("input", "target")):
        renamed = {
            name.replace("source", source).replace("target", target): one
            for name, one in pairs(2).items()
        }
        found = survey_shards(write_tar(tmp_path / "3.tar", renamed))
        assert list(kinds_of(found).items()) == [("source", "rgb"), ("target", "rgb")]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"1.source.png": png(photo(0))}, "its samples hold source; expected KEY.source.png and"),
        ({**pairs(2), "001.target.png": png(photo(0)[:8])},
         ":001.source.png: has 64x64 pixels, its target 64x8; make the pictures of a sample"),
        ({'1.x = 1 }\n[optimizer].png': png(photo(0))}, "its samples hold x = 1 }"),
    ],
)  # fmt: skip
def test_new_says_in_a_line_what_it_cannot_understand(
    tmp_path: Path,
    members: dict[str, bytes | str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tar = write_tar(tmp_path / "1.tar", members)
    assert main(["new", str(tar), "-o", str(tmp_path / "made.toml")]) == 1
    [line] = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert not (tmp_path / "made.toml").exists()


# The doctor.


def test_every_fault_of_a_tar_is_found_and_none_is_in_the_copy(tmp_path: Path) -> None:
    members = pairs(12)
    del members["003.target.png"]
    members["001.source.png"] = members["001.source.png"][:-400]
    members["002.source.png"] = huge_png()
    members["004.target.png"] = png(other_look(scene(4))[:40])
    members["005.source.jpg"] = members["005.source.png"]
    members["006.source.png"] = png(np.asarray(Image.fromarray(scene(6)).convert("RGBA")))
    tar = write_tar(tmp_path / "shard.tar", members)
    file = written_by_hand(tmp_path, tar)
    expected = {
        ("unreadable", "001.source.png"),
        ("unreadable", "002.source.png"),
        ("unmatched", "003"),
        ("size", "004.target.png"),
        ("unmatched", "005.source.jpg"),
        ("mode", "006.source.png"),
    }
    for told in (tar, file):
        findings = checked(told).findings
        assert {(one.check, one.file.removeprefix(f"{tar}:")) for one in findings} == expected
    clean = tmp_path / "clean"
    assert main(["check-data", str(tar), "--fix", str(clean), "--json", str(tmp_path / "r")]) == 1
    assert json.loads((tmp_path / "r").read_text())["fixed"]["items"] == 8
    assert checked(clean).findings == []
    assert (np.asarray(Image.open(clean / "source" / "006.png")) == scene(6)).all()
    assert (clean / "target" / "000.png").read_bytes() == members["000.target.png"]


def written_by_hand(folder: Path, tar: Path) -> Path:
    where = f'root = "{tar.parent}"\nlayout = "shards"\nfolder = [{{ path = "{tar.name}" }}]'
    text = TRANSLATION.replace("[data]", f"[data]\n{where}")
    (folder / "hand.toml").write_text(text)
    return folder / "hand.toml"


def test_training_refuses_what_the_doctor_calls_an_error(tmp_path: Path) -> None:
    members = pairs(3)
    del members["001.target.png"]
    file = written_by_hand(tmp_path, write_tar(tmp_path / "1.tar", members))
    [finding] = checked(file).findings
    with pytest.raises(DataError) as error:
        training_groups(load_recipe(str(file)))
    assert str(error.value) == f"{finding.file}: {finding.what}; {finding.todo}"


def test_classes_are_unpacked_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "1.tar", classes(tuple(str(n) for n in range(11)), 2))
    clean = tmp_path / "clean"
    main(["check-data", str(tar), "--fix", str(clean), "--json", str(tmp_path / "r")])
    assert sorted(path.name for path in clean.iterdir()) == [f"{n:02d}" for n in range(11)]


def test_names_of_members_are_no_paths_in_the_copy(tmp_path: Path) -> None:
    members: dict[str, bytes | str] = {
        name.replace("000", "../../up").replace("001", "/etc/001"): one
        for name, one in pairs(4).items()
    }
    tar = write_tar(tmp_path / "data" / "1.tar", members)
    clean = tmp_path / "out" / "clean"
    assert main(["check-data", str(tar), "--fix", str(clean), "--json", str(tmp_path / "r")]) == 0
    found = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")]
    assert sorted(found) == sorted(
        f"out/clean/{view}/{name}.png"
        for view in ("source", "target")
        for name in ("up", "etc-001", "002", "003")
    )


def test_several_tars_are_told_apart_in_the_copy(tmp_path: Path) -> None:
    write_tar(tmp_path / "data" / "a.tar", pairs(3))
    write_tar(tmp_path / "data" / "b.tar", {"0.json": "no tar of pictures"})
    # The keys of a.tar, other pictures.
    again = dict(zip(pairs(3), pairs(3, first=3).values(), strict=True))
    write_tar(tmp_path / "data" / "c.tar", again)
    report = checked(tmp_path / "data")
    assert [(one.check, Path(one.file).name) for one in report.findings] == [
        ("unreadable", "b.tar")
    ]
    clean = tmp_path / "clean"
    command = ["check-data", str(tmp_path / "data"), "--fix", str(clean)]
    assert main([*command, "--json", str(tmp_path / "r")]) == 1
    names = sorted(path.stem for path in (clean / "source").iterdir())
    assert names == [f"{tar}-00{index}" for tar in "ac" for index in range(3)]


def test_a_compressed_tar_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "1.tar.gz").write_bytes(b"\x1f\x8b" + bytes(600))
    for command in ("check-data", "new"):
        assert main([command, str(tmp_path / "1.tar.gz")]) == 1
        [line] = capsys.readouterr().err.strip().splitlines()
        assert "1.tar.gz: is compressed with gzip; expected a plain tar" in line


# What a recipe may say.


@pytest.mark.parametrize(
    "views",
    [
        {"source": "rgb", "target": "rgb"},
        {"group": "class:3", "noise": "noise:8", "target": "rgb"},
        {"source": "labels:4", "group": "class:3", "target": "rgb"},
        {"layout": "labels:4", "target": "rgb"},
    ],
)
def test_what_a_tar_brings(views: dict[str, str]) -> None:
    assert not DataSpec(layout="shards", views=views).alone


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ({"one": "class:2", "other": "class:2", "target": "rgb"},
         "views.other: layout 'shards' brings one class, KEY.cls; 'table' brings any"),
        ({"source": "rgb", "turn": "angle", "target": "rgb"},
         "views.turn: layout 'shards' brings no angles; 'table' does"),
    ],
)  # fmt: skip
def test_what_it_does_not_bring(views: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError) as error:
        DataSpec(layout="shards", views=views)
    assert str(error.value) == message
