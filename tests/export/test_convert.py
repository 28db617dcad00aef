"""The file that is written: its values, its form, what it says of itself."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export.convert import Exported, export_stack
from export.manifest import MANIFEST_KEY
from export.runtime import Translator
from export.runtime.model_file import read_manifest
from stacks.evaluate import stack_predictor
from stacks.stack import Stack
from tests.export import small

SIZES = [(1, 1), (1, 7), (5, 1), (3, 2), (8, 8), (13, 21), (40, 16)]


def session(exported: Exported) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(exported.path), providers=["CPUExecutionProvider"])


def run(exported: Exported, names: list[str], feeds: dict[str, Any]) -> list[np.ndarray]:
    return cast(list[np.ndarray], session(exported).run(names, feeds))


@pytest.mark.parametrize("size", SIZES)
def test_pyramid_gives_what_the_stack_gives(
    exported_pyramid: Exported, pyramid: Stack, size: tuple[int, int]
) -> None:
    source = np.random.default_rng(1).random((*size, 3), dtype=np.float32)
    wanted = stack_predictor(pyramid)({"source": source})
    feeds = {"source": source.transpose(2, 0, 1)[None]}
    x4, x2 = run(exported_pyramid, ["x4", "x2"], feeds)
    np.testing.assert_allclose(x4[0].transpose(1, 2, 0), wanted["x4"], atol=1e-5)
    np.testing.assert_allclose(x2[0].transpose(1, 2, 0), wanted["x2"], atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_denoiser_gives_what_the_stack_gives_told_and_automatic_in_one_batch(
    exported_denoiser: Exported, denoiser: Stack, size: tuple[int, int]
) -> None:
    sources = np.random.default_rng(1).random((3, *size, 3), dtype=np.float32)
    strengths = np.array([-1, 0, 40], np.float32)
    feeds = {"source": sources.transpose(0, 3, 1, 2), "strength": strengths}
    targets, maps = run(exported_denoiser, ["target", "noise_map"], feeds)
    predict = stack_predictor(denoiser)
    for index, strength in enumerate(strengths):
        wanted = predict({"source": sources[index], "strength": strength})
        np.testing.assert_allclose(targets[index].transpose(1, 2, 0), wanted["target"], atol=1e-5)
        np.testing.assert_allclose(maps[index].transpose(1, 2, 0), wanted["noise_map"], atol=1e-5)


def test_one_file_of_standard_operators(
    exported_pyramid: Exported, exported_denoiser: Exported
) -> None:
    for exported in (exported_pyramid, exported_denoiser):
        model = onnx.load(exported.path, load_external_data=False)
        onnx.checker.check_model(model, full_check=True)
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 20)]
        assert {node.domain for node in model.graph.node} == {""}
        assert not model.functions
        locations = {tensor.data_location for tensor in model.graph.initializer}
        assert locations == {onnx.TensorProto.DEFAULT}
        assert not list(exported.path.parent.glob("*.data"))
        assert exported.size == exported.path.stat().st_size


def test_sizes_are_open_and_have_names(exported_pyramid: Exported) -> None:
    model = session(exported_pyramid)
    assert [port.shape for port in model.get_inputs()] == [["N", 3, "H", "W"]]
    assert {port.name: port.shape for port in model.get_outputs()} == {
        "x4": ["N", 3, "4*H", "4*W"],
        "x2": ["N", 3, "2*H", "2*W"],
    }


def test_nothing_of_the_machine_that_exported_is_inside(exported_pyramid: Exported) -> None:
    content = exported_pyramid.path.read_bytes()
    for trace in (
        b"stack_trace",
        str(Path.cwd()).encode(),
        b"site-packages",
        b".py",
        b"/srv",
        b"/mnt",
    ):
        assert trace not in content
    assert [prop.key for prop in onnx.load(exported_pyramid.path).metadata_props] == [MANIFEST_KEY]


def test_manifest_of_the_pyramid(exported_pyramid: Exported, pyramid: Stack) -> None:
    manifest = read_manifest(exported_pyramid.path)
    assert manifest == exported_pyramid.manifest
    assert (manifest.name, manifest.version, manifest.task) == ("named", "3", "super-resolution")
    assert [(port.name, port.kind, port.scale) for port in manifest.outputs] == [
        ("x4", "rgb", 4),
        ("x2", "rgb", 2),
    ]
    assert (manifest.tiling, manifest.halo, manifest.size_multiple) == ("exact", 8, 1)
    assert manifest.min_size == 4
    # The recipe says none, and none is made up.
    assert manifest.license == ""
    assert manifest.data == "photos (:-2), more"
    assert tomllib.loads(manifest.recipe)["stage"][1]["generator"]["channels"] == 5
    assert manifest.recipe_hash == hashlib.sha256(manifest.recipe.encode()).hexdigest()
    assert manifest.metrics["set5"]["psnr_y"] == 31.5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", manifest.created)
    assert manifest.tools["torch"] == torch.__version__
    assert manifest.tools["onnx"] == onnx.__version__


def test_manifest_of_the_denoiser(exported_denoiser: Exported) -> None:
    manifest = read_manifest(exported_denoiser.path)
    assert manifest.name == "small-denoise"
    assert manifest.description == "Takes noise away."
    assert onnx.load(exported_denoiser.path).doc_string == manifest.description
    strength = manifest.input("strength")
    # The noise of the recipe goes up to 55.
    assert (strength.kind, strength.default, strength.range) == ("strength", -1, (0, 55))
    assert "0..255" in strength.unit
    assert [(port.name, port.kind) for port in manifest.outputs] == [
        ("target", "rgb"),
        ("noise_map", "gray"),
    ]
    assert (manifest.size_multiple, manifest.min_size, manifest.halo) == (4, 4, 32)


def test_told_strength_through_the_runtime(exported_denoiser: Exported) -> None:
    translator = Translator(exported_denoiser.path, providers="cpu", threads=1)
    picture = np.full((6, 5, 3), 128, np.uint8)
    noise_map = translator.run({"source": picture, "strength": 25.0})["noise_map"]
    # The map is sigma / 255, so among 8-bit pictures it reads as sigma.
    assert (noise_map == 25).all()


@pytest.mark.usefixtures("layers")
def test_global_operations_are_run_whole(tmp_path: Path) -> None:
    stack = small.one_stage('{ kind = "layers", layers = ["3", "instance", "relu", "3"] }')
    exported = export_stack(small.saved(stack, tmp_path), tmp_path / "global.onnx")
    assert exported.manifest.tiling == "whole"
    assert exported.manifest.max_pixels
    # Instance normalization has nothing to normalize by in one pixel; no stack is given so little.
    assert exported.manifest.min_size == 4
    assert exported.seam == 0


@pytest.mark.usefixtures("layers")
def test_what_saw_whole_pictures_at_one_size_is_run_at_that_size(tmp_path: Path) -> None:
    generator = '{ kind = "layers", layers = ["3", "relu", "3"] }'
    recipe = small.ONE_STAGE.format(generator=generator)
    stack = small.make(recipe.replace("[data]", '[data]\nsize = 24\nfit = "resize"'))
    exported = export_stack(small.saved(stack, tmp_path), tmp_path / "fixed.onnx")
    assert (exported.manifest.tiling, exported.manifest.size) == ("fixed", 24)
    picture = np.full((30, 70, 3), 100, np.uint8)
    assert Translator(exported.path)(picture).shape == (30, 70, 3)
