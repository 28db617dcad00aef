"""Folders as they come: names that differ, splits, classes, and what programs leave behind."""

from pathlib import Path

import numpy as np

from stacks.data import training_groups, validation_pairs
from stacks.doctor.guess import guess
from stacks.judge import class_names
from stacks.recipe import parse_recipe
from stacks.stack import Stack
from stacks.starter import starter
from stacks.survey import survey
from tests.stacks.test_survey import PALETTE, ids, pairs, photo, write
from translate.layouts import Reading, find_items


def test_endings_that_a_whole_folder_shares_are_passed_over(tmp_path: Path) -> None:
    for number in range(1, 5):
        write(tmp_path / "LR" / f"080{number}x4.png", photo(32, 40))
        write(tmp_path / "HR" / f"080{number}.png", photo(128, 160))
    found = survey(tmp_path)
    assert (found.layout, found.count, found.scale) == ("views", 4, 4)
    assert "names differ between views: 0801x4.png goes with 0801.png, and so on" in found.remarks
    reading = Reading({"source": "rgb", "target": "rgb"}, scale=4)
    items = find_items(tmp_path, "views", reading)
    assert [item.name for item in items] == ["0801", "0802", "0803", "0804"]
    assert {view.path.name for view in items[1].views.values()} == {"0802x4.png", "0802.png"}


def test_gray_sources_of_larger_colored_targets_are_read_in_color(tmp_path: Path) -> None:
    for index in range(3):
        write(tmp_path / "LR" / f"{index}.png", photo(16, 16, index)[..., 0])
        write(tmp_path / "HR" / f"{index}.png", photo(64, 64, index))
    recipe = parse_recipe(starter(survey(tmp_path), "mine", str(tmp_path)))
    assert recipe.data.views == {"source": "rgb", "target": "rgb"}
    assert list(Stack(recipe).inputs) == ["source"]


def test_a_test_set_without_targets_validates_nothing(tmp_path: Path) -> None:
    pairs(tmp_path / "train", photo(), photo(), count=8)
    write(tmp_path / "test" / "source" / "0.png", photo())
    (tmp_path / "val").mkdir()
    found = survey(tmp_path)
    assert (found.path, found.apart, found.held_out) == ("train", "", 2)
    recipe = parse_recipe(starter(found, "mine", str(tmp_path)))
    assert [len(items) for items, _ in training_groups(recipe)] == [6]
    assert [len(items) for items in validation_pairs(recipe)] == [2]
    assert [len(items) for items, _ in training_groups(guess(tmp_path))] == [8]
    pairs(tmp_path / "valid", photo(), photo())
    assert survey(tmp_path).apart == "valid"


def test_a_set_that_nothing_measures_is_left_aside(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for kind in ("cat", "dog"):
            write(tmp_path / part / kind / f"{kind}.png", photo())
    remarks = survey(tmp_path).remarks
    assert "train/ is trained on, val/ is left aside" in remarks
    assert not any("validates" in remark for remark in remarks)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for name in ("car", "train"):
        write(tmp_path / name / f"{name}.png", photo())
    assert survey(tmp_path).views["label"].names == ("car", "train")


def test_hidden_folders_are_no_classes(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        write(tmp_path / name / f"{name}.png", photo())
    (tmp_path / ".ipynb_checkpoints").mkdir()
    recipe = parse_recipe(starter(survey(tmp_path), "mine", str(tmp_path)))
    [(items, _)] = training_groups(recipe)
    assert len(items) == 2
    assert class_names(tmp_path) == ("cat", "dog")


def test_splits_within_the_sides_are_taken(tmp_path: Path) -> None:
    for part, count in (("train", 6), ("val", 2)):
        for number in range(count):
            for side in "AB":
                write(tmp_path / side / part / f"{number}.png", photo(64, 64))
    found = survey(tmp_path)
    assert (found.layout, found.path, found.apart, found.count) == ("views", "train", "val", 6)
    recipe = parse_recipe(starter(found, "mine", str(tmp_path)))
    parts = (recipe.data.folder[0].path, recipe.validation.folder[0].path)
    reading = Reading({"source": "rgb", "target": "rgb"})
    assert [len(find_items(tmp_path / path, "views", reading)) for path in parts] == [6, 2]
    assert guess(tmp_path).data.folder == recipe.data.folder


def test_a_split_that_is_there_is_taken(tmp_path: Path) -> None:
    root = tmp_path / "split"
    for part, count in (("train", 3), ("val", 2)):
        for index in range(count):
            beside = np.concatenate([photo(seed=index), PALETTE[ids()]], axis=1)
            write(root / part / f"{index}.png", beside)
    found = survey(root)
    assert (found.layout, found.count, found.held_out) == ("side-by-side", 3, 0)
    recipe = parse_recipe(starter(found, "split", str(root)))
    assert [len(pairs) for pairs, _ in training_groups(recipe)] == [3]
    assert [len(pairs) for pairs in validation_pairs(recipe)] == [2]
