"""Sample grids and their diversity, from a small model of two classes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from benchmarks import samples
from export.convert import export_stack
from export.manifest import Input
from export.runtime import Translator
from tests.export.small import make, saved
from tests.photographs import window, write_pictures
from translate.kinds import parse_kind

MODEL = """
name = "two-kinds"
[data]
layout = "classes"
views = { noise = "noise:4", grain = "noise-map:2@8", kind = "class:2", target = "rgb" }
names = { kind = ["cat", "cup"] }
size = 16
[[stage]]
name = "small"
reads = ["noise", "kind"]
writes = "small"
generator = { kind = "progressive", size = 8, channels = 6, norm = "none" }
[[stage]]
name = "large"
reads = ["small", "grain", "kind"]
join = "add"
generator = { kind = "pyramid", channels = 6, blocks = 1 }
[[phase]]
train = ["small", "large"]
steps = 1
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return export_stack(saved(make(MODEL), folder), folder / "two-kinds.onnx").path


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    for name, photograph in (("0-cat", "chelsea"), ("1-cup", "coffee")):
        parts = {f"{top}.png": window(photograph, 40, 30, top) for top in (40, 90, 140)}
        write_pictures(folder / name, parts)
    return folder


def test_a_grid_and_two_numbers(model: Path, real: Path, tmp_path: Path) -> None:
    app = samples.typer.Typer()
    app.command()(samples.run)
    arguments = [str(model), "--real", str(real), "--to", str(tmp_path / "grid.png")]
    answer = CliRunner().invoke(app, [*arguments, "--count", "4", "--columns", "3"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.output[answer.output.index("{") :])
    assert found["size"] == 16
    assert set(found["ms_ssim"]) == {"samples", "real"}
    assert all(0 <= value < 1 for value in found["ms_ssim"].values())
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.size == (3 * 16, 2 * 16)


def test_samples_follow_seed_and_class(model: Path) -> None:
    translator = Translator(model, providers="cpu")
    one, again = (samples.sample(translator, 3, seed=1) for _ in range(2))
    assert list(one) == ["cat", "cup"]
    assert all(torch.equal(one[name], again[name]) for name in one)
    pictures = torch.cat([*one.values(), *samples.sample(translator, 3, seed=2).values()])
    assert len(torch.unique(pictures.flatten(1), dim=0)) == 12


def test_a_model_that_truncates_is_told(model: Path) -> None:
    manifest = Translator(model, providers="cpu").manifest
    telling = Input("truncation", "strength", default=-1, range=(0, 1))
    seen: list[dict[str, Any]] = []

    class Standin:
        def __init__(self, inputs: tuple[Input, ...]) -> None:
            self.manifest = replace(manifest, inputs=inputs)

        def run(self, views: dict[str, Any], outputs: str) -> dict[str, Any]:
            seen.append(views)
            return {outputs: np.zeros((16, 16, 3), np.float32)}

    for inputs in ((*manifest.inputs, telling), manifest.inputs):
        samples.sample(cast(Translator, Standin(inputs)), 20, truncation=0.5)
    told, untold = seen[:40], seen[40:]
    assert {views["truncation"] for views in told} == {0.5}
    assert max(np.abs(views["noise"]).max() for views in told) > 1
    assert not any("truncation" in views for views in untold)
    assert max(np.abs(views["grain"]).max() for views in untold) <= 0.5


def test_truncated_noise_is_normal_noise_without_its_tails() -> None:
    random = np.random.default_rng(0)
    values = samples.draw(parse_kind("noise:20000"), random, truncation=1.0)
    assert np.abs(values).max() <= 1
    # The deviation of a normal number known to lie within one deviation of 0.
    assert values.std() == pytest.approx(0.5396, abs=0.01)
    assert samples.draw(parse_kind("noise-map:2@8"), random).shape == (2, 8, 8)
    assert np.abs(samples.draw(parse_kind("noise:20000"), random)).max() > 3


def test_real_pictures_of_other_classes_are_refused(
    real: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        samples.real_pictures(real, ["a", "b", "c"], 16, "rgb", 2)
    assert "has 2 folders; the model knows 3 classes" in capsys.readouterr().out
    groups = samples.real_pictures(real, [samples.ALL], 16, "gray", 4)
    assert groups[samples.ALL].shape == (4, 1, 16, 16)


def test_real_pictures_are_of_the_class_that_training_takes_them_for(tmp_path: Path) -> None:
    for level, name in ((0, "2"), (1, "10"), (0.5, ".left-behind")):
        picture = np.full((16, 16, 3), level * 255, np.uint8)
        write_pictures(tmp_path / name, {"only.png": picture})

    def levels(classes: list[str]) -> list[float]:
        groups = samples.real_pictures(tmp_path, classes, 16, "rgb", 1)
        assert list(groups) == classes
        return [float(pictures.mean()) for pictures in groups.values()]

    assert levels(["2", "10"]) == [0, 1]
    # Names that are no folders: in the order of the folders' names, where "10" stands before "2".
    assert levels(["two", "ten"]) == [1, 0]
    assert levels(samples.numbers(2)) == [1, 0]
    assert samples.numbers(11)[::10] == ["00", "10"]


def test_a_model_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("nothing.onnx", "nothing"):
        with pytest.raises(SystemExit) as stopped:
            samples.run(model=name)
        assert stopped.value.code == 2
        assert name in capsys.readouterr().out
