"""Pairs of a low and a high resolution: found, checked, cropped on one grid, trained, measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pixstack.cli import main
from stacks.data import phase_sampler, training_groups
from stacks.doctor.examine import examine
from stacks.doctor.guess import guess
from stacks.doctor.samples import samples
from stacks.doctor.subject import open_subject
from stacks.recipe import load_recipe, parse_recipe
from stacks.spec import Recipe
from stacks.survey import survey
from stacks.train import train
from tests.photographs import Bytes, photograph, write_pictures
from translate.pairs import DataError
from translate.tables import TableError

RECIPE = """
name = "sharper"
batch = 3
precision = "fp32"
[data]
scale = 4
size = 32
[augment]
flip = true
turn = true
[[stage]]
name = "enlarge"
writes = "target"
join = "add"
generator = { kind = "pyramid", channels = 8, blocks = 1, scale = 4 }
objective = { generator = { l1 = 1.0 } }
[[phase]]
train = ["enlarge"]
steps = 2
"""


def repeated(pixels: Bytes, scale: int) -> Bytes:
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def low(index: int, side: int = 40) -> Bytes:
    return photograph("coffee")[100:140, 20 * index : 20 * index + side]


def pairs(
    root: Path, scale: int = 4, count: int = 8, names: tuple[str, str] = ("LQ", "GT")
) -> Path:
    sources = {f"{index}.png": low(index) for index in range(count)}
    targets = {name: repeated(pixels, scale) for name, pixels in sources.items()}
    write_pictures(root / names[0], sources)
    write_pictures(root / names[1], targets)
    return root


def recipe(root: Path, *overrides: str) -> Recipe:
    return parse_recipe(RECIPE, [f"data.root={json.dumps(str(root))}", *overrides])


def test_crops_of_a_target_are_those_of_its_source(tmp_path: Path) -> None:
    whole = recipe(pairs(tmp_path))
    sampler = phase_sampler(whole, training_groups(whole), whole.phase[0])
    seen = set()
    for step in range(12):
        batch = sampler(step)
        assert batch.scale == 4
        source, target = batch.views["source"].numpy(), batch.views["target"].numpy()
        assert (source.shape, target.shape) == ((3, 3, 8, 8), (3, 3, 32, 32))
        assert np.array_equal(target, source.repeat(4, axis=2).repeat(4, axis=3))
        # For a stage on the way to the whole size.
        half = batch.views["down2:target"].numpy()
        assert np.allclose(half, source.repeat(2, axis=2).repeat(2, axis=3), atol=0.2)
        seen |= {one.tobytes() for one in source}
    assert len(seen) > 30


def test_a_pair_smaller_than_the_crop_is_mirrored_alike(tmp_path: Path) -> None:
    small = recipe(pairs(tmp_path), "data.size=256")
    batch = phase_sampler(small, training_groups(small), small.phase[0])(0)
    source, target = batch.views["source"].numpy(), batch.views["target"].numpy()
    assert source.shape == (3, 3, 64, 64)
    assert np.array_equal(target, source.repeat(4, axis=2).repeat(4, axis=3))


def test_sizes_that_do_not_fit_are_told(tmp_path: Path) -> None:
    for scale, said in ((2, "data.scale = 2 asks for targets 2 times"), (1, "set data.scale = k")):
        with pytest.raises(DataError, match=rf"source 40x40, target 160x160.*{said}"):
            training_groups(recipe(pairs(tmp_path), f"data.scale={scale}"))


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.scale=0", "data.scale: got 0; allowed: 1 to 16"),
        ("data.size=30", "data.size: got 30; allowed: a multiple of scale 4"),
        ("phase.0.size=38", r"phase\[0\].size: got 38; allowed: a multiple of data.scale 4"),
        ("data.layout='side-by-side'", "data.scale: got 4; targets larger than their sources come"),
        ("data.fit='resize'", "data.scale: got 4; fit = 'resize' brings all to one size"),
    ],
)
def test_recipes_that_are_refused(override: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=said):
        recipe(tmp_path, override)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_folder_of_them_is_understood_checked_and_trained(
    scale: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = pairs(tmp_path / "data", scale)
    report = examine(open_subject(str(root), guess(root), guessed=True), quick=False, workers=2)
    assert [one for one in report.findings if one.check != "duplicate"] == []
    [shown, *_] = samples(report, 1)
    sizes = {one.name: one.pixels.shape[0] for one in shown if one.pixels is not None}
    assert sizes["target"] == scale * sizes["source"]

    assert main(["new", str(root), "-o", str(tmp_path / "mine.toml")]) == 0
    assert f"targets are {scale} times as large" in capsys.readouterr().out
    small = ["stage.0.generator.channels=8", "stage.0.generator.blocks=1", "phase.0.steps=2"]
    found = load_recipe(
        str(tmp_path / "mine.toml"),
        [*small, "validation.every=2", "batch=2", "data.size=48", "precision='fp32'"],
    )
    assert (found.data.scale, found.task) == (scale, "super-resolution")
    run = tmp_path / "run"
    train(found, run)
    logged = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    [validated] = [line for line in logged if line["kind"] == "validation"]

    held_out = tmp_path / "held.json"
    assert main(["eval", str(run), "--held-out", "--json", str(held_out)]) == 0
    measures = json.loads(held_out.read_text())["outputs"]["target"]
    assert measures["psnr_rgb"] == pytest.approx(validated["psnr_rgb"], abs=1e-6)

    brought = tmp_path / "brought.json"
    folders = ["--sources", str(root / "LQ"), "--targets", str(root / "GT")]
    assert main(["eval", str(run), *folders, "--json", str(brought)]) == 0
    told = json.loads(brought.read_text())
    assert (told["images"], told["protocol"]["border"]) == (8, scale)


def test_one_odd_pair_among_them_is_found(tmp_path: Path) -> None:
    root = pairs(tmp_path)
    write_pictures(root / "GT", {"3.png": low(3)})
    report = examine(open_subject(str(root), guess(root), guessed=True), quick=True, workers=2)
    [finding] = [one for one in report.findings if one.check == "size"]
    assert (Path(finding.file).name, finding.severity) == ("3.png", "error")
    assert "source 40x40, target 40x40" in finding.what
    with pytest.raises(DataError, match="2, 3 or 4 times as large"):
        survey(root)
