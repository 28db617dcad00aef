"""Training stacks of labels, classes and noise: every one for two steps, resumed after one."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import stacks.train
from stacks.checkpoint import STATE, load_stack, read
from stacks.cost import macs
from stacks.data import open_folder
from stacks.evaluate import Protocol, evaluate, output_of_scale, stack_predictor
from stacks.recipe import parse_recipe
from stacks.record import shown
from stacks.run import Run
from stacks.spec import Recipe
from stacks.stack import Stack
from stacks.train import train
from tests.stacks import kinds
from translate.batches import Batch
from translate.kinds import parse_kind
from translate.tables import TableError

RECIPES = {"paint": kinds.PAINT, "draw": kinds.DRAW, "parse": kinds.PARSE}
SIDES = {"paint": 16, "draw": 32, "parse": 16}
COLUMNS = {"paint": 3, "draw": 2, "parse": 4}
"""What is read, what is written, the target."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kinds.write_data(tmp_path_factory.mktemp("data"))


def recipe(name: str, root: Path, *overrides: str) -> Recipe:
    folder = root / "classes" if name == "draw" else root
    return kinds.recipe(RECIPES[name], f"data.root={str(folder)!r}", *overrides)


def state(folder: Path) -> dict[str, Tensor]:
    return read(folder / "last" / "state.safetensors", STATE).tensors


