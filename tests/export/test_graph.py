"""The graph that ships: sizes, padding, folding, the order of its outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from export.graph import ShippedStack, View
from stacks.stack import Stack
from tests.export import small
from translate.kinds import Kind


def test_last_view_first_and_no_features(pyramid: Stack, denoiser: Stack) -> None:
    assert ShippedStack(pyramid).outputs == (
        View("x4", Kind("rgb"), 4, "target"),
        View("x2", Kind("rgb"), 2, "target"),
    )
    shipped = ShippedStack(denoiser)
    assert shipped.inputs == ("source", "strength")
    assert [(view.name, str(view.kind)) for view in shipped.outputs] == [
        ("target", "rgb"),
        ("noise_map", "gray"),
    ]


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 3), (8, 12), (9, 17)])
def test_pads_by_mirroring_and_crops(denoiser: Stack, size: tuple[int, int]) -> None:
    # U-Net of two levels on a picture unfolded by two: sides must divide by four.
    height, width = size
    source = np.random.default_rng(0).random((2, 3, height, width), dtype=np.float32)
    rest = [(0, 0), (0, 0), (0, -height % 4), (0, -width % 4)]
    padded = torch.from_numpy(np.pad(source, rest, mode="symmetric"))
    strength = torch.tensor([-1.0, 30.0])
    wanted = denoiser({"source": padded, "strength": strength})
    target, noise_map = ShippedStack(denoiser)(torch.from_numpy(source), strength)
    torch.testing.assert_close(target, wanted["target"][:, :, :height, :width])
    torch.testing.assert_close(noise_map, wanted["noise_map"][:, :, :height, :width])
    assert target.shape == (2, 3, height, width)


BY_SIX = """
name = "by-six"
[data]
layout = "targets"
size = 96
views = { target = "rgb" }
[degrade]
choices = ["bicubic:6"]
[[stage]]
name = "by-three"
writes = "x3"
join = "add"
generator = { kind = "pyramid", channels = 4, blocks = 0, scale = 3 }
[[stage]]
name = "by-two"
reads = ["x3"]
writes = "x6"
join = "add"
generator = { kind = "pyramid", channels = 4, blocks = 0, unfold = 2 }
[[phase]]
train = ["by-three", "by-two"]
steps = 1
"""


def test_multiple_of_a_stage_that_reads_an_enlarged_picture() -> None:
    # 3 W divides by 2 where W does.
    shipped = ShippedStack(small.make(BY_SIX))
    assert shipped.multiple == 2
    assert [view.shape for view in shipped(torch.rand(1, 3, 5, 7))] == [
        (1, 3, 30, 42),
        (1, 3, 15, 21),
    ]


def test_told_strength_is_the_map_for_its_own_picture_alone(denoiser: Stack) -> None:
    source = torch.rand(3, 3, 6, 5)
    _, noise_map = ShippedStack(denoiser)(source, torch.tensor([25.5, -1.0, 0.0]))
    torch.testing.assert_close(noise_map[0], torch.full((1, 6, 5), 0.1))
    torch.testing.assert_close(noise_map[2], torch.zeros(1, 6, 5))
    assert noise_map[1].std() > 0


def test_values_outside_pass_through() -> None:
    stack = small.make(small.PYRAMID)
    for parameter in stack.parameters():
        parameter.data.zero_()
    # Without a residual a constant picture stays what it is, however bright.
    x4, x2 = ShippedStack(stack)(torch.full((1, 3, 4, 5), 1.5))
    torch.testing.assert_close(x4, torch.full((1, 3, 16, 20), 1.5))
    torch.testing.assert_close(x2, torch.full((1, 3, 8, 10), 1.5))


def test_spectral_normalization_is_folded_and_the_stack_left_alone() -> None:
    stack = small.make(small.PYRAMID)
    convolution = stack.get_submodule("stages.finer.generator.enter")
    assert isinstance(convolution, nn.Conv2d)
    convolution.weight.data.mul_(20)
    parametrizations.spectral_norm(convolution, n_power_iterations=50)
    stack.train()
    stack({"source": torch.rand(1, 3, 4, 4)})
    stack.eval()
    shipped = ShippedStack(stack)
    weight = shipped.get_submodule("stack.stages.finer.generator.enter").weight
    assert isinstance(weight, torch.Tensor)
    # What is folded in has the spectral norm 1 by numpy's own singular values.
    norm = np.linalg.svd(weight.detach().numpy().reshape(6, -1), compute_uv=False)[0]
    assert norm == pytest.approx(1, abs=1e-3)
    assert not any("parametrizations" in name for name in shipped.state_dict())
    assert any("parametrizations" in name for name in stack.state_dict())
    source = torch.rand(1, 3, 4, 4)
    torch.testing.assert_close(shipped(source)[0], stack({"source": source})["x4"])


@pytest.mark.usefixtures("layers")
def test_dropout_is_gone() -> None:
    stack = small.one_stage('{ kind = "layers", layers = ["3"] }').train()
    generator = stack.get_submodule("stages.one.generator")
    assert isinstance(generator, nn.Sequential)
    generator.append(nn.Dropout(0.5))
    shipped = ShippedStack(stack)
    source = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(shipped(source)[0], shipped(source)[0], rtol=0, atol=0)
    assert stack.training
