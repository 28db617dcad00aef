"""Weights read back from an exported file."""

from pathlib import Path

import pytest
import torch

from export.convert import export_stack
from export.weights import opened
from stacks.checkpoint import CheckpointError, load_stack
from tests.export import small
from translate.layers.folding import fold

TRANSLATOR = '{{ kind = "pix2pix", channels = 8, depth = 3, norm = "{norm}" }}'


def saved(folder: Path, norm: str) -> Path:
    # Averaged weights are saved as they act.
    return small.saved(fold(small.one_stage(TRANSLATOR.format(norm=norm))), folder)


@pytest.mark.parametrize("norm", ["instance", "spectral"])
def test_an_export_holds_the_weights_it_was_made_of(tmp_path: Path, norm: str) -> None:
    checkpoint = saved(tmp_path, norm)
    model = export_stack(checkpoint, tmp_path / "model.onnx").path
    expected, found = load_stack(checkpoint).state_dict(), opened(model).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert opened(checkpoint).state_dict().keys() == expected.keys()


def test_weights_in_half_precision_come_back_as_they_are_kept(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path, "instance")
    model = export_stack(checkpoint, tmp_path / "model.onnx", half=True).path
    expected, found = load_stack(checkpoint).state_dict(), opened(model).state_dict()
    rounded = [name for name in expected if not torch.equal(found[name], expected[name])]
    assert rounded, "nothing was large enough"
    for name, weight in found.items():
        assert weight.dtype == torch.float32
        assert torch.equal(
            weight, expected[name].half().float() if name in rounded else expected[name]
        )


def test_weights_that_were_worked_into_others(tmp_path: Path) -> None:
    model = export_stack(saved(tmp_path, "batch"), tmp_path / "model.onnx").path
    with pytest.raises(CheckpointError, match=r"model\.onnx: does not hold all weights"):
        opened(model)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07" * 9])
def test_what_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.onnx"):
        opened(path)
