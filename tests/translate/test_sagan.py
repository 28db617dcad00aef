"""SAGAN: layers, weights and sides of both networks against the paper."""

import pytest
import torch
from torch import Tensor, nn

from translate.discriminators import sagan as judging
from translate.generators import sagan as making
from translate.layers.attention import SelfAttention
from translate.layers.blocks import Block
from translate.tables import TableError


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_weights_of_the_generator_for_128() -> None:
    # Spectral normalization adds no weight; without it a network is built sooner.
    spec = making.SAGANSpec(spectral=False)
    assert spec.widths == (1024, 1024, 512, 256, 128, 64)
    generator = spec.build(128, 3)
    # A block from a to b channels: 9 (a b + b b) + a b for a shortcut of 1x1.
    pairs = [(1024, 1024), (1024, 512), (512, 256), (256, 128), (128, 64)]
    kernels = [19_922_944, 7_602_176, 1_900_544, 475_136, 118_784]
    assert [10 * a * b + 9 * b * b for a, b in pairs] == kernels
    blocks = [one for one in generator.modules() if isinstance(one, Block)]
    assert [count(block) for block in blocks] == [
        kernel + 2 * (a + b) for kernel, (a, b) in zip(kernels, pairs, strict=True)
    ]
    # f and g to 32 of 256 channels, h to 256, gamma.
    [attention] = [one for one in generator.modules() if isinstance(one, SelfAttention)]
    assert count(attention) == 2 * 8_192 + 65_536 + 1
    rest = 128 * 16_384 + 16_384 + 2 * 64 + 9 * 64 * 3 + 3
    assert count(generator) == sum(map(count, [*blocks, attention])) + rest


def test_weights_of_the_discriminator_for_128() -> None:
    discriminator = judging.SAGANSpec(norm="none").build(3)
    # The last block has no convolution beside it: neither width nor sides change.
    kernels = [38_784, 229_376, 917_504, 3_670_016, 14_680_064, 18_874_368]
    biases = 3 * (64 + 128 + 256 + 512 + 1024) + 2 * 1024
    attention = 2 * 128 * 16 + 128 * 128 + 1
    assert count(discriminator) == sum(kernels) + biases + attention + 1_025


@pytest.mark.parametrize(
    ("size", "widths", "sides", "judged"),
    [
        (32, (16, 16, 8, 4, 2, 1)[2:], [16, 8, 4, 4], [1, 2, 4, 4]),
        (64, (16, 8, 4, 2, 1), [32, 16, 8, 4, 4], [1, 2, 4, 8, 8]),
        (128, (16, 16, 8, 4, 2, 1), [64, 32, 16, 8, 4, 4], [1, 2, 4, 8, 16, 16]),
    ],
)
def test_widths_and_sides(
    size: int, widths: tuple[int, ...], sides: list[int], judged: list[int]
) -> None:
    torch.manual_seed(0)
    assert making.SAGANSpec(size, 3).widths == tuple(3 * width for width in widths)
    spec = judging.SAGANSpec(size, 3, attention=())
    assert spec.sides == sides
    features = spec.build(4)(random(2, 4, size, size)).features
    maps = [(3 * width, side, side) for width, side in zip(judged, sides, strict=True)]
    assert [tuple(one.shape[1:]) for one in features] == [*maps, (3 * judged[-1],)]


def test_what_is_refused() -> None:
    # A picture of 32 has no map of 32 in the discriminator; in the generator it is the last.
    with pytest.raises(TableError, match=r"got \(32,\); allowed: sides of its maps: \[4, 8, 16\]"):
        judging.SAGANSpec(32)
    assert making.SAGANSpec(32).attention == (32,)
