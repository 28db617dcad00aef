"""The U-Net of pix2pix: its paper's layers and weights, its dropout, its skips."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from translate.generators.translation_unet import TranslationUNetSpec
from translate.layers.normalization import InstanceNorm, channels_last
from translate.layers.reminder import Expectation
from translate.tables import TableError


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def with_class(picture: Tensor, index: int, classes: int = 2) -> Tensor:
    """The picture and the planes of a class, in the network's range."""
    planes = torch.full((len(picture), classes, *picture.shape[2:]), -1.0)
    planes[:, index] = 1
    return torch.cat([picture, planes], dim=1)


def cut(generator: Any, skips: bool = False, bottleneck: bool = False) -> None:
    """Nothing comes across any more, or nothing up from the bottleneck."""

    def without(module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        features, skip, picture = given
        if skip is None:
            return features * 0 if bottleneck else features, None, picture
        return features, skip * 0 if skips else skip, picture

    for up in generator.ups:
        up.register_forward_pre_hook(without)


def test_the_network_of_the_paper() -> None:
    with torch.device("meta"):
        generator: Any = TranslationUNetSpec(norm="batch", dropout=0.5).build(3, 3)
    modules = list(generator.modules())
    encoder = [one.out_channels for one in modules if isinstance(one, nn.Conv2d)]
    decoder = [one for one in modules if isinstance(one, nn.ConvTranspose2d)]
    # Section 6.1.1: C64-C128-C256-C512-C512-C512-C512-C512 and, with skips, widths that double.
    assert encoder == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [one.in_channels for one in decoder] == [512, 1024, 1024, 1024, 1024, 512, 256, 128]
    assert [one.out_channels for one in decoder] == [512, 512, 512, 512, 256, 128, 64, 3]
    # Weights 16 (3*64 + 64*128 + 128*256 + 256*512 + 4*512*512) = 19 532 800 on the way down,
    # 16 (512*512 + 3*1024*512 + 1024*256 + 512*128 + 256*64 + 128*3) = 34 871 296 on the way up.
    # Biases where nothing normalizes, 64 + 512 + 3; scales and shifts where batch statistics do,
    # 2 (128 + 256 + 4*512) and 2 (4*512 + 256 + 128 + 64).
    count = sum(one.numel() for one in generator.parameters())
    assert count == 19_532_800 + 34_871_296 + 579 + 4_864 + 4_992
    assert round(count / 1e6, 1) == 54.4
    # "CD" layers: dropout of 50 % behind the first three on the way up.
    dropped = [any(isinstance(one, nn.Dropout) for one in up.modules()) for up in generator.ups]
    assert dropped == [True] * 3 + [False] * 5


def test_dropout_acts_in_training_alone() -> None:
    torch.manual_seed(0)
    generator = TranslationUNetSpec(8, 3, dropout=0.5).build(3, 3)
    picture = random(1, 3, 16, 16)
    assert not torch.equal(generator(picture), generator(picture))
    generator.eval()
    assert torch.equal(generator(picture), generator(picture))


def test_the_order_in_memory_outlives_a_bottleneck_of_one_pixel() -> None:
    generator = TranslationUNetSpec(8, 4).build(3, 3)
    orders: list[bool] = []
    for up in generator.get_submodule("ups").children():
        up.register_forward_hook(lambda *call: orders.append(channels_last(call[2])))
    generator(random(2, 3, 16, 16).contiguous(memory_format=torch.channels_last))
    # The first is made from the map of one pixel.
    assert orders[1:] == [True] * 3


def test_the_bottleneck_of_one_pixel_still_tells_pictures_apart() -> None:
    # Normalized by its own mean, a map of 1x1 would be the same for every picture.
    torch.manual_seed(0)
    generator: Any = TranslationUNetSpec(8, 3).build(3, 3)
    down = list(generator.downs)
    assert [any(isinstance(one, InstanceNorm) for one in level) for level in down] == [0, 1, 0]
    cut(generator, skips=True)
    one, two = generator(random(1, 3, 8, 8)), generator(random(1, 3, 8, 8, seed=1))
    assert not torch.allclose(one, two, atol=1e-3)


@pytest.mark.parametrize("blocks", [0, 1])
def test_a_reminder_carries_a_class_where_skips_are_cut(blocks: int) -> None:
    picture = random(1, 3, 32, 32)
    for remind in (False, True):
        torch.manual_seed(0)
        generator = TranslationUNetSpec(8, 3, blocks=blocks, remind=remind).build(5, 3).eval()
        cut(generator, skips=True, bottleneck=True)
        one, two = (generator(with_class(picture, index)) for index in (0, 1))
        change = (one - two).abs().mean()
        assert float(change.detach()) > 1e-3 if remind else torch.equal(one, two)


def test_skips_carry_detail() -> None:
    # With the bottleneck cut, a single pixel still moves its surroundings, and these alone.
    torch.manual_seed(0)
    generator = TranslationUNetSpec(8, 3, norm="none").build(3, 3).double()
    picture = random(1, 3, 32, 32).double().requires_grad_()
    cut(generator, bottleneck=True)
    [gradient] = torch.autograd.grad(generator(picture)[0, 0, 13, 13], picture)
    touched = (gradient.abs().sum(dim=1)[0] > 0).nonzero()
    assert len(touched)
    # Pixel 13 reads points 6 and 7 of level 1, these points 2 to 4 of level 2 across; a point of
    # level 2 sees 10 pixels from 4 i - 3 on: 5 to 22. Level 1 alone would see 11 to 16.
    assert touched.min() >= 5
    assert touched.max() <= 22


def test_sizes_and_widths() -> None:
    spec = TranslationUNetSpec(4, depth=5, most=4)
    assert spec.multiple == 32
    assert spec.widths == (4, 8, 16, 16, 16)
    assert TranslationUNetSpec().multiple == 256


def test_expectations_are_maps_of_the_means() -> None:
    # Two channels of features and a map of 2x2 cells. Its weights have a row for each cell, of the
    # first channel first, and a column for each channel that was read.
    expectation = Expectation(2, 2, 2)
    with torch.no_grad():
        expectation.map.weight.zero_()
        expectation.map.weight[1, 0] = 3.0  # first channel, upper right cell, from the first read
        expectation.map.weight[6, 1] = 0.5  # second channel, lower left cell, from the second
    picture = torch.tensor([[[[1.0, 3.0]], [[-4.0, 0.0]]]])  # means 2 and -2
    told = expectation(torch.ones(1, 2, 2, 2), picture)
    assert told.tolist() == [[[[1, 7], [1, 1]], [[1, 1], [0, 1]]]]
    # On lines between the centers of the cells: at 0, 1/4, 3/4 and 1 of the way.
    wide = expectation(torch.zeros(1, 2, 4, 4), picture)
    assert wide[0, 0, 0].tolist() == [0, 1.5, 4.5, 6]
    assert wide[0, 1, :, 0].tolist() == [0, -0.25, -0.75, -1]


def test_a_class_has_a_place_in_the_picture_only_where_it_is_expected() -> None:
    """What is changed in one cell of the map of a class changes the picture around it alone."""
    torch.manual_seed(0)
    generator: Any = TranslationUNetSpec(4, 2, norm="none", expect=4).build(5, 3)
    pictures = [with_class(random(1, 3, 64, 64), index) for index in range(2)]
    before = [generator(picture) for picture in pictures]
    expectation = generator.ups[-1].expectation
    with torch.no_grad():
        # Planes are 1 and -1: what both columns gain cancels out.
        cells = expectation.map.weight.view(-1, 4, 4, 5)
        cells[:, 0, 0, 3] += 1.0
        cells[:, 0, 0, 4] += 1.0
        assert torch.allclose(generator(pictures[0]), before[0], atol=1e-5)
        cells[:, 0, 0, 4] -= 1.0
    changed = [
        (generator(picture) - old).abs().amax(dim=(0, 1)) > 1e-5
        for picture, old in zip(pictures, before, strict=True)
    ]
    for map_of in changed:
        assert map_of[:16, :16].any()
        assert not map_of[32:].any()
        assert not map_of[:, 32:].any()


def test_a_still_network_starts_by_writing_nothing_and_learns() -> None:
    generator = TranslationUNetSpec(4, 2, still=True).build(3, 3)
    picture = random(1, 3, 8, 8)
    assert not generator(picture).any()
    (generator(picture) - 1).square().sum().backward()
    torch.optim.SGD(generator.parameters(), 0.01).step()
    assert generator(picture).any()


def test_a_constrained_network_cannot_start_still() -> None:
    with pytest.raises(TableError, match="norm = 'spectral'"):
        TranslationUNetSpec(4, 2, norm="spectral", still=True)
