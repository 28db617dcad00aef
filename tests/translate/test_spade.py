"""Spatially-adaptive normalization and its generator."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import is_parametrized

from translate.generators.spade import SpadeSpec
from translate.layers.normalization import InstanceNorm
from translate.layers.spade import Spade, SpadeBlock, shrink


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def center(layer: nn.Module, *weights: float) -> None:
    """A convolution of 3x3 that looks at the pixel itself: one weight for each output channel."""
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    with torch.no_grad():
        layer.weight[:, 0, 1, 1] = torch.tensor(weights)


def test_equation_1_by_hand() -> None:
    spade = Spade(1, 1, hidden=1)
    center(spade.share[0], 2.0)
    center(spade.modulate[0], 0.5, 3.0)
    # Mean 2, variance 1: -1 and 1, but for the 1e-5 that keeps the division finite.
    features = torch.tensor([[[[1.0, 3.0], [1.0, 3.0]]]])
    labels = torch.tensor([[[[1.0, -1.0], [0.0, 2.0]]]])
    # Hidden map relu(2 m): 2, 0, 0, 4. Scale 1 + 0.5 of it: 2, 1, 1, 3. Shift 3 times it.
    expected = torch.tensor([[-1 * 2 + 6.0, 1 * 1 + 0.0], [-1 * 1 + 0.0, 1 * 3 + 12.0]])
    torch.testing.assert_close(spade(features, labels)[0, 0], expected, rtol=0, atol=1e-4)


def test_flat_labels_are_heard_where_instance_normalization_hears_nothing() -> None:
    torch.manual_seed(0)
    features, spade = random(1, 4, 8, 8), Spade(4, 2, hidden=8)
    for layer in spade.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    one, two = (torch.tensor(plane).view(1, 2, 1, 1) for plane in ([1.0, -1.0], [-1.0, 1.0]))
    flat = [plane.expand(-1, -1, 8, 8) for plane in (one, two)]
    made = [spade(features, labels) for labels in flat]
    assert float((made[0] - made[1]).detach().abs().mean()) > 0.1
    # A convolution of the same labels, normalized: a constant less its own mean.
    plain = nn.Sequential(nn.Conv2d(2, 4, 1), InstanceNorm(4))
    assert torch.allclose(plain(flat[0]), plain(flat[1]), atol=1e-3)


def test_a_block_by_its_parts() -> None:
    torch.manual_seed(0)
    block: Any = SpadeBlock(3, 2, 4, 5, "none")
    features, labels = random(2, 3, 6, 6), random(2, 4, 6, 6, seed=1)
    assert block.beside is not None
    inner = functional.leaky_relu(block.first(features, labels), 0.2)
    inner = functional.conv2d(inner, block.enter.weight, padding=1)
    inner = functional.leaky_relu(block.second(inner, labels), 0.2)
    inner = functional.conv2d(inner, block.leave.weight, padding=1)
    # No rectifier on the shortcut: figure 4.
    beside = functional.conv2d(block.beside(features, labels), block.shortcut.weight)
    torch.testing.assert_close(block(features, labels), beside + inner)
    # The narrower of both widths lies between; where they are equal, nothing stands beside.
    assert block.enter.out_channels == 2
    assert SpadeBlock(3, 3, 4, 5, "none").beside is None


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_label_maps_shrink_as_nearest_interpolation_does(factor: int) -> None:
    labels = random(2, 3, 8, 12)
    expected = functional.interpolate(labels, scale_factor=1 / factor, mode="nearest")
    assert torch.equal(shrink(labels, factor), expected)


def test_the_generator_of_the_paper() -> None:
    with torch.device("meta"):
        generator = SpadeSpec().build(184, 3)
    # Appendix A, figure 12: 1024 on the smallest map, then 1024, 512, 256, 128, 64.
    blocks = [one for one in generator.modules() if isinstance(one, SpadeBlock)]
    assert [one.leave.out_channels for one in blocks] == [1024, 1024, 512, 256, 128, 64]

    def modulation(channels: int) -> int:
        return 9 * 184 * 128 + 128 + 9 * 128 * 2 * channels + 2 * channels

    expected = 9 * 184 * 1024
    for reads, writes in [(1024, 1024)] * 2 + [(1024 >> i, 512 >> i) for i in range(4)]:
        expected += 9 * writes * (reads + writes) + modulation(reads) + modulation(writes)
        expected += reads * writes + modulation(reads) if reads != writes else 0
    expected += 9 * 64 * 3 + 3
    assert sum(one.numel() for one in generator.parameters()) == expected


def test_spectral_normalization_is_of_the_blocks_alone() -> None:
    generator = SpadeSpec(4, 1).build(3, 3)
    for name, layer in generator.named_modules():
        if isinstance(layer, nn.Conv2d):
            inside = name.startswith("blocks") and name.endswith(("enter", "leave", "shortcut"))
            assert is_parametrized(layer) == inside, name


def test_a_label_moves_the_picture_at_its_place_and_size() -> None:
    torch.manual_seed(0)
    generator: Any = SpadeSpec(8, 2, hidden=16, norm="none").build(2, 3).eval()
    for layer in generator.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    nn.init.normal_(generator.leave.weight, 0, 0.05)
    labels = torch.cat([torch.ones(1, 1, 64, 64), -torch.ones(1, 1, 64, 64)], dim=1)
    changed = labels.clone()
    changed[:, :, 24:40, 24:40] *= -1
    change = (generator(labels) - generator(changed)).detach().abs().mean(dim=1)[0]
    inside = float(change[28:36, 28:36].mean())
    outside = float(change[:8, :8].mean())
    assert math.isfinite(inside)
    # What the picture's own mean and deviation carry elsewhere is small beside it.
    assert inside > 2 * outside
