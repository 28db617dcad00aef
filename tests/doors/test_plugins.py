"""`--plugin`: kinds of one's own, from a module."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doors.conftest import Answer
from translate.generators import GENERATORS
from translate.terms import GENERATOR_TERMS

Call = Callable[..., Answer]

PLUGIN = """
from dataclasses import dataclass
from torch import nn
from translate.generators import GENERATORS

@GENERATORS.register("plugged")
@dataclass(frozen=True)
class PluggedSpec:
    scale = multiple = 1
    features = 0

    def build(self, reads, writes, features=0):
        return nn.Conv2d(reads, writes, 3, padding=1)
"""


def test_kinds_of_a_module_in_the_working_directory(
    pixstack: Call, targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.setattr(GENERATORS, "_specs", dict(GENERATORS._specs))
    (tmp_path / "plugged_kinds.py").write_text(PLUGIN)
    best = tmp_path / "best.safetensors"
    text = (
        'name = "own"\n[data]\nlayout = "targets"\n[degrade]\nchoices = ["noise:25"]\n'
        '[[stage]]\nname = "one"\ngenerator = { kind = "plugged" }\n'
        '[[phase]]\ntrain = ["one"]\nsteps = 1\n'
    )
    measure = ("eval", best, "--targets", targets, "--degrade", "noise:25")
    plugin = ("--plugin", "plugged_kinds")
    (tmp_path / "own.toml").write_text(text)
    train = ("train", "own.toml", "-o", tmp_path, "--data", targets, "--set", "batch=1")
    assert "unknown kind 'plugged'" in pixstack(*train).err
    answer = pixstack(*train, *plugin)
    assert answer.code == 0, answer.err
    assert answer.error_lines[-1] == (
        f"next: pixstack export {best} -o own.onnx --plugin plugged_kinds"
    )
    answer = pixstack(*measure, *plugin)
    assert answer.code == 0, answer.err


def test_the_module_of_the_contributing_page(
    pixstack: Call, targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    for registry in (GENERATORS, GENERATOR_TERMS):
        monkeypatch.setattr(registry, "_specs", dict(registry._specs))
    page = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
    [module] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "my_module.py").write_text(module)
    (tmp_path / "own.toml").write_text(
        'name = "own"\nbatch = 1\n[data]\nlayout = "targets"\nsize = 32\n'
        '[degrade]\nchoices = ["noise:25"]\n'
        '[[stage]]\nname = "one"\ngenerator = { kind = "two_layers", channels = 32 }\n'
        "objective = { generator = { l1 = 1, mean_color = 0.5 } }\n"
        '[[phase]]\ntrain = ["one"]\nsteps = 1\n'
    )
    plugin = ("--plugin", "my_module")
    answer = pixstack("train", "own.toml", "-o", "run", "--data", targets, *plugin)
    assert answer.code == 0, answer.err
    assert "mean_color" in answer.out
    answer = pixstack("export", "run", "-o", "own.onnx", *plugin)
    assert answer.code == 0, answer.err
    answer = pixstack("run", "own.onnx", next(targets.iterdir()), "-o", "made.png")
    assert answer.code == 0, answer.err
    assert (tmp_path / "made.png").is_file()


@pytest.mark.parametrize(
    "call",
    [
        ("train", "photo-sr", "-o", "RUN"),
        ("eval", "best.safetensors", "--targets", "."),
        ("export", "best.safetensors", "-o", "own.onnx"),
    ],
)
def test_a_plugin_that_is_not_there(pixstack: Call, call: tuple[str, ...]) -> None:
    answer = pixstack(*call, "--plugin", "no_such_kinds")
    assert (answer.code, len(answer.err.splitlines())) == (2, 1)
    assert "--plugin no_such_kinds: no module is named 'no_such_kinds'" in answer.err


@pytest.mark.parametrize("name", ["./my_kinds.py", "broken_kinds"])
def test_a_plugin_that_is_no_module(
    pixstack: Call, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path, str(tmp_path)])
    (tmp_path / "broken_kinds.py").write_text("class 1: kinds")
    answer = pixstack("train", "photo-sr", "-o", "RUN", "--plugin", name)
    assert (answer.code, len(answer.err.splitlines())) == (2, 1)
    assert f"--plugin {name}: cannot be imported" in answer.err
    assert "give the name of a module" in answer.err


def test_data_of_a_recipe_with_kinds_of_ones_own_are_checked(
    pixstack: Call, targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.setattr(GENERATORS, "_specs", dict(GENERATORS._specs))
    (tmp_path / "checked_kinds.py").write_text(PLUGIN.replace('"plugged"', '"checked"'))
    recipe = tmp_path / "checked.toml"
    recipe.write_text(
        'name = "checked"\n[data]\nlayout = "targets"\nviews = { target = "rgb" }\nsize = 16\n'
        '[degrade]\nchoices = ["noise:9"]\n[[stage]]\nname = "only"\n'
        'generator = { kind = "checked" }\n[[phase]]\ntrain = ["only"]\nsteps = 1\n'
    )
    bare = pixstack("check-data", recipe, "--data", targets)
    assert (bare.code, len(bare.error_lines)) == (1, 1)
    assert "unknown kind 'checked'" in bare.err
    assert "come with --plugin MODULE" in bare.err
    told = pixstack("check-data", recipe, "--data", targets, "--plugin", "checked_kinds")
    assert told.code == 0, told.err
