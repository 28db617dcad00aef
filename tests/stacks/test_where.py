"""Where a recipe has its sources made: by the workers, or on the device that trains."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stacks.data import phase_sampler, training_groups
from stacks.doctor.examine import examine
from stacks.doctor.samples import samples
from stacks.doctor.subject import open_subject
from stacks.mishaps import check_memory
from stacks.recipe import parse_recipe, recipe_text
from stacks.spec import Recipe
from stacks.train import train
from tests.photographs import photograph, write_pictures
from tests.stacks.test_resume import different, run_until, state
from tests.stacks.tiny import super_resolution
from translate.degradations import text
from translate.degradations.step import Picture, Size
from translate.pixels import to_bytes, to_picture
from translate.tables import TableError

REAL = ["degrade.choices=['real:4', 'bicubic:2,noise:5']", "degrade.shares=[]"]


def on_device(targets: Path, *changes: str) -> Recipe:
    return super_resolution(targets, *REAL, "degrade.where=device", *changes)


def test_the_workers_unless_the_recipe_says_otherwise(targets: Path) -> None:
    recipe = super_resolution(targets, *REAL)
    assert recipe.degrade.where == "workers"
    assert phase_sampler(recipe, training_groups(recipe), recipe.phase[0])(0).left is None
    recipe = on_device(targets)
    assert parse_recipe(recipe_text(recipe)) == recipe
    sampler = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])
    batch = sampler(0)
    assert batch.left is not None
    assert "target" not in batch.views
    check_memory(sampler, "batch")


def test_a_resumed_run_ends_as_one_that_was_not_interrupted(
    targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = on_device(targets)
    train(recipe, tmp_path / "whole")
    run_until(recipe, tmp_path / "cut", 3, monkeypatch)
    train(recipe, tmp_path / "cut", resume=True)
    assert different(state(tmp_path / "whole"), state(tmp_path / "cut")) == []
    assert list((tmp_path / "cut" / "samples").iterdir())


class Smear:
    def apply(
        self, picture: Picture, random: np.random.Generator, full: Size
    ) -> tuple[Picture, float]:
        return picture, 0.0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["degrade.where=gpu"], "degrade.where: got 'gpu'"),
        (["degrade.choices=[]", "degrade.shares=[]", "degrade.where=device"], "degrade.where: got"),
        (["degrade.choices.1=smear", "degrade.where=device"],
         "degrade.choices[1]: smear is not done on the device; degrade.where = 'workers' does it"),
    ],
)  # fmt: skip
def test_what_cannot_be_names_its_key(
    targets: Path, changes: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "READERS", {**text.READERS, "smear": lambda words: Smear()})
    with pytest.raises(TableError) as error:
        super_resolution(targets, *changes)
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)


def test_the_doctor_shows_what_the_device_makes(tmp_path: Path) -> None:
    write_pictures(tmp_path, {f"{name}.png": photograph(name) for name in ("coffee", "chelsea")})
    recipe = on_device(tmp_path, "validation.folder=[]", "batch=2")
    [*shown] = samples(examine(open_subject("tiny", recipe), workers=1), 2)
    sampler = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])
    views = sampler(0).on(torch.device("cpu")).views
    for index, item in enumerate(shown):
        pixels = {one.name: one.pixels for one in item}
        for name in ("source", "target"):
            found = pixels[name]
            assert found is not None
            assert np.array_equal(found, to_bytes(to_picture(views[name], index)))
