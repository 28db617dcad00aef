"""A run whose losses stop being numbers ends with one line and keeps its last good state."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stacks.train import DivergenceError, refuse_divergence


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_ends_the_run(value: float) -> None:
    values = {"x2/generator/l1": torch.tensor(0.5), "x4/generator/l1": torch.tensor(value)}
    with pytest.raises(DivergenceError) as caught:
        refuse_divergence(values, 70, Path("run"))
    message = str(caught.value)
    assert f"step 70: x4/generator/l1 is {value}" in message
    assert "--resume" in message
    assert "\n" not in message


def test_numbers_pass() -> None:
    refuse_divergence({"l1": torch.tensor(0.0), "adversarial": torch.tensor(-3.0)}, 1, Path("run"))
