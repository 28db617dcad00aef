"""Two folders without correspondence: every item draws, crops and moves each view on its own."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stacks.data import phase_sampler, training_groups, validation_pairs
from stacks.recipe import parse_recipe
from stacks.spec import Recipe
from tests.photographs import Bytes, write_pictures
from translate.pairs import DataError
from translate.tables import TableError

RECIPE = """
name = "tiny-unpaired"
batch = 4
[data]
layout = "unpaired"
size = 8
[augment]
flip = false
[[stage]]
name = "paint"
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
discriminator = { kind = "patch", channels = 4, layers = 1, norm = "none" }
objective = { adversarial = "lsgan", generator = {} }
[[phase]]
train = ["paint"]
steps = 1
"""


def recipe(root: Path, *overrides: str) -> Recipe:
    return parse_recipe(RECIPE, [f"data.root={str(root)!r}", *overrides])


def flat(value: int, height: int = 8, width: int = 8) -> Bytes:
    """A picture of one gray: it tells which file it was read from."""
    return np.full((height, width, 3), value, np.uint8)


def two_folders(root: Path) -> Path:
    """Three sources of grays 0, 1, 2 and two targets of 100 and 101, of other names and sizes."""
    write_pictures(root / "A", {f"horse{value}.png": flat(value) for value in range(3)})
    write_pictures(root / "B", {f"zebra{value}.png": flat(100 + value, 9, 20) for value in (0, 1)})
    return root


def grays(view: torch.Tensor) -> list[int]:
    """Which file each item of a batch was read from."""
    return (view[:, 0, 0, 0] * 255).round().int().tolist()


def test_every_source_meets_every_target(tmp_path: Path) -> None:
    spec = recipe(two_folders(tmp_path))
    draw = phase_sampler(spec, training_groups(spec), spec.phase[0])
    batches = [draw(step) for step in range(40)]
    met = {
        pair
        for batch in batches
        for pair in zip(grays(batch.views["source"]), grays(batch.views["target"]), strict=True)
    }
    assert met == {(source, target) for source in (0, 1, 2) for target in (100, 101)}
    assert batches[0].views["source"].shape == batches[0].views["target"].shape == (4, 3, 8, 8)
    again = draw(0)
    assert all(torch.equal(again.views[name], view) for name, view in batches[0].views.items())


def test_views_are_cropped_and_mirrored_apart(tmp_path: Path) -> None:
    # Columns count up, so that the first pixel tells the crop and the second the direction.
    ramp = np.broadcast_to(np.arange(40, dtype=np.uint8)[None, :, None], (8, 40, 3)).copy()
    write_pictures(tmp_path / "source", {"1.png": ramp})
    write_pictures(tmp_path / "target", {"1.png": ramp})
    spec = recipe(tmp_path, "augment.flip=true")
    draw = phase_sampler(spec, training_groups(spec), spec.phase[0])
    places, mirrored = set(), set()
    for step in range(20):
        source, target = (
            (draw(step).views[name][:, 0, 0] * 255).round() for name in ("source", "target")
        )
        for one, other in zip(source, target, strict=True):
            places.add(float(one.min() - other.min()))
            mirrored.add((bool(one[0] > one[1]), bool(other[0] > other[1])))
    assert len(places) > 10
    assert mirrored == {(False, False), (False, True), (True, False), (True, True)}


def test_pictures_are_chosen_in_each_folder(tmp_path: Path) -> None:
    spec = recipe(two_folders(tmp_path), "data.folder=[{ pictures = ':-1' }]")
    [(sources, _)] = training_groups(spec)
    [targets] = sources.apart
    assert [item.name for item in sources.items] == ["horse0", "horse1"]
    assert [item.name for item in targets.items] == ["zebra0"]
    with pytest.raises(DataError, match=r"no picture is left by pictures = '2:'"):
        training_groups(recipe(tmp_path, "data.folder=[{ pictures = '2:' }]"))


def test_what_is_held_out_has_partners(tmp_path: Path) -> None:
    two_folders(tmp_path / "train")
    for side, value in (("A", 7), ("B", 8)):
        write_pictures(tmp_path / "held-out" / side, {"1.png": flat(value)})
    spec = recipe(
        tmp_path,
        "data.folder=[{ path = 'train' }]",
        "validation.folder=[{ path = 'held-out' }]",
    )
    [pairs] = validation_pairs(spec)
    assert {name: int(view[0, 0, 0]) for name, view in pairs.load(0).items()} == {
        "source": 7, "target": 8
    }  # fmt: skip
    with pytest.raises(DataError, match="no picture named"):
        validation_pairs(recipe(tmp_path, "validation.folder=[{ path = 'train' }]"))


@pytest.mark.parametrize("empty", ["A", "B"])
def test_an_empty_or_missing_folder_is_named(tmp_path: Path, empty: str) -> None:
    two_folders(tmp_path)
    for path in (tmp_path / empty).iterdir():
        path.unlink()
    with pytest.raises(DataError, match=rf"{tmp_path / empty}: holds no pictures \("):
        training_groups(recipe(tmp_path))
    (tmp_path / empty).rmdir()
    view = {"A": "source", "B": "target"}[empty]
    with pytest.raises(DataError, match=rf"{tmp_path / view}: no such folder; .* {empty}, "):
        training_groups(recipe(tmp_path))


def test_a_file_that_is_no_picture_is_found_before_training(tmp_path: Path) -> None:
    (two_folders(tmp_path) / "B" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png: not a readable picture"):
        training_groups(recipe(tmp_path))


def test_both_folders_are_views(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no 'source'; layout 'unpaired' brings one"):
        recipe(tmp_path, "data.views={ target = 'rgb' }")
