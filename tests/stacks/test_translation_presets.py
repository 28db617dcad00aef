"""The presets that translate pictures: small ones of them train on drawn pairs, and ship."""

import csv
import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from export.convert import export_stack
from export.describe import describe
from export.manifest import Manifest
from export.runtime.translator import Translator
from stacks.checkpoint import load_stack
from stacks.data import phase_sampler, training_groups
from stacks.recipe import load_recipe
from stacks.tables import sketch_pairs
from stacks.train import train
from tests.photographs import Bytes, window, write_pictures

SMALL = (
    "batch=2", "precision='fp32'", "data.size=32", "validation.folder=[]", "log.every=1",
    "log.checkpoint=2", "log.samples=2",
)  # fmt: skip
SMALL_UNET = (
    *SMALL, "phase=[{ train = ['paint'], steps = 2 }]", "stage.0.generator.channels=4",
    "stage.0.generator.depth=3", "stage.0.discriminator.channels=4",
    "stage.0.discriminator.layers=1",
)  # fmt: skip
SMALL_CYCLE = (
    *SMALL, "phase.0.steps=2", *(f"stage.{index}.{key}" for index in (0, 1) for key in (
        "generator.channels=4", "generator.blocks=1",
        "discriminator.channels=4", "discriminator.layers=1",
    )),
)  # fmt: skip


def palette() -> Bytes:
    """Colors of the labels of facades ``(12, 3)``."""
    return np.array(load_recipe("facade-photo").data.palette["source"], np.uint8)


def facade(folder: Path, name: str) -> np.ndarray:
    """Write a photo beside its labels, in twelve fields, as JPEG; returns the ids ``(64, 96)``."""
    ids = np.kron(np.arange(12).reshape(3, 4), np.ones((22, 24), int))[:64]
    sides = np.concatenate([window("coffee", 64, 96), palette()[ids]], axis=1)
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sides).save(folder / name, quality=75)
    return ids


def test_labels_of_facades_survive_their_compression(tmp_path: Path) -> None:
    ids = facade(tmp_path / "facades", "1.jpg")
    recipe = load_recipe(
        "facade-photo", [f"data.root={str(tmp_path)!r}", "data.folder=[{ path = 'facades' }]"]
    )
    [(pairs, _)] = training_groups(recipe)
    views = pairs.load(0)
    found = views["source"][..., 0]
    assert np.abs(views["target"].astype(int) - window("coffee", 64, 96)).mean() < 8
    # Where colors are not mixed with those of a neighbor.
    edge = np.zeros((64, 96), bool)
    for step in range(-8, 9):
        for axis in (0, 1):
            edge |= np.roll(ids, step, axis) != ids
    assert (found[~edge] == ids[~edge]).all()
    assert (~edge).sum() > 500
    assert len(recipe.data.names["source"]) == len({tuple(color) for color in palette()}) == 12


def test_a_facade_preset_trains_and_ships(tmp_path: Path) -> None:
    for name in ("1.jpg", "2.jpg"):
        facade(tmp_path / "facades", name)
    overrides = [f"data.root={str(tmp_path)!r}", "data.folder=[{ path = 'facades' }]"]
    recipe = load_recipe("facade-photo", [*SMALL_UNET, *overrides])
    batch = phase_sampler(recipe, training_groups(recipe), recipe.phase[0])(0)
    assert batch.views["noise"].shape == (2, 8)
    assert not batch.views["source"].is_floating_point()
    exported = export_stack(train(recipe, tmp_path / "run"), tmp_path / "facade.onnx")
    source = exported.manifest.input("source")
    assert source.kind == "labels:12"
    assert source.names[:3] == ("background", "facade", "window")
    assert np.array_equal(source.palette, palette())
    made = Translator(exported.path, providers="cpu").run({"source": np.zeros((20, 30), np.int64)})
    assert made["target"].shape == (20, 30, 3)


def sketches(data: Path) -> Path:
    """A small BSDS500 and a small CCP: white squares on black, and what was drawn of them."""
    splits = {"train": range(3), "test": range(10, 24)}
    for split, numbers in splits.items():
        photos = {f"{number}.jpg": window("chelsea", 40, 60, left=number) for number in numbers}
        write_pictures(data / "bsds500" / "photos" / split, photos)
        drawn = {f"{number}.png": window("coffee", 40, 60)[..., :1] for number in numbers}
        write_pictures(data / "bsds500" / "edges" / split, drawn)
    (data / "ccp" / "photos").mkdir(parents=True)
    for number in range(70, 160):
        square = Image.new("RGB", (60, 60))
        ImageDraw.Draw(square).rectangle((20, 20, 39, 39), fill="white")
        square.save(data / "ccp" / "photos" / f"{number:04d}.jpg", quality=95)
    return data


def names(table: Path) -> list[str]:
    with open(table, newline="", encoding="utf-8") as file:
        return [row["name"] for row in csv.DictReader(file)]


def test_tables_of_sketches_hold_out_the_last(tmp_path: Path) -> None:
    sketch_pairs.write(sketches(tmp_path))
    train_names = names(tmp_path / "sketch-pairs-train.csv")
    held_out = names(tmp_path / "sketch-pairs-validation.csv")
    # The first ten photos but the one that has a twin among the held-out ones.
    expected = [f"{number:04d}" for number in range(70, 80) if number != 78]
    assert train_names == ["0", "1", "2", "10", "11", *expected]
    assert held_out[:12] == [str(number) for number in range(12, 24)]
    assert held_out[12:] == [f"{number:04d}" for number in range(148, 160)]


def test_edges_are_found_where_a_square_ends(tmp_path: Path) -> None:
    edges = sketch_pairs.sketch(sketches(tmp_path) / "ccp" / "photos" / "0070.jpg")
    assert edges.shape == (60, 60)
    assert edges[30, 18:22].max() == 255
    assert edges[30, 38:42].max() == 255
    assert not edges[25:35, 25:35].any()
    assert not edges[:12].any()


def test_a_missing_sketch_is_named(tmp_path: Path) -> None:
    data = sketches(tmp_path)
    (data / "bsds500" / "edges" / "test" / "11.png").unlink()
    with pytest.raises(SystemExit, match=r"edges/test/11\.png: no such file"):
        sketch_pairs.write(data)


def test_edges_that_were_not_finished_are_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    data = sketches(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            sketch_pairs.write(data)
    assert not list((data / "ccp" / "edges").iterdir())
    sketch_pairs.write(data)
    assert len(list((data / "ccp" / "edges").iterdir())) == 90


def manifest(best: Path) -> Manifest:
    """What an export of the weights would say of itself."""
    return describe(load_stack(best), 0, 1, None, "1", {}, {})


def test_a_cycle_preset_trains_on_unpaired_folders(tmp_path: Path) -> None:
    for side, sample in (("A", "coffee"), ("B", "chelsea")):
        write_pictures(tmp_path / "unpaired" / side, {f"{sample}.png": window(sample, 40, 60)})
    recipe = load_recipe("cyclegan", [*SMALL_CYCLE, f"data.root={str(tmp_path)!r}"])
    told = manifest(train(recipe, tmp_path / "run"))
    assert [port.name for port in told.inputs] == ["source"]
    assert [port.name for port in told.outputs] == ["made"]
