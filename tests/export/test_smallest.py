"""The smallest picture that a file takes: one that it does not make noise of."""

import pytest
import torch
from torch import Tensor, nn

from export.convert import rounding_error, smallest_size
from export.graph import ShippedStack
from export.verify import ExportError
from tests.export import small


class Fragile(nn.Module):
    """Single precision differs by a thousandth on pictures of up to ``side`` pixels a side."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, picture: Tensor) -> Tensor:
        wrong = picture.dtype == torch.float32 and picture.shape[-1] <= self.side
        return picture + 1e-3 if wrong else picture


@pytest.mark.usefixtures("layers")
@pytest.mark.parametrize(("side", "least"), [(0, 4), (4, 8), (31, 32)])
def test_sizes_at_which_rounding_is_the_picture_are_not_taken(
    monkeypatch: pytest.MonkeyPatch, side: int, least: int
) -> None:
    monkeypatch.setitem(small.LAYERS, "fragile", lambda channels: Fragile(side))
    stack = small.one_stage('{ kind = "layers", layers = ["3", "fragile"] }')
    assert smallest_size(ShippedStack(stack)) == least


@pytest.mark.usefixtures("layers")
def test_a_stack_of_rounding_errors_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(small.LAYERS, "fragile", lambda channels: Fragile(1000))
    stack = small.one_stage('{ kind = "layers", layers = ["3", "fragile"] }')
    with pytest.raises(ExportError, match=r"rounding alone changes its pictures by 0\.0005"):
        smallest_size(ShippedStack(stack))


def test_rounding_is_measured_on_pictures() -> None:
    module = ShippedStack(small.make(small.DENOISER))
    one = [torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)]
    other = [torch.zeros(1, 3, 4, 4).double(), torch.full((1, 1, 4, 4), 0.25).double()]
    assert rounding_error(module, one, other) == 0.25
