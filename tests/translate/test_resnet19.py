"""ResNet19: the residual blocks by hand, both networks against the tables of the papers."""

from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from translate.discriminators import resnet19 as judging
from translate.generators import resnet19 as making
from translate.layers.blocks import Block, BlockStyle, Seed
from translate.layers.normalization import InstanceNorm, LayerNorm
from translate.layers.virtual_batch import VirtualBatchNorm
from translate.tables import TableError

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm2d, InstanceNorm, LayerNorm, VirtualBatchNorm)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def fill(network: nn.Module, numbers: list[tuple[float, float]]) -> None:
    """Give each convolution of one channel a weight at its center alone, and a bias."""
    layers = [one for one in network.modules() if isinstance(one, nn.Conv2d)]
    for layer, (weight, bias) in zip(layers, numbers, strict=True):
        nn.init.zeros_(layer.weight)
        middle = layer.kernel_size[0] // 2
        with torch.no_grad():
            layer.weight[:, :, middle, middle] = weight
            cast(Tensor, layer.bias).fill_(bias)


def test_a_block_that_keeps_the_sides_by_hand() -> None:
    block = Block(1, 1, BlockStyle(shortcut=1))
    fill(block, [(-2, 5), (0.5, 1)])
    # x + 0.5 relu(-2 relu(x) + 5) + 1: the rectifier stands before the convolution.
    made = block(torch.tensor([[[[3.0, 2.0, -4.0]]]]))
    assert made[0, 0, 0].tolist() == [3 + 1, 2 + 0.5 + 1, -4 + 2.5 + 1]


def test_the_first_block_sees_the_dark_half() -> None:
    block = Block(1, 1, BlockStyle(shortcut=1), first=True)
    fill(block, [(-2, 5), (0.5, 1)])
    # x + 0.5 relu(-2 x + 5) + 1.
    made = block(torch.tensor([[[[3.0, -4.0]]]]))
    assert made[0, 0, 0].tolist() == [3 + 1, -4 + 6.5 + 1]


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_block_that_doubles_the_sides_by_hand(kernel: int) -> None:
    block = Block(1, 1, BlockStyle(shortcut=kernel), "up")
    fill(block, [(2, -1), (3, 0), (-1, 10)])
    # -x + 10 + 3 relu(2 relu(x) - 1), each pixel four times.
    made = block(torch.tensor([[[[1.0, -2.0]]]]))
    assert made[0, 0].tolist() == [[12, 12, 12, 12]] * 2
    made = block(torch.tensor([[[[2.0, -2.0]]]]))
    assert made[0, 0].tolist() == [[17, 17, 12, 12]] * 2


