"""A judge learns classes that can be told apart, and its file says what it is."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stacks.checkpoint import CheckpointError
from stacks.judge import (
    JudgeRecipe,
    Labeled,
    class_names,
    load_judge,
    moved,
    read_classes,
    split,
    train_judge,
    vary,
)
from tests.photographs import write_pictures
from translate.features.network import fit
from translate.pairs import DataError

SMALL = JudgeRecipe(("across", "down"), side=16, widths=(4, 8), steps=60, batch=16)


def quiet(done: int, total: int) -> None:
    """Progress that nobody watches."""


def stripes(name: str, index: int) -> np.ndarray:
    """Stripes along one side, elsewhere in each picture."""
    random = np.random.default_rng([index, len(name)])
    wave = 128 + 100 * np.sin(np.arange(24) * 1.2 + random.uniform(0, 6))
    plane = np.broadcast_to(wave, (24, 24)) + random.normal(0, 10, (24, 24))
    plane = plane.T if name == "down" else plane
    return np.repeat(np.clip(plane, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("classes")
    for name in SMALL.names:
        pictures = {f"{index}.png": stripes(name, index) for index in range(20)}
        write_pictures(root / name, pictures)
    return root


@pytest.fixture(scope="module")
def labeled(folder: Path) -> Labeled:
    return read_classes(folder, SMALL, quiet)


def test_it_learns_and_is_read_again(labeled: Labeled, tmp_path: Path) -> None:
    trained = train_judge(labeled, SMALL, quiet)
    assert (trained.learned, trained.held_out) == (32, 8)
    assert trained.accuracy >= 7 / 8
    path = tmp_path / "judge.safetensors"
    trained.save(path)
    judge = load_judge(path)
    assert judge.recipe == SMALL
    pictures, classes = labeled.take(torch.arange(len(labeled)))
    seen = judge.see(pictures)
    assert seen.features.shape == (40, 8)
    assert seen.logits is not None
    assert torch.equal(seen.logits, trained.classifier(pictures).cpu())
    assert (seen.logits.argmax(dim=1) == classes).float().mean() > 0.9
    told = judge.identity.describe()
    assert told["name"] == "judge"
    assert told["input"].startswith("16x16")
    assert len(told["weights"]) == 16


def test_the_seed_decides(labeled: Labeled) -> None:
    short = replace(SMALL, steps=3)
    first, again = (train_judge(labeled, short, quiet).classifier for _ in range(2))
    other = train_judge(labeled, replace(short, seed=1), quiet).classifier
    for one, two in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    assert not torch.equal(first.leave.weight, other.leave.weight)


def test_the_process_keeps_its_random_state(labeled: Labeled) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_judge(labeled, replace(SMALL, steps=1), quiet)
    assert torch.equal(torch.rand(3), expected)


def test_nothing_held_out_is_learned(labeled: Labeled) -> None:
    learned, held_out = split(labeled, SMALL)
    assert sorted([*learned.tolist(), *held_out.tolist()]) == list(range(40))
    assert labeled.classes[held_out].bincount().tolist() == [4, 4]
    few = Labeled(labeled.pictures[18:22], labeled.classes[18:22])
    assert [len(part) for part in split(few, SMALL)] == [2, 2]
    with pytest.raises(DataError, match=r"class 'across' has 1 pictures; a judge needs 2"):
        split(Labeled(labeled.pictures[19:22], labeled.classes[19:22]), SMALL)


def test_pictures_are_read_as_they_are_measured(labeled: Labeled) -> None:
    picture = torch.from_numpy(stripes("across", 0)).permute(2, 0, 1)[None].float() / 255
    assert torch.equal(labeled.pictures[:1], (fit(picture, 16) * 255).round().byte())
    assert labeled.classes.tolist() == [0] * 20 + [1] * 20


def test_what_is_varied_stays_a_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand(6, 3, 16, 16, generator=generator)
    varied = vary(pictures, False, generator)
    assert varied.shape == pictures.shape
    assert 0 <= varied.min() <= varied.max() <= 1
    assert not torch.equal(varied[0], pictures[0])
    # Dark on the left: turned and shifted a little, it stays there; mirrored, it may not.
    half = torch.zeros(64, 1, 16, 16)
    half[..., 8:] = 1
    sides = [
        vary(half, mirror, generator)[..., :4].mean(dim=(1, 2, 3)) > 0.5 for mirror in (False, True)
    ]
    assert int(sides[0].sum()) == 0
    assert 10 < int(sides[1].sum()) < 54


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"names": ("one",)}, "tells classes apart"),
        ({"side": 3}, "size: got 3; 2 halvings need 4"),
        ({"steps": 0}, "got 0 steps of 16 pictures"),
        ({"held_out": 1.0}, "held out: got 1.0"),
    ],
)
def test_recipes_that_cannot_work(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(SMALL, **changes)


def test_folders_and_files_that_are_something_else(folder: Path, tmp_path: Path) -> None:
    assert class_names(folder) == ("across", "down")
    with pytest.raises(DataError, match="no such folder"):
        class_names(tmp_path / "none")
    with pytest.raises(DataError, match="holds 0 folders; a judge needs two or more"):
        class_names(tmp_path)
    path = tmp_path / "judge.safetensors"
    path.write_bytes(b"no judge")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        load_judge(path)


def test_pictures_are_moved_each_by_its_own_frame() -> None:
    picture = torch.rand(1, 1, 8, 8)
    none = torch.zeros(5)
    mirror = torch.tensor([1.0, -1, 1, 1, 1])
    turn = torch.tensor([0, 0, math.pi / 2, 0, 0])
    across, scale = torch.tensor([0, 0, 0, 1.0, 0]), torch.tensor([1, 1, 1, 1, 2.0])
    same, mirrored, turned, shifted, grown = moved(
        picture.expand(5, -1, -1, -1), mirror, scale, turn, (across, none)
    )
    torch.testing.assert_close(same, picture[0])
    torch.testing.assert_close(mirrored, picture[0].flip(-1))
    torch.testing.assert_close(turned, picture[0].rot90(1, (-2, -1)), atol=1e-5, rtol=0)
    # Half the side to the right; beyond the edge its pixels go on.
    torch.testing.assert_close(shifted[..., :4], picture[0, ..., 4:])
    torch.testing.assert_close(shifted[..., 4:], picture[0, ..., -1:].expand(-1, -1, 4))
    # The middle 4x4 pixels, twice as large.
    enlarged = torch.nn.functional.interpolate(
        picture, scale_factor=2, mode="bilinear", align_corners=False
    )[0, :, 4:12, 4:12]
    torch.testing.assert_close(grown, enlarged)
