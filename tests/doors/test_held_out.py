"""`pixstack eval --held-out`: the pictures that a recipe validates by, as its run measured them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from skimage import data

from export.manifest import Input, Manifest, Output
from tests.doors.conftest import Answer
from tests.doors.standins import save, write_super_resolution

Call = Callable[..., Answer]

RECIPE = """
name = "tiny"
batch = 2
precision = "fp32"

[data]
root = "{root}"
layout = "side-by-side"
views = {{ source = "gray", target = "rgb" }}
size = 16

[[data.folder]]
path = "."
pictures = ":-2"

[[stage]]
name = "paint"
generator = {{ kind = "pix2pix", channels = 4, depth = 2 }}

[validation]
folder = [{{ path = ".", pictures = "-2:" }}]
every = 2

[[phase]]
train = ["paint"]
steps = 2
adversarial = false
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures side by side, and a run of two steps on it."""
    from stacks.recipe import parse_recipe
    from stacks.train import train

    folder = tmp_path_factory.mktemp("held-out")
    (folder / "data").mkdir()
    for index in range(5):
        color = data.astronaut()[50 * index : 50 * index + 24, 100:132]
        gray = np.repeat(color.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
        Image.fromarray(np.hstack([gray, color])).save(folder / "data" / f"{index}.png")
    train(parse_recipe(RECIPE.format(root=folder / "data")), folder / "run")
    return folder


def measures(answer: Answer) -> dict[str, float]:
    assert answer.code == 0, answer.err
    return json.loads(answer.out)["outputs"]["target"]


def test_it_says_what_the_run_said(pixstack: Call, folder: Path) -> None:
    told = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    [last] = [line for line in told if line["kind"] == "validation"]
    answer = pixstack("eval", folder / "run", "--held-out", "--json", "-")
    found = measures(answer)
    assert json.loads(answer.out)["images"] == 2
    assert found["psnr_rgb"] == pytest.approx(last["psnr_rgb"], abs=1e-6)
    assert "sources" not in json.loads(answer.out)["protocol"]


def test_targets_stand_for_sources_only_where_they_can_and_not_in_silence(
    pixstack: Call, folder: Path
) -> None:
    colors = pixstack("eval", folder / "run", "--targets", folder / "data")
    assert (colors.code, len(colors.error_lines)) == (1, 1)
    assert "this model reads gray and writes rgb, so that targets are no sources" in colors.err
    alike = pixstack("eval", "photo-denoise", "--targets", folder / "data", "--json", "-")
    assert alike.error_lines == [
        "note: the targets are their own sources; --sources or --degrade bring others"
    ]
    assert json.loads(alike.out)["protocol"]["sources"] == "the targets"


def test_a_file_knows_what_was_held_out_but_not_where(
    pixstack: Call, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "tiny.onnx"
    assert pixstack("export", folder / "run" / "best.safetensors", "-o", model).code == 0
    monkeypatch.chdir(tmp_path)
    lost = pixstack("eval", model, "--held-out")
    assert lost.code == 2
    assert "does not keep where its pictures lay; add --data DIR" in lost.error_lines[-1]
    nowhere = pixstack("eval", model, "--held-out", "--data", "nowhere")
    assert nowhere.code == 1
    assert nowhere.error_lines[-1].endswith("--data DIR names another root of the data")
    moved = shutil.copytree(folder / "data", tmp_path / "elsewhere")
    found = measures(pixstack("eval", model, "--held-out", "--data", moved, "--json", "-"))
    ours = measures(pixstack("eval", folder / "run", "--held-out", "--json", "-"))
    assert found["psnr_rgb"] == pytest.approx(ours["psnr_rgb"], abs=1e-3)


def test_a_file_reads_the_view_of_its_own_name(pixstack: Call, tmp_path: Path) -> None:
    """Of pairs whose source is called otherwise; the target is no stand-in for it."""
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    (tmp_path / "pairs.csv").write_text("photo,target\na.png,b.png\n")
    recipe = """
name = "copy"
[data]
layout = "table"
views = { photo = "rgb", target = "rgb" }
[[data.folder]]
path = "pairs.csv"
[[stage]]
name = "copy"
reads = ["photo"]
generator = { kind = "pix2pix" }
[validation]
folder = [{ path = "pairs.csv" }]
[[phase]]
train = ["copy"]
steps = 1
"""
    node = onnx.helper.make_node("Identity", ["photo"], ["target"])
    manifest = Manifest(
        name="copy",
        task="photo",
        inputs=(Input("photo", "rgb"),),
        outputs=(Output("target", "rgb"),),
        recipe=recipe,
    )
    save(tmp_path / "copy.onnx", [node], [], manifest)
    found = measures(
        pixstack("eval", tmp_path / "copy.onnx", "--held-out", "--data", tmp_path, "--json", "-")
    )
    assert found["psnr_rgb"] < 12, "two pictures of noise are nothing alike"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["RUN"], 2, "name pictures by --targets DIR or take the recipe's own by --held-out"),
        (["RUN", "--held-out", "--targets", "."], 2, "name pictures by --targets DIR or take"),
        (
            ["RUN", "--held-out", "--degrade", "noise:5"],
            2,
            "--held-out takes sources, degradation and seed",
        ),
        (["RUN", "--held-out", "--seed", "1"], 2, "--held-out takes sources, degradation and seed"),
        (["photo-sr+photo-sr", "--held-out"], 2, "--held-out: is of one model; measure two"),
        (["RUN", "--targets", ".", "--data", "."], 2, "--data DIR: is where --held-out looks"),
        (["other.onnx", "--held-out"], 1, "other.onnx: holds no recipe; give --targets DIR"),
    ],
)
def test_what_does_not_go_together(
    arguments: list[str],
    code: int,
    words: str,
    pixstack: Call,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_super_resolution(tmp_path / "other.onnx")
    monkeypatch.chdir(tmp_path)
    given = [folder / "run" if one == "RUN" else one for one in arguments]
    answer = pixstack("eval", *given)
    assert (answer.code, len(answer.error_lines)) == (code, 1)
    assert words in answer.err


def test_a_recipe_that_holds_nothing_out(pixstack: Call, folder: Path, tmp_path: Path) -> None:
    from stacks.recipe import parse_recipe
    from stacks.train import train

    text = RECIPE.format(root=folder / "data").split("[validation]")[0]
    text += '[[phase]]\ntrain = ["paint"]\nsteps = 1\nadversarial = false\n'
    train(parse_recipe(text), tmp_path / "run")
    answer = pixstack("eval", tmp_path / "run", "--held-out")
    assert (answer.code, len(answer.error_lines)) == (1, 1)
    assert "holds no pictures out (validation.folder); give --targets DIR" in answer.err
