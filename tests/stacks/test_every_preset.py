"""Every preset, shrunk but of the same structure: it trains, exports, agrees and runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.convert import export_stack
from export.manifest import Input
from export.runtime import Translator
from export.verify import TOLERANCE
from stacks.checkpoint import STATE, read
from stacks.presets import preset_names
from stacks.recipe import load_recipe
from stacks.spec import FolderSpec, Recipe
from stacks.train import train
from tests.stacks.synthetic import ITEMS, write_data

PRESETS = preset_names()
STEPS = 2


# What makes a preset small and keeps its structure: sizes, widths, depths. A star stands for every
# stage that has the key. A new preset needs its own line here.
SHRUNK = {
    "cgan": "data.size=32 *.generator.size=32 *.generator.channels=16 "
    "*.discriminator.size=32 *.discriminator.channels=16",
    "cyclegan": "data.size=32 *.generator.channels=4 *.generator.blocks=1 "
    "*.discriminator.channels=4 *.discriminator.layers=1",
    "dcgan": "data.size=32 *.generator.size=32 *.generator.channels=16 "
    "*.discriminator.size=32 *.discriminator.channels=16",
    "facade-photo": "data.size=32 *.generator.channels=4 *.generator.depth=3 "
    "*.discriminator.channels=4 *.discriminator.layers=1",
    "fashion": "data.size=64 data.width=32 *.generator.channels=4 *.generator.depth=2 "
    "*.discriminator.channels=4 *.discriminator.layers=1",
    "fashion-parse": "data.size=64 data.width=32 *.generator.channels=4 *.generator.depth=2",
    "figure-pose": "data.size=64 *.generator.channels=4 *.generator.depth=2 "
    "*.discriminator.channels=4",
    "hand-pose": "data.size=64 *.generator.channels=4 *.generator.depth=3 "
    "*.discriminator.channels=4",
    "lapgan": "*.generator.channels=8 *.generator.blocks=1 *.discriminator.channels=8",
    "object-turn": "data.size=64 *.generator.channels=4 *.generator.depth=2",
    "photo-denoise": "data.size=32 stage.0.generator.channels=4 stage.0.generator.depth=2 "
    "stage.0.generator.window=3 stage.1.generator.widths=[4,6,6,8] stage.1.generator.blocks=1",
    "photo-denoise-real": "data.size=32 phase.1.size=32 stage.0.generator.channels=4 "
    "stage.0.generator.depth=2 stage.0.generator.window=3 stage.1.generator.widths=[4,6,6,8] "
    "stage.1.generator.blocks=1",
    "photo-sr": "data.size=64 phase.1.size=64 *.generator.channels=8 *.generator.blocks=1",
    "photo-sr-crisp": "data.size=64 phase.1.size=64 *.generator.channels=8 *.generator.blocks=1 "
    "*.discriminator.channels=8",
    "photo-sr-real": "data.size=64 *.generator.channels=8 *.generator.blocks=1",
    "pix2pix": "data.size=32 *.generator.channels=4 *.generator.depth=3 "
    "*.discriminator.channels=4 *.discriminator.layers=1",
    "pix2pixhd": "data.size=64 *.generator.channels=8 *.generator.blocks=1 "
    "stage.1.generator.channels=4 *.discriminator.channels=4 *.discriminator.layers=1",
    "progressive": "*.generator.channels=8 *.discriminator.channels=8",
    "sagan": "*.generator.channels=4 *.discriminator.channels=4",
    "sketch-photo": "data.size=32 data.width=32 stage.0.generator.attention=[] "
    "*.generator.expect=4 *.generator.channels=4 *.generator.depth=3 "
    "*.discriminator.channels=4 *.discriminator.layers=1",
    "style-hands": "data.size=32 *.generator.size=32 *.discriminator.size=32 "
    "*.generator.channels=16 *.generator.style=16 *.generator.mapping=2 "
    "*.discriminator.channels=8",
}


def overrides(name: str, recipe: Recipe) -> list[str]:
    """The line of a preset, a star written out."""
    found: list[str] = []
    for entry in SHRUNK[name].split():
        star, _, path = entry.partition("*.")
        if star:
            found.append(entry)
            continue
        side, key = path.partition("=")[0].split(".")
        found += [
            f"stage.{index}.{path}"
            for index, stage in enumerate(recipe.stage)
            if hasattr(getattr(stage, side), key)
        ]
    return found


def shrunk(name: str, root: Path, items: int = ITEMS) -> Recipe:
    """The preset at a few steps of two items each, on data made for it beneath ``root``."""
    whole = load_recipe(name)
    phases = [
        f"phase.{index}.{key}"
        for index, phase in enumerate(whole.phase)
        for key in (f"steps={STEPS}", *(["batch=2"] if phase.batch else []))
    ]
    small = load_recipe(name, [*overrides(name, whole), *phases, "batch=2", "precision=fp32"])
    data, validation = small.data, small.validation
    side = 2 * data.size if data.fit == "crop" else data.size + 4
    write_data(data, root, "items.csv" if data.layout == "table" else "items", side, items)
    [path] = [path.name for path in root.iterdir() if path.stem == "items"]
    held_out = (FolderSpec(path, pictures=f"{items - 1}:"),) if validation.folder else ()
    return replace(
        small,
        compile=False,
        data=replace(data, root=str(root), folder=(FolderSpec(path),)),
        validation=replace(validation, folder=held_out),
    )


def test_each_has_its_line() -> None:
    assert set(SHRUNK) == set(PRESETS), "say in SHRUNK how a new preset is made small"


@pytest.mark.parametrize("name", PRESETS)
def test_it_trains_exports_agrees_and_runs(name: str, tmp_path: Path) -> None:
    recipe = shrunk(name, tmp_path / "data")
    assert kinds(recipe) == kinds(load_recipe(name))
    best = train(recipe, tmp_path / "run")
    reached = read(tmp_path / "run" / "last" / "state.safetensors", STATE).facts
    assert (reached["phase"], reached["step"]) == (
        len(recipe.phase) - 1,
        STEPS * len(recipe.phase),
    )
    exported = export_stack(best, tmp_path / f"{name}.onnx")
    assert exported.difference <= TOLERANCE
    assert [path.suffix for path in tmp_path.glob("*.onnx*")] == [".onnx"]
    # The last view first, then each view on the way that is no smaller than the source.
    shipped = [stage for stage in reversed(recipe.stage) if stage.shipped and stage.reduce == 1]
    written = [stage.writes for stage in shipped]
    assert [output.name for output in exported.manifest.outputs] == written

    translator = Translator(exported.path, providers="cpu")
    side = max(exported.manifest.min_size, 4 * exported.manifest.size_multiple)
    given = {port.name: picture_for(port, side) for port in exported.manifest.inputs}
    views = translator.run({name: value for name, value in given.items() if value is not None})
    assert list(views) == written
    base = 1 if recipe.points else side
    for output in exported.manifest.outputs:
        assert views[output.name].shape[:2] == (base * output.scale, base * output.scale)
        assert np.isfinite(views[output.name]).all()


def kinds(recipe: Recipe) -> list[str]:
    """Kinds of the generators; a stage that uses another's again has none of its own."""
    return [stage.generator.kind for stage in recipe.stage if stage.generator is not None]


def picture_for(port: Input, side: int) -> np.ndarray | None:
    """A picture for an input that needs one; the runtime finds the rest by itself."""
    random = np.random.default_rng(0)
    if port.family == "labels":
        return random.integers(port.count, size=(side, side))
    if port.family == "keypoints":
        return np.append(random.uniform(0, side, (port.count, 2)), np.ones((port.count, 1)), axis=1)
    if not port.is_picture:
        return None
    return random.random((side, side, 3 if port.family == "rgb" else 1), dtype=np.float32)
