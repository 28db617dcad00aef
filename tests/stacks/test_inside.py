"""Partial translation: what lies outside the area comes back as it was."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stacks.inside import InsideSpec, area
from stacks.recipe import parse_recipe, recipe_text
from stacks.stack import Stack
from stacks.train import train
from tests.photographs import window, write_pictures
from translate.kinds import Kind
from translate.tables import TableError

# The union of the old garment's area and the new one's, as in FashionGAN.
FASHION = """
name = "tiny-fashion"
batch = 2
precision = "fp32"
[data]
views = { source = "rgb", layout = "labels:4", target = "rgb" }
size = 16
[[stage]]
name = "parse"
writes = "parsed"
truth = "layout"
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
objective = { generator = { cross_entropy = 1.0 } }
[[stage]]
name = "render"
reads = ["source", "layout"]
join = "inside"
inside = { views = ["parsed", "layout"], labels = [1, 3] }
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
objective = { generator = { l1 = 1.0 } }
[log]
every = 1
samples = 2
checkpoint = 1
[[phase]]
train = ["parse", "render"]
steps = 2
"""
MASKED = """
name = "tiny-masked"
[data]
views = { source = "rgb", area = "gray", target = "rgb" }
[[stage]]
name = "paint"
join = "inside"
inside = { views = ["area"] }
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
[[phase]]
train = ["paint"]
steps = 1
"""


def test_an_area_is_the_union_of_masks_and_labels() -> None:
    ids = torch.tensor([[[[0, 1, 2, 3]]]])
    probabilities = torch.tensor([[[0.1, 0.2, 0.6, 0.9]], [[0.9, 0.8, 0.4, 0.1]]])[None]
    mask = torch.tensor([[[[0.0, 0.5, 0.51, 1.0]]]])
    kinds = {"ids": Kind("labels", 4), "planes": Kind("labels", 2), "mask": Kind("gray")}
    views = {"ids": ids, "planes": probabilities, "mask": mask, "other": mask}

    def of(*names: str, labels: tuple[int, ...] = ()) -> list[bool]:
        scales = dict.fromkeys(names, 1)
        found = area(views, {name: kinds[name] for name in names}, labels, scales)
        return found[0, 0, 0].tolist()

    assert of("mask") == [False, False, True, True]
    assert of("ids", labels=(0, 2)) == [True, False, True, False]
    assert of("planes", labels=(1,)) == [True, True, False, False]
    assert of("ids", "planes", labels=(1,)) == [True, True, False, False]
    assert of("ids", "mask", labels=(0,)) == [True, False, True, True]


def test_a_smaller_mask_is_repeated() -> None:
    mask = torch.tensor([[[[0.0, 1.0]]]])
    found = area({"mask": mask}, {"mask": Kind("gray")}, (), {"mask": 3})
    assert found.shape == (1, 1, 3, 6)
    assert found[0, 0].tolist() == [[False] * 3 + [True] * 3] * 3


def test_masks_are_enlarged_to_what_is_written() -> None:
    larger = MASKED.replace(
        "[[stage]]",
        """[[stage]]