@pytest.mark.parametrize("name", RECIPES)
def test_two_steps_and_one_resumed(
    name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = recipe(name, root)
    train(spec, tmp_path / "whole")
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").open()]
    assert [line["step"] for line in lines] == [1, 2]
    stage = spec.stage[0]
    losses = {f"{stage.name}/{side}/adversarial" for side in ("generator", "discriminator")}
    losses |= {f"{stage.name}/generator/{term}" for term in stage.objective.specs("generator")}
    for line in lines:
        assert losses <= set(line)
        assert all(math.isfinite(value) for value in line.values() if isinstance(value, float))
    picture = np.asarray(Image.open(tmp_path / "whole" / "samples" / "00000002.png"))
    assert picture.shape == (2 * SIDES[name], COLUMNS[name] * SIDES[name], 3)
    assert picture.std() > 10

    class Interrupted(Exception):
        pass

    train_step = stacks.train.train_step

    def interrupted(run: Run, batches: Sequence[Batch]) -> dict[str, Tensor]:
        if run.step == 1:
            raise Interrupted
        return train_step(run, batches)

    with monkeypatch.context() as patch:
        patch.setattr(stacks.train, "train_step", interrupted)
        with pytest.raises(Interrupted):
            train(spec, tmp_path / "parts")
    best = train(spec, tmp_path / "parts", resume=True)
    whole, parts = state(tmp_path / "whole"), state(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert all(torch.equal(tensor, parts[key]) for key, tensor in whole.items())
    # The weights carry palettes and names with them.
    assert load_stack(best).recipe.data.names == spec.data.names
    assert load_stack(best).recipe.data.palette == spec.data.palette


def test_a_source_that_no_stage_reads(root: Path, tmp_path: Path) -> None:
    spec = recipe("parse", root, "stage.0.reads=['layout']", "phase.1.steps=0")
    train(spec, tmp_path)
    picture = np.asarray(Image.open(tmp_path / "samples" / "00000001.png"))
    assert picture.shape == (32, 64, 3), "the labels, what was written, the target"


def test_labels_learn(root: Path, tmp_path: Path) -> None:
    spec = recipe("parse", root, "phase.0.steps=60", "phase.1.steps=0", "phase.0.train=['parse']",
                  "phase.0.adversarial=false", "log.checkpoint=1000", "log.samples=1000",
                  "optimizer.generator.rate=0.01", "batch=4")  # fmt: skip
    train(spec, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").open()]
    for term in ("cross_entropy", "dice"):
        values = [line[f"parse/generator/{term}"] for line in lines]
        assert sum(values[-10:]) < 0.7 * sum(values[:10]), term


def test_labels_without_a_palette_are_shown_as_steps_of_gray() -> None:
    ids = torch.tensor([[0, 1], [2, 4]])[None, None]
    kind = parse_kind("labels:5")
    assert shown(ids, kind, (2, 2), ()).flatten().tolist() == [0, 0.25, 0.5, 1]
    likely = torch.tensor([0.2, 0.1, 0.4, 0.2, 0.1]).reshape(1, 5, 1, 1)
    assert shown(likely, kind, (2, 2), ()).item() == 0.5


@pytest.mark.parametrize(("name", "columns"), [("paint", [0]), ("parse", [1])])
def test_labels_are_shown_in_the_colors_of_their_palette(
    name: str, columns: list[int], root: Path, tmp_path: Path
) -> None:
    train(recipe(name, root), tmp_path)
    picture = np.asarray(Image.open(tmp_path / "samples" / "00000002.png"))
    for column in columns:
        part = picture[:, column * 16 : (column + 1) * 16].reshape(-1, 3)
        assert {tuple(color) for color in part.tolist()} <= set(kinds.PALETTE)


# Measuring.


def test_held_out_pictures_of_a_table(root: Path, tmp_path: Path) -> None:
    spec = recipe("paint", root, "validation.folder=[{ path = 'pairs.csv' }]", "phase.0.steps=1")
    train(spec, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").open()]
    assert [line["kind"] for line in lines] == ["train", "validation"]
    assert 0 < lines[1]["psnr_rgb"] < 40


def test_a_predictor_is_fed_labels_and_classes(root: Path) -> None:
    spec = recipe("paint", root)
    stack = Stack(spec).eval()
    pairs = open_folder(spec, spec.data.folder[0])
    given = []

    def predict(views):  # type: ignore[no-untyped-def]
        given.append((views["layout"].shape, views["layout"].dtype, views["mood"]))
        return stack_predictor(stack)(views)

    scores = list(evaluate(predict, pairs, Protocol(), "target"))
    assert len(scores) == 2
    assert given == [((40, 50, 1), np.uint8, 1), ((40, 50, 1), np.uint8, 0)]
    with pytest.raises(ValueError, match=r"^class 3: expected 0\.\.2$"):
        stack_predictor(stack)({"layout": np.zeros((4, 4, 1), np.uint8), "mood": 3})


def test_a_picture_from_noise_is_predicted_without_a_source() -> None:
    stack = Stack(kinds.recipe(kinds.DRAW)).eval()
    noise = np.random.default_rng(0).standard_normal(8)
    made = stack_predictor(stack)({"noise": noise, "group": 1})["target"]
    assert made.shape == (32, 32, 3)
    assert np.array_equal(made, stack_predictor(stack)({"noise": noise, "group": 1})["target"])
    # What it costs does not depend on how large anybody's source is.
    assert macs(stack, 512, 512) == macs(stack, 1, 1) > 0


@pytest.mark.parametrize("kind", ["rgb", "gray"])
def test_what_is_measured_was_learned_from_the_target(kind: str) -> None:
    painter = "generator={ kind = 'unet', widths = [2, 2], blocks = 1, unfold = 1 }"
    text = f"""
    name = "two"
    [data]
    views = {{ source = "rgb", normals = "{kind}", target = "rgb" }}
    [[stage]]
    name = "photo"
    writes = "photo"
    {painter}
    [[stage]]
    name = "normals"
    reads = ["photo"]
    writes = "made_normals"
    truth = "normals"
    {painter}
    [[phase]]
    train = ["photo", "normals"]
    adversarial = false
    steps = 1
    """
    assert output_of_scale(Stack(parse_recipe(text)), 1) == "photo"


def test_labels_are_no_picture_to_be_measured() -> None:
    stack = Stack(kinds.recipe(kinds.PARSE))
    assert output_of_scale(stack, 1) == "target"
    alone = kinds.recipe(
        kinds.PARSE, "data.views={ source = 'rgb', target = 'labels:4' }", "data.palette={}",
        "data.names={}", "stage.0.truth=target", "stage.0.writes=labels", "stage.1.reads=['labels']"
    )  # fmt: skip
    with pytest.raises(ValueError, match="no output of scale 1; this stack writes labels alone"):
        output_of_scale(Stack(alone), 1)


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        (kinds.DRAW, ["validation.folder=[{}]"],
         "validation.folder: a stack that starts from noise has no source"),
        (kinds.PARSE,
         ["validation.folder=[{}]", "data.views.target='labels:4'"],
         "validation.folder: psnr_rgb is of pictures; the target is of kind labels:4; leave it"),
        (kinds.PARSE, ["data.layout=targets", "degrade.choices=['noise:5']",
                       "data.views={ target = 'labels:4' }", "data.palette={}", "data.names={}"],
         "degrade.choices: sources are made from pictures; the target is of kind labels:4"),
        (kinds.DRAW, ["data.layout=targets", "data.views={ noise = 'noise:8', target = 'rgb', "
                      "source = 'rgb' }", "data.names={}"],
         "degrade.choices: missing; with data.layout 'targets' sources are made, or the stack "),
        (kinds.PAINT, ["stage.0.objective.generator={ dice = 1 }"],
         "stage[0].objective.generator.dice: is of labels; the stage's truth, 'target', holds no"),
    ],
)  # fmt: skip
def test_what_a_recipe_cannot_ask(text: str, overrides: list[str], message: str) -> None:
    with pytest.raises(TableError) as error:
        kinds.recipe(text, *overrides)
    assert str(error.value).startswith(message)
