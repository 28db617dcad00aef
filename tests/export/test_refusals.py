"""What does not hold leaves no file, and says so in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import save_file

from export import convert
from export.convert import Exported, ExportError, export_stack
from export.manifest import MANIFEST_KEY, Manifest
from export.verify import sizes, verify_tiles
from stacks.checkpoint import CheckpointError
from stacks.stack import Stack
from tests.export import small

Change = Callable[[onnx.ModelProto], None]


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    message = str(error.value)
    assert message
    assert "\n" not in message
    return message


def weights(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    return [tensor for tensor in model.graph.initializer if len(tensor.dims) == 4]


def nudge(model: onnx.ModelProto) -> None:
    """One of the last convolution's weights is off by a hundredth."""
    tensor = weights(model)[-1]
    values = numpy_helper.to_array(tensor).copy()
    values.flat[0] += 0.01
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def spoil(model: onnx.ModelProto) -> None:
    """A weight is no number."""
    tensor = weights(model)[0]
    values = np.full(tensor.dims, np.nan, np.float32)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


@pytest.fixture
def export_changed(
    monkeypatch: pytest.MonkeyPatch, exported_pyramid: Exported, pyramid: Stack, tmp_path: Path
) -> Callable[[Change], Path]:
    """Export the pyramid while the graph comes out changed; returns the target."""

    def run(change: Change) -> Path:
        model = onnx.load(exported_pyramid.path)
        change(model)
        monkeypatch.setattr(convert, "convert", lambda module, manifest: model)
        target = tmp_path / "models" / "sr.onnx"
        export_stack(small.saved(pyramid, tmp_path), target)
        return target

    return run


def test_unchanged_graph_passes(export_changed: Callable[[Change], Path]) -> None:
    # What makes the next tests fail is the change alone.
    assert export_changed(lambda model: None).is_file()


@pytest.mark.parametrize("change", [nudge, spoil])
def test_wrong_graph_leaves_no_file(
    export_changed: Callable[[Change], Path], change: Change, tmp_path: Path
) -> None:
    with pytest.raises(ExportError) as error:
        export_changed(change)
    message = one_line(error)
    assert "'x" in message
    assert "pixels" in message
    assert "0.0001" in message
    assert not list((tmp_path / "models").iterdir())


def test_graph_of_fixed_size_leaves_no_file(
    export_changed: Callable[[Change], Path], tmp_path: Path
) -> None:
    def fix(model: onnx.ModelProto) -> None:
        sizes_of_source = model.graph.input[0].type.tensor_type.shape.dim
        for size, value in zip(sizes_of_source, (1, 3, 4, 4), strict=True):
            size.dim_value = value

    with pytest.raises(ExportError, match="ONNX Runtime fails at") as error:
        export_changed(fix)
    one_line(error)
    assert not list((tmp_path / "models").iterdir())


def test_failure_leaves_the_file_of_before(
    export_changed: Callable[[Change], Path], tmp_path: Path
) -> None:
    target = tmp_path / "models" / "sr.onnx"
    target.parent.mkdir()
    target.write_bytes(b"the model of before")
    with pytest.raises(ExportError):
        export_changed(nudge)
    assert target.read_bytes() == b"the model of before"
    assert list(target.parent.iterdir()) == [target]


def test_halo_that_is_too_small_is_found_out(exported_pyramid: Exported, tmp_path: Path) -> None:
    model = onnx.load(exported_pyramid.path)
    told = exported_pyramid.manifest.to_json().replace('"halo": 8', '"halo": 3')
    assert Manifest.from_json(told).halo == 3
    onnx.helper.set_model_props(model, {MANIFEST_KEY: told})
    path = tmp_path / "narrow.onnx"
    onnx.save(model, path)
    with pytest.raises(ExportError, match="a halo of 3 is too small") as error:
        verify_tiles(path)
    one_line(error)


def test_tried_sizes_are_many_and_odd(
    exported_pyramid: Exported, exported_denoiser: Exported
) -> None:
    manifests = [exported.manifest for exported in (exported_pyramid, exported_denoiser)]
    manifests += [replace(manifest, min_size=64) for manifest in manifests]
    for manifest in manifests:
        tried, least = list(sizes(manifest)), manifest.min_size
        assert len(tried) >= 8
        assert {count for count, _, _ in tried} == {1, 3}
        assert (1, least, least) in tried
        assert all(min(height, width) >= least for _, height, width in tried)
        assert any(height % 2 and width % 2 and height != width for _, height, width in tried)


@pytest.mark.usefixtures("layers")
def test_operator_that_cannot_be_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Branch(torch.nn.Module):
        """Looks at the values, which a graph cannot."""

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return features * 2 if features.mean() > 0 else features

    monkeypatch.setitem(small.LAYERS, "branch", lambda n: Branch())
    stack = small.one_stage('{ kind = "layers", layers = ["branch"] }')
    with pytest.raises(ExportError, match="cannot be written as ONNX") as error:
        export_stack(small.saved(stack, tmp_path), tmp_path / "branch.onnx")
    one_line(error)
    assert not (tmp_path / "branch.onnx").exists()


@pytest.mark.parametrize("content", [None, b"", b"no tensors here", "other"])
def test_what_is_no_checkpoint(content: bytes | str | None, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    if content == "other":
        save_file({"weight": torch.zeros(3)}, path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"best\.safetensors") as error:
        export_stack(path, tmp_path / "out.onnx")
    one_line(error)
    assert not (tmp_path / "out.onnx").exists()


def test_target_must_be_an_onnx_file(pyramid: Stack, tmp_path: Path) -> None:
    checkpoint = small.saved(pyramid, tmp_path)
    for target in (tmp_path / "model.safetensors", tmp_path):
        with pytest.raises(ExportError, match=r"\.onnx") as error:
            export_stack(checkpoint, target)
        one_line(error)