@pytest.mark.parametrize(
    ("kernel", "down", "beside", "residual"),
    [(1, "average", -2.5, 8.5), (3, "average", -2.5, 8.5), (1, "max", -4, 16), (3, "max", -1, 16)],
)
def test_a_block_that_halves_the_sides_by_hand(
    kernel: int, down: Any, beside: float, residual: float
) -> None:
    block = Block(1, 1, BlockStyle(shortcut=kernel, down=down), "down")
    fill(block, [(1, -1), (5, 1), (-1, 0)])
    made = block(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    # The residual 5 relu(relu(x) - 1) + 1 is 1, 6, 11, 16 before pooling. Beside it stands -x: a
    # kernel of 1 pools first, one of 3 convolves first.
    assert made.item() == beside + residual


def test_blocks_of_equalized_weights_keep_the_size_of_features() -> None:
    torch.manual_seed(0)
    style = BlockStyle("equalized", shortcut=3)
    features = random(2, 64, 16, 16)
    made = nn.Sequential(*(Block(64, 64, style) for _ in range(8)))(features)
    # Without the division the variance would grow by 3 in each, to 6561.
    assert 0.3 < float(made.detach().var()) < 3


def test_a_seed_is_a_linear_layer_and_a_reshape() -> None:
    torch.manual_seed(0)
    seed = Seed(5, 6, 4, "none")
    noise = random(3, 5, 2, 1)
    linear = nn.Linear(5, 6 * 16)
    linear.load_state_dict(
        {"weight": seed.dense.weight.flatten(1), "bias": cast(Tensor, seed.dense.bias)}
    )
    made = seed(noise)
    assert made.shape == (3, 6, 8, 4)
    for row in range(2):
        expected = linear(noise[:, :, row, 0]).reshape(3, 6, 4, 4)
        assert torch.allclose(made[:, :, 4 * row : 4 * row + 4], expected, atol=1e-6)


def test_the_generator_for_128_is_table_3b() -> None:
    generator = making.ResNet19Spec().build(128, 3)
    blocks = [one for one in generator.modules() if isinstance(one, Block)]
    widths = [next(layer.out_channels for layer in convolutions(block)) for block in blocks]
    assert widths == [512, 256, 256, 128, 64]
    # Kernels of a block from a to b channels: 9 (a b + b b + a b); two numbers for each of its
    # a + b normalized channels.
    pairs = [(512, 512), (512, 256), (256, 256), (256, 128), (128, 64)]
    kernels = [7_077_888, 2_949_120, 1_769_472, 737_280, 184_320]
    assert [9 * (2 * a * b + b * b) for a, b in pairs] == kernels
    normalized = 2 * (1024 + 768 + 512 + 384 + 192)
    assert [count(block) for block in blocks] == [
        kernel + 2 * (a + b) for kernel, (a, b) in zip(kernels, pairs, strict=True)
    ]
    # 128 x 8192 and a bias before; 64 normalized channels, 9 x 64 x 3 and a bias after.
    assert count(generator) == 1_056_768 + sum(kernels) + normalized + 128 + 1_731


def test_the_discriminator_for_128_is_table_3a() -> None:
    discriminator = judging.ResNet19Spec(norm="none").build(3)
    layers = [one for one in discriminator.modules() if isinstance(one, (nn.Conv2d, nn.Linear))]
    # Six blocks of two convolutions and one beside, and the dense layer.
    assert len(layers) == 19
    kernels = [40_320, 294_912, 1_179_648, 1_769_472, 4_718_592, 7_077_888]
    biases = 3 * (64 + 128 + 256 + 256 + 512 + 512)
    assert count(discriminator) == sum(kernels) + biases + 513


def test_the_pair_for_32() -> None:
    # 128 x 4096 and a bias, three blocks of 27 x 256 x 256, 256 channels normalized seven times.
    generator = making.ResNet19Spec(32).build(128, 3)
    assert count(generator) == 528_384 + 3 * 1_769_472 + 7 * 512 + 6_915
    # From 3 to 128 channels, three blocks of 27 x 128 x 128, twelve biases of 128.
    discriminator = judging.ResNet19Spec(32).build(3)
    assert count(discriminator) == 154_368 + 3 * 442_368 + 12 * 128 + 129


@pytest.mark.parametrize(
    ("size", "sides", "widths"),
    [(128, [64, 32, 16, 8, 4, 2], [2, 4, 8, 8, 16, 16]), (32, [16, 8, 8, 8], [4, 4, 4, 4])],
)
def test_the_maps_of_the_discriminator(size: int, sides: list[int], widths: list[int]) -> None:
    torch.manual_seed(0)
    spec = judging.ResNet19Spec(size, 2)
    assert spec.sides == sides
    verdict = spec.build(5)(random(2, 5, size, size))
    maps = [(width, side, side) for width, side in zip(widths, sides, strict=True)]
    assert [tuple(one.shape[1:]) for one in verdict.features] == [*maps, (widths[-1],)]
    assert verdict.logits[0].shape == (2, 1)


def convolutions(network: nn.Module) -> list[nn.Conv2d | nn.ConvTranspose2d]:
    return [one for one in network.modules() if isinstance(one, CONVOLUTIONS)]


@pytest.mark.parametrize("norm", ["batch", "instance", "layer", "virtual", "none", "spectral"])
def test_which_layers_of_the_generator_are_normalized(norm: Any) -> None:
    generator = making.ResNet19Spec(128, 1, norm).build(6, 3)
    norms = [one for one in generator.modules() if isinstance(one, NORMS)]
    # Two in each of five blocks, before the rectifiers, and one before the last.
    assert len(norms) == (11 if norm in ("batch", "instance", "layer", "virtual") else 0)
    # Whatever convolutions add to a channel that is centered later is idle.
    biased = [layer.bias is not None for layer in convolutions(generator)]
    assert biased == [True, *[not norms] * 15, True]
    constrained = [hasattr(one, "parametrizations") for one in convolutions(generator)]
    assert constrained == [norm == "spectral"] * 17


def test_which_layers_of_the_discriminator_are_normalized() -> None:
    norms: dict[Any, Any] = {"batch": nn.BatchNorm2d, "layer": LayerNorm, "instance": InstanceNorm}
    for norm, kind in norms.items():
        discriminator = judging.ResNet19Spec(128, 1, norm).build(3)
        found = [one for one in discriminator.modules() if isinstance(one, NORMS)]
        # Two in each of six blocks, but for the one that would normalize the picture.
        assert [type(one) for one in found] == [kind] * 11
    discriminator = judging.ResNet19Spec(128, 1, "spectral").build(3)
    layers = [one for one in discriminator.modules() if isinstance(one, (nn.Conv2d, nn.Linear))]
    assert all(hasattr(one, "parametrizations") for one in layers)


@pytest.mark.parametrize(
    ("sort", "sides"), [(making.ResNet19Spec, r"4, 8, 16, 32"), (judging.ResNet19Spec, "8, 16")]
)
def test_there_is_none_for_64(sort: Any, sides: str) -> None:
    with pytest.raises(TableError, match=r"^size: got 64; allowed: 32, 128$"):
        sort(64)
    with pytest.raises(TableError, match=rf"got \(64,\); allowed: sides of its maps: \[{sides}\]$"):
        sort(32, attention=(64,))
