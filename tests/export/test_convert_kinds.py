"""Files of stacks that read and write labels, classes and noise, and how they are run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
import pytest
import torch

from export.convert import Exported, export_stack
from export.describe import describe_input
from export.halo import measure_halo
from export.runtime import Translator
from export.runtime.errors import InputError
from export.runtime.model_file import read_manifest
from export.verify import ExportError, check_labels
from pixstack.cli import main
from stacks.evaluate import stack_predictor
from stacks.stack import Stack
from tests.export import small
from tests.photographs import write_pictures
from tests.stacks import kinds

# Grain of the caller's own on a photograph, and two pictures of one size.
GRAIN = """
name = "grain"
[data]
layout = "table"
views = { source = "rgb", depth = "gray", grain = "noise-map:2", target = "rgb" }
[[stage]]
name = "grain"
reads = ["source", "grain", "depth"]
join = "add"
generator = { kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }
[[phase]]
train = ["grain"]
steps = 1
"""


def saved(text: str, folder: Path) -> tuple[Stack, Path]:
    """A stack of random weights, and its file."""
    stack = small.make(text)
    return stack, small.saved(stack, folder)


def exporter(name: str) -> Callable[..., tuple[Stack, Exported]]:
    @pytest.fixture(scope="module", name=name.lower())
    def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stack, Exported]:
        folder = tmp_path_factory.mktemp(name)
        stack, checkpoint = saved(globals().get(name) or getattr(kinds, name), folder)
        return stack, export_stack(checkpoint, folder / f"{name}.onnx")

    return exported


paint, draw, parse, grain = map(exporter, ("PAINT", "DRAW", "PARSE", "GRAIN"))

Pair = tuple[Stack, Exported]
NAMES = ("sky", "wall", "tree", "road")
IDS = np.random.default_rng(0).integers(4, size=(9, 14), dtype=np.uint8)


def open_file(exported: Exported, **settings: Any) -> Translator:
    return Translator(exported.path, providers="cpu", threads=1, **settings)


def session(exported: Exported) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(exported.path), providers=["CPUExecutionProvider"])


# A photograph from labels and a class.


def test_manifest_of_labels_and_a_class(paint: Pair) -> None:
    manifest = read_manifest(paint[1].path)
    layout, mood = manifest.inputs
    assert (layout.name, layout.kind, layout.scale) == ("layout", "labels:4", 1)
    assert layout.palette == kinds.PALETTE
    assert layout.names == NAMES
    assert (mood.name, mood.kind, mood.default) == ("mood", "class:3", 0)
    assert mood.names == ("calm", "dim", "loud")
    assert [(port.name, port.kind) for port in manifest.outputs] == [("target", "rgb")]
    assert manifest.picture == layout
    # A unet of two levels without normalization over the picture.
    assert (manifest.tiling, manifest.size_multiple, manifest.min_size) == ("exact", 2, 4)
    assert manifest.halo > 0
    types = {port.name: (port.type, port.shape) for port in session(paint[1]).get_inputs()}
    assert types == {
        "layout": ("tensor(int64)", ["N", 1, "H", "W"]),
        "mood": ("tensor(int64)", ["N"]),
    }
    assert paint[1].difference <= 1e-4
    assert paint[1].seam <= 1e-5


def test_ids_colors_and_names_are_the_same(paint: Pair) -> None:
    stack, exported = paint
    translator = open_file(exported)
    colors = np.array(kinds.PALETTE, np.uint8)[IDS]
    wanted = stack_predictor(stack)({"layout": IDS[..., None], "mood": 2})["target"]
    expected = (wanted.clip(0, 1) * 255).round().astype(int)
    for layout in (IDS, IDS[..., None], IDS.astype(np.int64), colors):
        for mood in (2, "loud"):
            made = translator.run({"layout": layout, "mood": mood})["target"]
            assert made.dtype == np.uint8
            assert made.shape == (9, 14, 3)
            assert np.abs(made - expected).max() <= 1
    default = translator.run({"layout": IDS})["target"]
    assert np.array_equal(default, translator.run({"layout": IDS, "mood": "calm"})["target"])
    assert np.array_equal(default, translator(IDS))
    both = translator.run({"layout": np.stack([IDS, IDS])[..., None], "mood": [0, 2]})["target"]
    assert np.array_equal(both[0], default)
    assert np.abs(both[1] - expected).max() <= 1


def test_labels_in_tiles(paint: Pair) -> None:
    ids = np.random.default_rng(1).integers(4, size=(67, 90))
    whole = open_file(paint[1]).run({"layout": ids, "mood": 1})["target"]
    tiles = open_file(paint[1], memory=1)
    assert len(tiles.plan(67, 90).tiles) > 1
    difference = np.abs(whole.astype(int) - tiles.run({"layout": ids, "mood": 1})["target"])
    assert difference.max() <= 1


def test_what_is_no_label_and_no_class(paint: Pair) -> None:
    translator = open_file(paint[1])
    with pytest.raises(InputError, match=r"input 'layout' has label ids 0\.\.4; expected 0\.\.3"):
        translator.run({"layout": np.arange(5).repeat(5).reshape(5, 5)})
    strange = np.full((5, 5, 3), 77, np.uint8)
    with pytest.raises(InputError, match=r"'layout' has the color \(77, 77, 77\), which is not in"):
        translator.run({"layout": strange})
    with pytest.raises(InputError, match="input 'mood' is 'glad'; expected one of calm, dim, loud"):
        translator.run({"layout": IDS, "mood": "glad"})


# A picture from noise and a class.


def test_manifest_of_a_picture_from_noise(draw: Pair) -> None:
    manifest = read_manifest(draw[1].path)
    noise, group = manifest.inputs
    assert (noise.name, noise.kind) == ("noise", "noise")
    assert (group.kind, group.names) == ("class:2", ("cup", "cat"))
    [target] = manifest.outputs
    assert (target.name, target.kind, target.scale) == ("target", "rgb", 32)
    assert target.description == "a picture of 32x32 pixels"
    assert manifest.picture is None
    assert (manifest.tiling, manifest.halo, manifest.min_size) == ("whole", 0, 1)
    model = session(draw[1])
    assert [port.shape for port in model.get_inputs()] == [["N", 8], ["N"]]
    assert [port.shape for port in model.get_outputs()] == [["N", 3, 32, 32]]


@pytest.mark.parametrize("count", [1, 3])
def test_pictures_from_noise_have_a_size_of_their_own(draw: Pair, count: int) -> None:
    stack, exported = draw
    noise = np.random.default_rng(0).standard_normal((count, 8), dtype=np.float32)
    group = np.arange(count) % 2
    [made] = cast(
        list[np.ndarray], session(exported).run(["target"], {"noise": noise, "group": group})
    )
    assert made.shape == (count, 3, 32, 32)
    with torch.inference_mode():
        wanted = stack({"noise": torch.from_numpy(noise), "group": torch.from_numpy(group)})
    np.testing.assert_allclose(made, wanted["target"], atol=1e-5)


def test_a_seed_names_a_picture(draw: Pair) -> None:
    translator = open_file(draw[1])
    made = translator.run({"group": "cat"}, seed=3)["target"]
    assert made.shape == (32, 32, 3)
    assert made.dtype == np.float32
    assert np.array_equal(made, translator.run({"group": 1}, seed=3)["target"])
    assert not np.allclose(made, translator.run({"group": 1}, seed=4)["target"])
    assert not np.allclose(made, translator.run({"group": "cup"}, seed=3)["target"])
    noise = np.random.default_rng(0).standard_normal(8).astype(np.float32)
    given = translator.run({"group": 1, "noise": noise})["target"]
    wanted = stack_predictor(draw[0])({"noise": noise, "group": 1})["target"]
    np.testing.assert_allclose(given, wanted, atol=1e-5)
    with pytest.raises(InputError, match="draw takes no picture, it draws from noise"):
        translator(np.zeros((8, 8, 3), np.uint8))


# The labels of a photograph.


def test_labels_are_given_back_as_ids(parse: Pair) -> None:
    stack, exported = parse
    manifest = read_manifest(exported.path)
    target, parsed = manifest.outputs
    assert (target.name, target.kind, parsed.name, parsed.kind) == (
        "target", "rgb", "parsed", "labels:4"
    )  # fmt: skip
    # They are those of the view they were held against.
    assert parsed.palette == kinds.PALETTE
    assert parsed.names == NAMES
    types = {port.name: port.type for port in session(exported).get_outputs()}
    assert types == {"target": "tensor(float)", "parsed": "tensor(int64)"}

    picture = np.random.default_rng(2).random((13, 10, 3), dtype=np.float32)
    views = open_file(exported).run({"source": picture})
    wanted = stack_predictor(stack)({"source": picture})
    assert views["parsed"].shape == (13, 10)
    assert views["parsed"].dtype == np.uint8
    # Of random weights two labels are next to never equally likely.
    assert np.array_equal(views["parsed"], wanted["parsed"].argmax(axis=2))
    assert len(np.unique(views["parsed"])) > 1
    np.testing.assert_allclose(views["target"], wanted["target"], atol=1e-5)


def test_labels_reach_as_far_as_what_they_come_from() -> None:
    alone = """
    name = "alone"
    [data]
    views = {{ source = "rgb", target = "{kind}" }}
    [[stage]]
    name = "alone"
    generator = {{ kind = "unet", widths = [4, 6], blocks = 1, unfold = 1 }}
    [[phase]]
    train = ["alone"]
    steps = 1
    """
    reaches = [
        measure_halo(small.make(alone.format(kind=kind))) for kind in ("rgb", "gray", "labels:5")
    ]
    assert reaches[0]
    assert reaches == [reaches[0]] * 3


def test_labels_in_tiles_and_whole_are_the_same(parse: Pair) -> None:
    picture = np.random.default_rng(3).random((80, 97, 3), dtype=np.float32)
    tiles = open_file(parse[1], memory=1)
    assert len(tiles.plan(80, 97).tiles) > 1
    whole, parts = (one.run({"source": picture}) for one in (open_file(parse[1]), tiles))
    assert np.mean(whole["parsed"] != parts["parsed"]) < 0.001


def test_label_ids_that_differ_do_not_ship() -> None:
    ours = np.zeros((1, 1, 10, 100), np.int64)
    theirs = ours.copy()
    theirs[..., :10] = 1
    with pytest.raises(ExportError, match=r"^here: 10\.0% of the labels differ between PyTorch an"):
        check_labels(ours, theirs, "here")
    theirs[..., 1:10] = 0
    check_labels(ours, theirs, "here")


# Further inputs beside a photograph.


def test_grain_and_depth_beside_a_photograph(grain: Pair) -> None:
    stack, exported = grain
    manifest = read_manifest(exported.path)
    assert [(port.name, port.kind) for port in manifest.inputs] == [
        ("source", "rgb"), ("depth", "gray"), ("grain", "noise")
    ]  # fmt: skip
    random = np.random.default_rng(4)
    views = {
        "source": random.random((13, 10, 3), dtype=np.float32),
        "depth": random.random((13, 10, 1), dtype=np.float32),
        "grain": random.standard_normal((2, 13, 10)).astype(np.float32),
    }
    made = open_file(exported).run(views)["target"]
    np.testing.assert_allclose(made, stack_predictor(stack)(views)["target"], atol=1e-5)
    del views["grain"]
    translator = open_file(exported)
    drawn = [translator.run(views, seed=seed)["target"] for seed in (0, 0, 1)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2])


# From the command line.


def measured(model: Path, *settings: str | Path) -> int:
    return main(["eval", str(model), *map(str, settings), "--json", "-"])


def test_a_file_of_labels_is_measured(
    paint: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = kinds.write_data(tmp_path / "data")
    folders = ("--targets", root / "target", "--sources", root / "layout")
    found = []
    for model in (paint[1].path, small.saved(paint[0], tmp_path)):
        capsys.readouterr()
        assert measured(model, *folders, "--input", "mood=loud") == 0
        result = json.loads(capsys.readouterr().out)
        assert result["images"] == 2
        found.append(result["outputs"]["target"]["psnr_rgb"])
        assert measured(model, *folders[:2]) == 1
        assert "so that targets are no sources; bring those by --sources" in capsys.readouterr().err
    assert found[0] == pytest.approx(found[1], abs=1e-2)


def test_a_file_that_starts_from_noise_is_not_measured(
    draw: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path / "targets", {"1.png": np.zeros((32, 32, 3), np.uint8)})
    for model in (draw[1].path, small.saved(draw[0], tmp_path)):
        assert measured(model, "--targets", tmp_path / "targets") == 1
        [line] = capsys.readouterr().err.splitlines()
        assert line.endswith("makes pictures from noise; there is no target to hold them to")


def test_a_file_says_what_its_pictures_show() -> None:
    told = 'descriptions = { source = "a leaf", depth = "how far it is" }\n[[stage]]'
    stack = small.make(GRAIN.replace("[[stage]]", told))
    found = {name: describe_input(stack, name).description for name in stack.inputs}
    assert found["source"] == "a leaf"
    assert found["depth"] == "how far it is"
    plain = small.make(GRAIN)
    assert describe_input(plain, "source").description == ""
