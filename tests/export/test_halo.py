"""The halo against receptive fields worked out by hand."""

from __future__ import annotations

import pytest
import torch

from export.graph import ShippedStack
from export.halo import measure_halo
from stacks.stack import Stack
from tests.export import small


def chain(*names: str, multiple: int = 1) -> Stack:
    listed = ", ".join(f'"{name}"' for name in names)
    return small.one_stage(f'{{ kind = "layers", layers = [{listed}], multiple = {multiple} }}')


@pytest.mark.usefixtures("layers")
@pytest.mark.parametrize(
    ("names", "multiple", "halo"),
    [
        # A kernel of 2 r + 1 reaches r; reaches add up, activations add none.
        (("3",), 1, 1),
        (("3", "relu", "5", "tanh", "3"), 1, 1 + 2 + 1),
        # Taps four apart: 4.
        (("3", "dilated"), 1, 5),
        # The reach along columns counts where it is larger.
        (("across", "3"), 1, 4),
        (("3", "max"), 1, 2),
        # Every pixel of a cell of 4 sees its cell: 3 at most, rounded up to a whole cell.
        (("down", "up"), 4, 4),
        # And the cells beside: from pixel 3 to pixel -4, 7.
        (("down", "3", "up"), 4, 8),
        # One more first: from pixel 3 to pixel -5, 8.
        (("3", "down", "3", "up"), 4, 8),
        # And one after: pixel 0 sees pixel -1 of the cell before, whose neighbor begins at -8: 9.
        (("3", "down", "3", "up", "3"), 4, 12),
    ],
)
def test_chains(names: tuple[str, ...], multiple: int, halo: int) -> None:
    assert measure_halo(chain(*names, multiple=multiple)) == halo


def test_pyramid(pyramid: Stack) -> None:
    # Level one, on the source's grid: enter 1, a block 2, leave 1. Level two reads that picture,
    # unfolded to the same grid: enter 1, a block 2, leave 1. The bilinear enlargement of the x2
    # picture, which reaches less than one source pixel, runs beside level two, not after it.
    assert measure_halo(pyramid) == 8


def test_denoiser(denoiser: Stack) -> None:
    # In points of the unfolded grid, 2 pixels each, two of which make one of the coarse grid.
    # Pixel 1 lies in point 0. Backwards: leave 1, block 2: point -3, coarse -2; its block 2:
    # coarse -4, point -8; block 2, enter 1: point -11. The noise map there: mean 1, convolutions
    # 2: point -14, which begins at pixel -28. The distance is 29; forwards from pixel 2 it is 29
    # too (points 4, coarse 2 and 4, points 9, 12, 15, pixel 31). In whole cells of 4: 32.
    assert measure_halo(denoiser) == 32


@pytest.mark.usefixtures("layers")
def test_global_operations_have_no_halo() -> None:
    assert measure_halo(chain("3", "instance", "relu")) is None


def test_trained_zeros_do_not_hide_a_dependence(pyramid: Stack) -> None:
    stack = small.make(small.PYRAMID)
    for parameter in stack.parameters():
        parameter.data.zero_()
    assert measure_halo(stack) == measure_halo(pyramid)


DEEP = """
name = "deep"
[data]
views = {{ source = "rgb", target = "rgb" }}
[[stage]]
name = "first"
writes = "middle"
generator = {{ kind = "layers", layers = [{names}] }}
[[stage]]
name = "second"
reads = ["middle"]
generator = {{ kind = "layers", layers = [{names}] }}
[[phase]]
train = ["first", "second"]
steps = 1
"""


@pytest.mark.usefixtures("layers")
def test_smallest_influences_of_deep_stacks_count() -> None:
    # The outermost taps of 120 kernels of three: 3^-120 is below what float32 can hold.
    stack = small.make(DEEP.format(names=", ".join(['"3"'] * 60)))
    assert measure_halo(stack) == 120


@pytest.mark.parametrize("row", [40, 41, 42, 43])
def test_no_pixel_beyond_the_halo_matters_in_the_stack_itself(denoiser: Stack, row: int) -> None:
    halo = measure_halo(denoiser)
    assert halo is not None
    source = torch.rand(1, 3, 84, 8, generator=torch.Generator().manual_seed(0))
    changed = source.clone()
    changed[:, :, row] += 10
    shipped, automatic = ShippedStack(denoiser), torch.tensor([-1.0])
    with torch.inference_mode():
        before, after = shipped(source, automatic), shipped(changed, automatic)
    for one, other in zip(before, after, strict=True):
        rows = (one != other).any(dim=3).any(dim=1).flatten().nonzero().flatten()
        assert rows.numel()
        assert row - halo <= int(rows.min())
        assert int(rows.max()) <= row + halo
