"""`pixstack train`, `eval` and `recipes`: the doors of an engineer who trains."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixstack.commands.train import check_named_data
from stacks.checkpoint import save_stack
from stacks.presets import preset_names
from stacks.recipe import load_recipe
from stacks.stack import Stack
from tests.doors.conftest import RECIPE, Answer
from tests.doors.standins import write_super_resolution

Call = Callable[..., Answer]


def test_train_then_eval(pixstack: Call, recipe: Path, targets: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    answer = pixstack("train", recipe, "-o", run, "--data", targets, "--set", "phase.0.steps=4")
    assert answer.code == 0, answer.err
    opening, *steps, last = answer.out.splitlines()
    # Two pictures and one network: 4 channels make less than a hundredth of a million weights.
    assert opening.endswith(
        ", fp32, 2 training pictures, 0 held out, 0.00 M parameters in generators"
    )
    assert all(line.startswith("step ") and "x2 l1" in line for line in steps)
    assert last == str(run / "best.safetensors")
    assert answer.error_lines[-1] == (
        f"next: pixstack export {run / 'best.safetensors'} -o tiny.onnx"
    )
    assert tomllib.loads((run / "recipe.toml").read_text())["phase"][0]["steps"] == 4

    again = pixstack("train", recipe, "-o", run, "--data", targets)
    assert again.code == 1
    assert "--resume" in again.err
    assert len(again.err.splitlines()) == 1

    measured = pixstack(
        "eval",
        run / "best.safetensors",
        *("--targets", targets, "--degrade", "bicubic:2", "--json", "-"),
    )
    assert measured.code == 0, measured.err
    result = json.loads(measured.out)
    assert result["images"] == 2
    # Of the state, the averaged weights of the last step: here the best are the last.
    state = run / "last" / "state.safetensors"
    last = pixstack("eval", state, *("--targets", targets, "--degrade", "bicubic:2", "--json", "-"))
    assert last.code == 0, last.err
    assert json.loads(last.out)["outputs"] == result["outputs"]
    assert result["protocol"]["border"] == 2
    # A stack near its start is near bilinear enlargement: neither broken nor perfect.
    assert 15 < result["outputs"]["x2"]["psnr_y"] < 45


def test_a_data_folder_may_have_any_name(pixstack: Call, recipe: Path, tmp_path: Path) -> None:
    for name in ('it\'s "here"', "back\\slash"):
        answer = pixstack("train", recipe, "-o", tmp_path / "run", "--data", tmp_path / name)
        assert f"{tmp_path / name}: no such folder" in answer.err


def test_eval_of_a_stack_refuses_inputs_that_it_does_not_read(
    pixstack: Call, recipe: Path, targets: Path, tmp_path: Path
) -> None:
    best = tmp_path / "best.safetensors"
    made = load_recipe(str(recipe))
    save_stack(best, Stack(made), made, {})
    measure = ("eval", best, "--targets", targets, "--degrade", "bicubic:2")
    answer = pixstack(*measure, "--input", "strenght=25")
    assert (answer.code, len(answer.err.splitlines())) == (2, 1)
    assert "--input strenght: unknown; this stack reads nothing further" in answer.err


def test_eval_of_an_onnx_file_is_what_the_picture_says(
    pixstack: Call, targets: Path, tmp_path: Path
) -> None:
    model = tmp_path / "nearest.onnx"
    write_super_resolution(model)
    only = tmp_path / "only.txt"
    only.write_text("coffee\n\n")
    answer = pixstack(
        "eval",
        model,
        *("--targets", targets, "--names", only, "--degrade", "bicubic:4", "--json", "-"),
    )
    assert answer.code == 0, answer.err
    result = json.loads(answer.out)
    target = np.asarray(Image.open(targets / "coffee.png"))[:48, :64]
    small = Image.fromarray(target).resize((16, 12), Image.Resampling.BICUBIC)
    nearest = np.asarray(small).repeat(4, 0).repeat(4, 1)
    inner = (slice(4, -4), slice(4, -4))
    error = (nearest[inner].astype(float) - target[inner]) ** 2
    assert result["images"] == 1
    assert result["outputs"]["x4"]["psnr_rgb"] == pytest.approx(
        10 * np.log10(255**2 / error.mean()), abs=1e-4
    )


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("--degrade", "bicubics:4"), 2, "unknown step 'bicubics'"),
        (("--degrade", "bicubic:3"), 1, "no output of scale 3"),
        (("--degrade", "bicubic:4", "--sources", "."), 2, "give one of them"),
        (("--degrade", "bicubic:4", "--input", "strength=1"), 2, "unknown"),
        (("--names", "missing.txt"), 1, "missing.txt: no such file"),
        (("--precision", "half"), 2, "'half'"),
    ],
)
def test_eval_refuses_in_one_line(
    pixstack: Call,
    targets: Path,
    tmp_path: Path,
    given: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    model = tmp_path / "nearest.onnx"
    write_super_resolution(model)
    answer = pixstack("eval", model, "--targets", targets, *given)
    assert answer.code == code
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1


def test_eval_says_of_how_many_pictures_and_which_way_is_better(
    pixstack: Call, targets: Path, tmp_path: Path
) -> None:
    model = tmp_path / "nearest.onnx"
    write_super_resolution(model)
    measure = ("eval", model, "--targets", targets, "--degrade", "bicubic:4")
    answer = pixstack(*measure)
    heading, *rows, last = answer.out.splitlines()
    assert heading.split() == ["measure", "x4", "better"]
    told = {name: way for name, _, way in (row.split(maxsplit=2) for row in rows)}
    assert {name: way.strip() for name, way in told.items()} == {
        "psnr_y": "higher", "psnr_rgb": "higher", "ssim_y": "higher",
        "band_energy": "near 1", "band_error": "lower",
    }  # fmt: skip
    assert last == "means over 2 pictures"

    # The same model under two names, and one under its own twice: columns are told apart.
    (tmp_path / "other.onnx").write_bytes(model.read_bytes())
    for name, report in (("nearest", "a"), ("other", "b"), ("nearest", "c")):
        again = ("eval", tmp_path / f"{name}.onnx", *measure[2:])
        assert pixstack(*again, "--json", tmp_path / f"{report}.json").code == 0
    beside = pixstack("compare", tmp_path / "a.json", tmp_path / "b.json").out.splitlines()
    assert beside[0].split() == ["measure", "nearest", "other", "change", "better"]
    assert beside[-1] == "means over 2 pictures"
    alike = pixstack("compare", tmp_path / "a.json", tmp_path / "c.json").out.splitlines()
    assert alike[0].split() == ["measure", "a", "c", "change", "better"]


@pytest.mark.parametrize("key", ["data.size", "phase.0.size"])
def test_a_crop_that_the_networks_do_not_take(
    pixstack: Call, targets: Path, tmp_path: Path, key: str
) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(RECIPE.replace("blocks = 1", "blocks = 1, unfold = 4"))
    answer = pixstack(
        "train", path, "-o", tmp_path / "run", "--data", targets, "--set", f"{key}=20"
    )
    assert (answer.code, len(answer.err.splitlines())) == (1, 1)
    named = key.replace(".0", "[0]")
    assert f"{named}: got 20; the networks of this stack need a multiple of 8" in answer.err
    assert not (tmp_path / "run").exists()


def test_missing_folder(pixstack: Call, recipe: Path, tmp_path: Path) -> None:
    answer = pixstack("train", recipe, "-o", tmp_path / "run", "--data", tmp_path / "nowhere")
    assert (answer.code, len(answer.err.splitlines())) == (1, 1)
    assert "nowhere" in answer.err
    assert not (tmp_path / "run").exists()


def test_pictures_of_ones_own_are_no_data_set_of_a_preset(
    pixstack: Call, targets: Path, tmp_path: Path
) -> None:
    answer = pixstack("train", "photo-sr", "-o", tmp_path / "run", "--data", targets)
    assert (answer.code, len(answer.err.splitlines())) == (1, 1)
    assert f"{targets / 'bsds500/photos/train'}: no such folder" in answer.err
    assert (
        "`pixstack recipes photo-sr` and docs/data.md); for your own pictures: pixstack new FOLDER"
        in answer.err
    )


def test_a_preset_takes_parts_within_the_sides(tmp_path: Path) -> None:
    for side in "AB":
        (tmp_path / side / "train").mkdir(parents=True)
    changes = [f"data.root={str(tmp_path)!r}", "data.layout=views", "validation.folder=[]"]
    for part, message in (("train", None), ("val", "val: no such folder; this preset trains on")):
        recipe = load_recipe("pix2pix", [*changes, f"data.folder=[{{ path = {part!r} }}]"])
        expected = pytest.raises(ValueError, match=message) if message else nullcontext()
        with expected:
            check_named_data("pix2pix", recipe)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("train", "none.toml", "-o", "other"), "none.toml: no such recipe file"),
        (("train", "photo-sd", "-o", "other"), "photo-sd: no such preset; did you mean 'photo-sr'"),
        (("train", "torn.toml", "-o", "other"), "the recipe is not valid TOML"),
        (("train", "photo-sr", "-o", "run"), "run holds a run already; add --resume"),
        (("check-data", "none"), "no such folder, file or preset: none; presets: cgan, "),
    ],
)
def test_what_is_wrong_at_once_is_said_before_torch_is_imported(
    tmp_path: Path, call: tuple[str, ...], said: str
) -> None:
    (tmp_path / "torn.toml").write_text("name = ")
    (tmp_path / "run" / "last").mkdir(parents=True)
    (tmp_path / "run" / "last" / "state.safetensors").touch()
    code = (
        "import sys; from pixstack.cli import main; "
        "code = main(sys.argv[1:]); assert 'torch' not in sys.modules; sys.exit(code)"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code, *call],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert said in line


@pytest.mark.parametrize("command", [["train", "RECIPE", "-o", "run"], ["check-data", "RECIPE"]])
def test_a_setting_without_a_value_is_wrong_use(
    pixstack: Call, recipe: Path, tmp_path: Path, command: list[str]
) -> None:
    given = [str(recipe) if one == "RECIPE" else one for one in command]
    answer = pixstack(*given, "--set", "batch")
    assert (answer.code, len(answer.error_lines)) == (2, 1)
    assert "--set" in answer.err
    assert "expected KEY.PATH=VALUE, got 'batch'" in answer.err


def test_misspelt_key(pixstack: Call, recipe: Path, targets: Path, tmp_path: Path) -> None:
    recipe.write_text(RECIPE.replace("channels", "chanels"))
    answer = pixstack("train", recipe, "-o", tmp_path / "run", "--data", targets)
    assert (answer.code, len(answer.err.splitlines())) == (1, 1)
    assert "stage[0].generator.chanels" in answer.err
    assert "'channels'" in answer.err


def test_pair_of_different_sizes(pixstack: Call, tmp_path: Path) -> None:
    for view, size in (("A", 32), ("B", 30)):
        (tmp_path / "pairs" / view).mkdir(parents=True)
        Image.new("RGB", (size, 32)).save(tmp_path / "pairs" / view / "one.png")
    recipe = tmp_path / "pairs.toml"
    recipe.write_text(
        'name = "pairs"\n[data]\nsize = 16\n[[stage]]\nname = "render"\n'
        'generator = { kind = "unet" }\n[[phase]]\ntrain = ["render"]\nsteps = 1\n'
    )
    run = tmp_path / "run"
    answer = pixstack("train", recipe, "-o", run, "--data", tmp_path / "pairs")
    assert (answer.code, len(answer.err.splitlines())) == (1, 1)
    assert "source 32x32, target 30x32" in answer.err
    assert not run.exists()


def test_recipes_lists_every_preset_and_prints_one(pixstack: Call) -> None:
    answer = pixstack("recipes", "--json", "-")
    assert answer.code == 0, answer.err
    rows = {row["name"]: row for row in json.loads(answer.out)}
    assert sorted(rows) == preset_names()
    assert all(row["parameters"] > 0 and row["gmacs"] > 0 for row in rows.values())
    printed = pixstack("recipes", "photo-sr")
    assert tomllib.loads(printed.out)["name"] == "photo-sr"
    wrong = pixstack("recipes", "photo-sd")
    assert wrong.code == 2
    assert "did you mean 'photo-sr'" in wrong.err


def test_recipes_fit_a_narrow_terminal_uncut(
    pixstack: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("stacks.presets.preset_names", lambda: ["photo-denoise", "photo-sr-crisp"])
    described = json.loads(pixstack("recipes", "--json", "-").out)
    heading, *lines, unit = pixstack("recipes").out.splitlines()
    assert heading.split() == ["name", "task", "parameters", "GMACs", "*", "what", "it", "does"]
    assert unit == "* for a source of 256x256 pixels; for one picture where it is made from noise"
    assert all(len(line) <= 80 for line in [heading, *lines])
    first = [line.split() for line in lines if not line.startswith(" ")]
    assert [cells[:5] for cells in first] == [
        [
            row["name"], row["task"],
            f"{row['parameters'] / 1e6:.2f}", "M", f"{row['gmacs']:.1f}",
        ]
        for row in described
    ]  # fmt: skip
    column = heading.index("what")
    told = " ".join(line[column:].strip() for line in lines)
    assert told == " ".join(row["description"] for row in described)


def test_the_crisp_example_trains_against_the_discriminators_alone(pixstack: Call) -> None:
    shown = " ".join(pixstack("train", "--help").out.split())
    example = shown.partition("pixstack train photo-sr-crisp ")[2]
    overrides = re.findall(r"--set (phase\.\d\.steps=0)", example)
    recipe = load_recipe("photo-sr-crisp", overrides)
    # It starts from weights that fidelity has trained.
    assert all(phase.adversarial == (phase.steps > 0) for phase in recipe.phase)
