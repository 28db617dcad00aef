"""Weights read back from an exported file."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.convert import export_stack
from export.manifest import MANIFEST_KEY
from export.runtime import Translator
from export.weights import PREFIX, open_trained
from stacks.checkpoint import CheckpointError, load_stack
from tests.export import small
from translate.layers.folding import fold

TRANSLATOR = '{{ kind = "pix2pix", channels = 8, depth = 3, norm = "{norm}" }}'


def saved(folder: Path, norm: str) -> Path:
    stack = small.one_stage(TRANSLATOR.format(norm=norm)).train()
    # Vectors of power iterations are drawn by chance, and may make weights huge before they settle.
    with torch.no_grad():
        for _ in range(10):
            stack({"source": torch.rand(1, 3, 16, 16)})
    # Averaged weights are saved as they act.
    return small.saved(fold(stack.eval()), folder)


@pytest.mark.parametrize("norm", ["instance", "spectral"])
def test_an_export_holds_the_weights_it_was_made_of(tmp_path: Path, norm: str) -> None:
    checkpoint = saved(tmp_path, norm)
    model = export_stack(checkpoint, tmp_path / "model.onnx").path
    expected, found = load_stack(checkpoint).state_dict(), open_trained(model).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert open_trained(checkpoint).state_dict().keys() == expected.keys()


def test_weights_in_half_precision_come_back_as_they_are_kept(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path, "instance")
    model = export_stack(checkpoint, tmp_path / "model.onnx", half=True).path
    expected, found = load_stack(checkpoint).state_dict(), open_trained(model).state_dict()
    rounded = [name for name in expected if not torch.equal(found[name], expected[name])]
    assert rounded, "nothing was large enough"
    for name, weight in found.items():
        assert weight.dtype == torch.float32
        assert torch.equal(
            weight, expected[name].half().float() if name in rounded else expected[name]
        )


@pytest.mark.parametrize("half", [False, True])
def test_an_export_is_exported_anew(tmp_path: Path, half: bool) -> None:
    checkpoint = saved(tmp_path, "instance")
    old = export_stack(checkpoint, tmp_path / "old.onnx", "mine", "0.7", {"a": 1}, half=half)
    new = export_stack(old.path, tmp_path / "new.onnx")
    assert (new.manifest.name, new.manifest.version, new.manifest.metrics) == ("mine", "0.7", {})
    assert abs(new.size - old.size) < 2000, "another precision"
    picture = np.random.default_rng(0).random((20, 12, 3), np.float32)
    before, after = (Translator(one.path, providers="cpu")(picture) for one in (old, new))
    assert np.array_equal(before, after)
    # Onto itself, and by another name.
    again = export_stack(new.path, new.path, "other", "2", overrides=["license=MIT"])
    assert (again.manifest.name, again.manifest.version) == ("other", "2")
    assert again.manifest.license == "MIT"
    assert np.array_equal(Translator(new.path, providers="cpu")(picture), before)


def test_what_cannot_be_exported_anew_leaves_nothing(tmp_path: Path) -> None:
    old = export_stack(saved(tmp_path, "batch"), tmp_path / "old.onnx").path
    with pytest.raises(CheckpointError, match=r"old\.onnx: does not hold all weights"):
        export_stack(old, tmp_path / "new.onnx")
    assert not (tmp_path / "new.onnx").exists()


def test_weights_that_were_worked_into_others(tmp_path: Path) -> None:
    model = export_stack(saved(tmp_path, "batch"), tmp_path / "model.onnx").path
    with pytest.raises(CheckpointError, match=r"model\.onnx: does not hold all weights"):
        open_trained(model)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    return export_stack(saved(folder, "instance"), folder / "model.onnx").path


def cut_short(model: onnx.ModelProto) -> None:
    weight = next(one for one in model.graph.initializer if one.name.startswith(PREFIX))
    weight.raw_data = weight.raw_data[:-4]


def of_no_type(model: onnx.ModelProto) -> None:
    weight = next(one for one in model.graph.initializer if one.name.startswith(PREFIX))
    weight.data_type = 99


def of_endless_rate(model: onnx.ModelProto) -> None:
    [manifest] = [one for one in model.metadata_props if one.key == MANIFEST_KEY]
    facts = json.loads(manifest.value)
    facts["recipe"] = facts["recipe"].replace("rate = ", f"rate = 1{'0' * 400} # ")
    manifest.value = json.dumps(facts)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (cut_short, "its weights cannot be read"),
        (of_no_type, "does not hold all weights"),
        (of_endless_rate, r"its recipe: .*rate: expected a finite number"),
    ],
)
def test_a_spoiled_model_is_refused_in_a_line(
    exported: Path, tmp_path: Path, spoil: Callable[[onnx.ModelProto], None], told: str
) -> None:
    model = onnx.load(exported)
    spoil(model)
    onnx.save(model, tmp_path / "spoiled.onnx")
    with pytest.raises(CheckpointError, match=rf"spoiled\.onnx: {told}") as caught:
        open_trained(tmp_path / "spoiled.onnx")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07" * 9])
def test_what_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.onnx"):
        open_trained(path)
