"""Weights in half precision: half the file, and still the stack to the last digits."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper

from export.convert import export_stack
from export.halves import LARGEST, LEAST, round_weights
from export.runtime import Translator
from stacks.checkpoint import load_stack
from stacks.evaluate import stack_predictor
from tests.export import small

UNET = '{ kind = "unet", widths = [16, 24], blocks = 1, unfold = 1 }'


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.saved(small.one_stage(UNET), tmp_path_factory.mktemp("half"))


def test_half_the_file_and_the_pictures_of_the_rounded_stack(saved: Path, tmp_path: Path) -> None:
    whole = export_stack(saved, tmp_path / "whole.onnx")
    half = export_stack(saved, tmp_path / "half.onnx", half=True)
    weights = {
        value.name: numpy_helper.to_array(value)
        for value in onnx.load(half.path).graph.initializer
        if numpy_helper.to_array(value).size >= LEAST
    }
    assert weights, "nothing was large enough"
    assert {values.dtype for values in weights.values()} == {np.dtype(np.float16)}
    saved_bytes = sum(2 * values.size for values in weights.values())
    assert whole.size - half.size == pytest.approx(saved_bytes, abs=4000)

    stack = load_stack(saved)
    for parameter in stack.parameters():
        if parameter.numel() >= LEAST:
            parameter.data = parameter.data.to(torch.float16).float()
    picture = np.random.default_rng(0).random((16, 20, 3), dtype=np.float32)
    wanted = stack_predictor(stack)({"source": picture})["target"]
    found = Translator(half.path, providers="cpu").run({"source": picture})["target"]
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() < 1e-5
    # Rounding is seen, so the comparison above is of the rounded weights.
    exact = Translator(whole.path, providers="cpu").run({"source": picture})["target"]
    assert np.abs(exact - wanted).max() > 1e-5


def test_graphs_say_full_precision_at_every_port(saved: Path, tmp_path: Path) -> None:
    export_stack(saved, tmp_path / "half.onnx", half=True)
    graph = onnx.load(tmp_path / "half.onnx").graph
    types = {port.type.tensor_type.elem_type for port in (*graph.input, *graph.output)}
    assert types == {TensorProto.FLOAT}


def test_what_half_precision_cannot_hold_is_refused() -> None:
    stack = small.one_stage(UNET)
    largest = max(stack.parameters(), key=lambda parameter: parameter.numel())
    largest.data.view(-1)[0] = 2 * LARGEST
    with pytest.raises(
        ValueError, match=r"holds 1\.31e\+05, beyond half precision; export without"
    ):
        round_weights(stack)
