"""Left and right in names, and what a mirror makes of what is called so."""

from pathlib import Path

import numpy as np
import pytest
import torch

from export.runtime import ensemble
from stacks.recipe import load_recipe
from tests.photographs import write_pictures
from translate.augment import Augment, AugmentSpec
from translate.batches import Sampler
from translate.kinds import parse_kind
from translate.layouts import Reading, find_items
from translate.pairs import Pairs
from translate.sides import SIDE, opposite, swapped


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("left_elbow", "right_elbow"),
        ("Right-leg", "Left-leg"),
        ("LEFT ARM", "RIGHT ARM"),
        ("leftUpperArm", "rightUpperArm"),
        ("leftarm", "leftarm"),
        ("LeftArm", "RightArm"),
        ("armRight", "armLeft"),
        ("shoe (left)", "shoe (right)"),
        ("bright", "bright"),
        ("Rights", "Rights"),
        ("leftover", "leftover"),
        ("head", "head"),
    ],
)
def test_the_other_side_is_called_alike(name: str, other: str) -> None:
    assert opposite(name) == other
    assert opposite(other) == name


def test_runtimes_find_the_same_sides() -> None:
    assert ensemble.SIDE.pattern == SIDE.pattern


def test_names_without_a_partner_stand_for_themselves() -> None:
    assert swapped(["wall", "Left-arm", "Right-arm", "left_eye"]) == (0, 2, 1, 3)


def test_labels_and_classes_change_places_in_a_mirror(tmp_path: Path) -> None:
    names = ("wall", "left_hand", "right_hand")
    ids = np.zeros((16, 16), np.uint8)
    ids[:, :4], ids[:, 12:] = 1, 2
    write_pictures(tmp_path, {"ids.png": ids, "photo.png": np.stack([ids * 80] * 3, axis=-1)})
    (tmp_path / "pairs.csv").write_text("source,hand,target\nids.png,right_hand,photo.png\n")
    kinds = {"source": "labels:3", "hand": "class:3", "target": "rgb"}
    reading = Reading(kinds, names={"hand": names}, root=tmp_path)
    recipe = load_recipe(
        "pix2pix",
        [
            "data.layout=table",
            *(f"data.views.{view}={kind}" for view, kind in kinds.items()),
            *(f"data.names.{view}={list(names)!r}" for view in ("source", "hand")),
        ],
    )
    assert recipe.data.swapped == {"source": (0, 2, 1), "hand": (0, 2, 1)}
    draw = Sampler(
        [(Pairs(find_items(tmp_path / "pairs.csv", "table", reading)), 1.0)],
        8, 16, [], Augment(AugmentSpec()), seed=0,
        kinds={view: parse_kind(kind) for view, kind in kinds.items()},
        swapped=recipe.data.swapped,
    )  # fmt: skip
    views = draw(0).views
    # In the photograph the bright hand is the one that was called right.
    mirrored = views["target"][:, 0, 0, 0] > 0.5
    assert set(mirrored.tolist()) == {True, False}
    assert torch.equal(views["hand"], torch.where(mirrored, 1, 2))
    # On the picture's left stays what is called left, on its right what is called right.
    assert torch.equal(views["source"][:, 0], torch.from_numpy(ids).long().expand(8, -1, -1))
