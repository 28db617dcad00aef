"""Degradations that a recipe declares by name, and two models measured in a row."""

import json
from pathlib import Path

import numpy as np
import pytest

from pixstack.cli import main
from stacks.data import phase_sampler, training_groups
from stacks.recipe import parse_recipe, recipe_text
from stacks.spec import Recipe
from tests.photographs import window, write_pictures
from tests.stacks.tiny import super_resolution
from translate.tables import TableError

STREET = ["gaussian:0.5-2", "resize:0.3-1.2", "camera:0.0001-0.012", "jpeg:50-95", "fit:4"]


def with_street(targets: Path) -> Recipe:
    return super_resolution(
        targets,
        f"degrade.pipelines={{ street = {json.dumps(STREET)} }}",
        "degrade.choices=['street']",
        "degrade.shares=[]",
        "validation.degrade=street",
    )


def test_a_pipeline_is_a_choice_by_its_name(targets: Path) -> None:
    recipe = with_street(targets)
    [street] = recipe.degrade.degradations
    assert (street.text, street.scale) == (",".join(STREET), 4)
    assert recipe.degrade.written(recipe.validation.degrade) == street.text
    assert recipe.degrade.written("noise:5") == "noise:5"
    assert parse_recipe(recipe_text(recipe)) == recipe
    batch = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])(3)
    count, _, side, _ = batch.views["target"].shape
    assert batch.views["source"].shape == (count, 3, side // 4, side // 4)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("degrade.pipelines={ a = ['blurr:2'] }", "degrade.pipelines.a: degradation 'blurr:2'"),
        ("degrade.pipelines={ a = ['resize:0.5'] }", "degrade.pipelines.a: degradation"),
        ("degrade.choices.0=streets", "degrade.choices[0]: degradation 'streets': unknown step"),
        ("validation.degrade=streets", "validation.degrade: degradation 'streets': unknown step"),
    ],
)
def test_a_mistake_names_its_key(targets: Path, change: str, told: str) -> None:
    with pytest.raises(TableError) as error:
        super_resolution(targets, change)
    assert str(error.value).startswith(told)


def test_two_models_in_a_row_are_measured_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_pictures(tmp_path / "photos", {"a.png": window("coffee", 64, 64)})

    def measured(model: str, degrade: str) -> dict[str, dict[str, float]]:
        asked = ["eval", model, "--targets", str(folder), "--degrade", degrade, "--json", "-"]
        assert main(asked) == 0
        return json.loads(capsys.readouterr().out)["outputs"]

    real = "real:4"
    row = measured("photo-denoise+photo-sr", real)
    assert row == measured("photo-denoise+photo-sr", real), "of the seed alone"
    alone = measured("photo-sr", real)
    assert list(row) == list(alone) == ["x4"]
    assert np.isfinite(row["x4"]["psnr_y"])
    # Noise that was taken away is not enlarged.
    noisy = "bicubic:4,noise:25"
    denoised, plain = (measured(name, noisy) for name in ("photo-denoise+photo-sr", "photo-sr"))
    assert denoised["x4"]["psnr_y"] > plain["x4"]["psnr_y"] + 1