name = "enlarge"
writes = "large"
join = "add"
generator = { kind = "pyramid", channels = 4, blocks = 1, scale = 2 }
[[stage]]""",
    ).replace(
        'views = ["area"] }', 'views = ["area"], unless = "kind", but = "mask", of = "large" }'
    )
    recipe = parse_recipe(
        larger,
        [
            "data.scale=2",
            "data.layout='table'",
            *(f"data.views.{view}" for view in ("mask='gray'", "kind='class:2'")),
            "stage.1.reads=['large']",
            "phase.0.train=['enlarge', 'paint']",
        ],
    )
    stack = Stack(recipe).eval()
    masks = torch.zeros(2, 1, 8, 8)
    masks[0, :, :4] = 1
    given = {"source": torch.rand(1, 3, 8, 8), "kind": torch.zeros(1).long()}
    written = stack(given | {"area": masks[1:], "mask": masks[:1]})
    same = (written["target"] == written["large"]).all(dim=1)[0]
    assert same[8:].all()
    assert not same[:8].any()


def test_what_is_outside_stays_to_the_bit() -> None:
    torch.manual_seed(0)
    stack = Stack(parse_recipe(MASKED)).eval()
    assert list(stack.inputs) == ["source", "area"]
    source = torch.rand(2, 3, 16, 16) * 1.4 - 0.2
    mask = (torch.rand(2, 1, 16, 16) > 0.5).float()
    made = stack({"source": source, "area": mask})["target"]
    changed = mask.bool().expand_as(made)
    everywhere = stack({"source": source, "area": torch.ones_like(mask)})["target"]
    assert torch.equal(made[~changed], source[~changed])
    assert torch.equal(made[changed], everywhere[changed])
    assert not torch.equal(everywhere, source)


def test_only_what_is_inside_teaches() -> None:
    stack = Stack(parse_recipe(MASKED))
    source = torch.rand(1, 3, 16, 16)
    made = stack({"source": source, "area": torch.zeros(1, 1, 16, 16)})["target"]
    made.sum().backward()
    gradients = [parameter.grad for parameter in stack.parameters()]
    assert all(gradient is None or not gradient.any() for gradient in gradients)


def test_layouts_before_and_after_make_the_area() -> None:
    torch.manual_seed(0)
    stack = Stack(parse_recipe(FASHION)).eval()
    assert parse_recipe(recipe_text(stack.recipe)) == stack.recipe
    source = torch.rand(1, 3, 16, 16)
    layout = torch.randint(4, (1, 1, 16, 16))
    written = stack({"source": source, "layout": layout})
    parsed = written["parsed"].argmax(dim=1, keepdim=True)
    changed = ((parsed == 1) | (parsed == 3) | (layout == 1) | (layout == 3)).expand_as(source)
    assert changed.any()
    assert not changed.all()
    assert torch.equal(written["target"][~changed], source[~changed])
    assert (written["target"][changed] != source[changed]).all()


def test_a_label_map_can_be_changed_in_part() -> None:
    spec = parse_recipe(
        MASKED, ["data.views={ source = 'labels:3', area = 'gray', target = 'labels:3' }",
                 "stage.0.objective.generator={ cross_entropy = 1 }"],
    )  # fmt: skip
    stack = Stack(spec).eval()
    source, mask = torch.randint(3, (1, 1, 16, 16)), torch.zeros(1, 1, 16, 16)
    mask[..., 8:] = 1
    made = stack({"source": source, "area": mask})["target"]
    assert torch.equal(made.argmax(dim=1)[..., :8], source[:, 0, :, :8])
    assert torch.allclose(made.sum(dim=1), torch.ones(1, 16, 16))


@pytest.mark.parametrize("feed", ["truth", "predicted"])
def test_it_trains_from_folders(tmp_path: Path, feed: str) -> None:
    random = np.random.default_rng(0)
    for view in ("source", "target"):
        write_pictures(tmp_path / "data" / view, {"1.png": window("coffee", 20, 24)})
    ids = random.integers(4, size=(20, 24, 1)).astype(np.uint8)
    write_pictures(tmp_path / "data" / "layout", {"1.png": ids})
    spec = parse_recipe(FASHION, [f"data.root='{tmp_path / 'data'}'", f"phase.0.feed={feed!r}"])
    assert train(spec, tmp_path / "run").is_file()


@pytest.mark.parametrize(
    ("recipe", "overrides", "told"),
    [
        (MASKED, ["stage.0.join='replace'"], "stage[0].inside: the area of join = 'inside'"),
        (MASKED, ["stage.0.inside.views=[]"], "stage[0].inside.views: got ()"),
        (MASKED, ["stage.0.inside.views=['source']"], "inside.views: 'source' is rgb"),
        (MASKED, ["stage.0.inside.views=['mask']"], "stage 'paint' reads 'mask', which no"),
        (MASKED, ["stage.0.inside.labels=[1]"], "inside.labels: none of area holds labels"),
        (MASKED, ["stage.0.reads=['area', 'source']"], "leaves parts of 'area', which is gray"),
        (FASHION, ["stage.1.inside.labels=[]"], "inside.labels: missing; 'parsed' holds labels"),
        (FASHION, ["stage.1.inside.labels=[4]"], "inside.labels: got 4; 'parsed' has 0..3"),
        (FASHION, ["stage.1.inside.labels=[-1]"], "inside.labels: got (-1,)"),
    ],
)
def test_an_area_that_is_none_is_refused(recipe: str, overrides: list[str], told: str) -> None:
    with pytest.raises(TableError) as caught:
        Stack(parse_recipe(recipe, overrides))
    assert told in str(caught.value)


def test_a_spec_names_views() -> None:
    with pytest.raises(TableError, match="views"):
        InsideSpec(())


DRESSED = """
name = "tiny-dressed"
[data]
layout = "table"
[data.views]
source = "rgb"
outfit = "class:2"
colors = "colors:1"
layout = "labels:3"
other = "labels:3"
target = "rgb"
[[stage]]
name = "render"
reads = ["source", "layout", "outfit"]
join = "inside"
[stage.inside]
views = ["layout"]
labels = [1, 2]
training = ["other"]
hide = true
unless = "outfit"
but = "recolored"
[stage.derive]
recolored = { kind = "asked", areas = "layout", colors = "colors", groups = [[2]] }
[stage.generator]
kind = "unet"
widths = [4, 6]
blocks = 1
unfold = 1
[[phase]]
train = ["render"]
steps = 1
"""


def dressed(**changes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, Stack]:
    """What is changed of a photo whose columns have the labels 0, 1, 2, 0, and the photo."""
    torch.manual_seed(0)
    stack = Stack(parse_recipe(DRESSED)).eval()
    views = {
        "source": torch.rand(1, 3, 4, 4),
        "outfit": torch.tensor([1]),
        "colors": torch.full((1, 1, 3), -1.0),
        "layout": torch.tensor([0, 1, 2, 0]).expand(1, 1, 4, 4),
    }
    made = stack(views | changes)["target"]
    return (made != (views | changes)["source"]).all(dim=1)[0], made, stack


def columns(changed: torch.Tensor) -> list[bool]:
    assert (changed == changed[:1]).all()
    return changed[0].tolist()


def test_areas_of_training_alone_are_added_where_they_are() -> None:
    changed, _, stack = dressed()
    assert columns(changed) == [False, True, True, False]
    assert "other" not in stack.inputs
    changed, *_ = dressed(other=torch.tensor([0, 0, 0, 2]).expand(1, 1, 4, 4))
    assert columns(changed) == [False, True, True, True]


def test_areas_of_training_are_of_the_kind_that_is_told() -> None:
    with pytest.raises(TableError, match=r"inside\.training: 'other' is gray; expected labels:3"):
        Stack(parse_recipe(DRESSED, ["data.views.other='gray'"]))


def test_where_nothing_is_asked_for_nothing_changes() -> None:
    as_it_is = torch.tensor([0])
    changed, *_ = dressed(outfit=as_it_is)
    assert columns(changed) == [False] * 4
    changed, *_ = dressed(outfit=as_it_is, colors=torch.zeros(1, 1, 3))
    assert columns(changed) == [False, False, True, False]


def test_what_may_change_is_hidden_from_the_generator() -> None:
    source = torch.rand(1, 3, 4, 4)
    other = source.clone()
    other[..., 1:3] = torch.rand(1, 3, 4, 2)
    _, first, stack = dressed(source=source)
    _, second, _ = dressed(source=other)
    assert torch.equal(first, second)
    # Three colors and the plane of what is hidden, three labels and two classes.
    assert stack.stages["render"].channels == (9, 3, 0)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("stage.0.inside.training=['another']", "inside.training: 'another' is no picture of the"),
        ("stage.0.inside.unless='layout'", "inside.unless: 'layout' is labels:3; expected class"),
        ("stage.0.inside.but='layout'", "inside.but: 'layout' is labels:3; expected gray"),
        ("stage.0.inside.unless=''", "inside.but: is of inside.unless; give that, too"),
        ("stage.0.reads=['layout', 'outfit']", "leaves parts of 'layout', which is labels:3"),
        ("stage.0.derive.recolored.areas='old'", "derive.recolored is made of 'old', which no"),
        ("stage.0.derive.recolored.kind='brushed'", "kind: unknown kind 'brushed'; known: asked"),
        ("stage.0.derive.recolored.groups=[[3]]", "derive.recolored.groups: got 3; allowed: labe"),
    ],
)
def test_what_cannot_be_changed_is_refused(override: str, told: str) -> None:
    with pytest.raises(TableError) as caught:
        Stack(parse_recipe(DRESSED, [override]))
    assert told in str(caught.value)
