"""A recipe's data: folders, shares, slices, and what is refused before training."""

from pathlib import Path

import numpy as np
import pytest

from stacks.data import mirrored, open_folder, phase_sampler, training_groups, validation_pairs
from stacks.spec import FolderSpec
from stacks.train import train
from tests.photographs import window, write_pictures
from tests.stacks.tiny import super_resolution
from translate.pairs import DataError
from translate.tables import TableError


def numbered(folder: Path, count: int) -> Path:
    return write_pictures(folder, {f"{index}.png": window("coffee", 64, 64, top=index)
                                   for index in range(count)})  # fmt: skip


@pytest.mark.parametrize(
    ("pictures", "names"),
    [
        (":", "01234"), (":-2", "012"), ("-2:", "34"), ("1:3", "12"), (":0", ""), ("7:", ""),
        ("-1:", "4"), ("0:99", "01234"),
    ],
)  # fmt: skip
def test_pictures_are_chosen_by_a_slice(tmp_path: Path, pictures: str, names: str) -> None:
    numbered(tmp_path, 5)
    recipe, folder = super_resolution(tmp_path), FolderSpec(pictures=pictures)
    if names:
        chosen = open_folder(recipe, folder)
        assert [item.name for item in chosen.items] == list(names)
    else:
        with pytest.raises(DataError, match=f"no picture is left by pictures = '{pictures}'"):
            open_folder(recipe, folder)


def test_training_and_validation_pictures_are_apart(tmp_path: Path) -> None:
    numbered(tmp_path / "photos", 4)
    recipe = super_resolution(
        tmp_path,
        "data.folder=[{ path = 'photos', pictures = ':-1' }]",
        "validation.folder=[{ path = 'photos', pictures = '-1:' }]",
    )
    [(training, share)] = training_groups(recipe)
    [validation] = validation_pairs(recipe)
    assert share == 1.0
    assert [item.name for item in training.items] == ["0", "1", "2"]
    assert [item.name for item in validation.items] == ["3"]


def test_the_cache_is_shared_out(tmp_path: Path) -> None:
    numbered(tmp_path / "a", 1)
    numbered(tmp_path / "b", 1)
    recipe = super_resolution(
        tmp_path,
        "data.cache=1",
        "data.folder=[{ path = 'a', share = 3 }, { path = 'b', share = 1 }]",
        "validation.folder=[{ path = 'a' }]",
    )
    groups = training_groups(recipe)
    assert [share for _, share in groups] == [3.0, 1.0]
    # The third folder is that of the held-out pictures, whose share is 1.
    [held_out] = validation_pairs(recipe)
    sizes = [pairs.cache_bytes for pairs in (*(pairs for pairs, _ in groups), held_out)]
    assert sizes == [int(share * 2**30 / 5) for share in (3, 1, 1)]


def test_folders_are_reduced_when_decoded(tmp_path: Path) -> None:
    numbered(tmp_path, 1)
    recipe = super_resolution(tmp_path, "data.folder=[{ reduce = 2 }]")
    [(pairs, _)] = training_groups(recipe)
    assert pairs.load(0)["target"].shape == (32, 32, 3)


def test_a_sampler_of_a_phase(tmp_path: Path) -> None:
    numbered(tmp_path, 2)
    recipe = super_resolution(tmp_path, "phase.1.size=32", "phase.1.batch=3")
    groups = training_groups(recipe)
    first, second = (phase_sampler(recipe, groups, phase)(0) for phase in recipe.phase)
    assert first.views["source"].shape == (2, 3, 16, 16)
    assert second.views["source"].shape == (3, 3, 8, 8)


def test_the_shares_of_degradations(tmp_path: Path) -> None:
    numbered(tmp_path, 1)
    recipe = super_resolution(tmp_path, "degrade.shares=[1, 3]", "data.size=8")
    sampler = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])
    scales = [sampler(step).scale for step in range(200)]
    # Three quarters are reduced by two; five standard deviations are 0.15.
    assert abs(np.mean(np.array(scales) == 2) - 0.75) < 0.15
    equal = super_resolution(tmp_path, "degrade.shares=[]")
    degradations = phase_sampler(equal, training_groups(equal), equal.phase[0]).degradations
    assert [share for _, share in degradations] == [1.0, 1.0]


@pytest.mark.parametrize("key", ["data.size", "phase.1.size"])
def test_a_crop_that_does_not_reduce(tmp_path: Path, key: str) -> None:
    named = key.replace(".1", "[1]").replace("[", r"\[").replace("]", r"\]")
    with pytest.raises(TableError, match=f"^{named}: got 42; must be a multiple of 4 for the degr"):
        super_resolution(tmp_path, f"{key}=42")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stage.1.writes=x2", r"stage\[1\].writes: 'x2' is brought by stage 'x2' already"),
        ("stage.0.writes=source", r"stage\[0\].writes: 'source' is brought by the caller already"),
        ("stage.0.hands_up=x2", r"stage\[0\].hands_up: 'x2' is brought by stage 'x2' already"),
    ],
)
def test_a_view_is_brought_once(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        super_resolution(tmp_path, override)


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone: no such folder"):
        training_groups(super_resolution(tmp_path / "gone"))
    with pytest.raises(DataError, match="holds no pictures"):
        training_groups(super_resolution(tmp_path))
    numbered(tmp_path, 1)
    with pytest.raises(DataError, match="val: no such folder"):
        validation_pairs(super_resolution(tmp_path, "validation.folder=[{ path = 'val' }]"))


def test_pictures_smaller_than_the_crop_are_told_of(tmp_path: Path) -> None:
    numbered(tmp_path / "photos", 3)
    write_pictures(tmp_path / "photos", {"small.png": window("coffee", 40, 90)})
    folder = "data.folder=[{ path = 'photos' }]"
    recipe = super_resolution(tmp_path, folder)
    told = mirrored(recipe, training_groups(recipe))
    assert told.startswith("data.size: 1 of 4 pictures looked at are smaller than the crop of 64")
    assert "the smallest 40" in told
    fits = super_resolution(tmp_path, folder, "data.size=40", "phase.0.size=40")
    assert mirrored(fits, training_groups(fits)) == ""
    # By the largest crop of any phase that has steps.
    later = super_resolution(tmp_path, folder, "data.size=40", "phase.1.size=64")
    assert "crop of 64" in mirrored(later, training_groups(later))
    never = super_resolution(tmp_path, folder, "data.size=40", "phase.1.size=64", "phase.1.steps=0")
    assert mirrored(never, training_groups(never)) == ""


def test_a_run_says_that_pictures_are_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path / "photos", {"small.png": window("coffee", 48, 48)})
    recipe = super_resolution(
        tmp_path / "photos", "validation.folder=[]", "phase.0.steps=1", "phase.1.steps=0"
    )
    train(recipe, tmp_path / "run")
    assert "careful: data.size: 1 of 1 pictures looked at" in capsys.readouterr().err
