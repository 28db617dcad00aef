"""DCGAN: both networks against the figure of the paper, and what can be chosen in them."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.discriminators import dcgan as judging
from translate.generators import dcgan as making
from translate.layers.normalization import InstanceNorm, LayerNorm
from translate.layers.virtual_batch import VirtualBatchNorm, reference
from translate.tables import TableError

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm2d, InstanceNorm, LayerNorm, VirtualBatchNorm)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def stack(network: nn.Module) -> Any:
    """The layers of either network, in order."""
    return network.layers


def test_the_generator_is_that_of_figure_1() -> None:
    generator = making.DCGANSpec().build(100, 3)
    shapes: list[tuple[int, ...]] = []
    for module in generator.modules():
        if isinstance(module, (nn.PixelShuffle, nn.ConvTranspose2d)):
            module.register_forward_hook(
                lambda module, read, made: shapes.append(tuple(made.shape[1:]))
            )
    generator(random(1, 100, 1, 1))
    assert shapes == [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]
    # Kernels 100 x 16384 and 16 x (1024 x 512 + 512 x 256 + 256 x 128 + 128 x 3), a bias of 3, and
    # two numbers for each of the 1024 + 512 + 256 + 128 normalized channels.
    assert count(generator) == 1_638_400 + 11_016_192 + 3 + 3_840


def test_the_discriminator_mirrors_it() -> None:
    discriminator = judging.DCGANSpec().build(3)
    verdict = discriminator(random(2, 3, 64, 64))
    shapes = [tuple(features.shape[1:]) for features in verdict.features]
    assert shapes == [(128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4)]
    assert verdict.logits[0].shape == (2, 1, 1, 1)
    # 16 x 3 x 128 and a bias, 16 x (128 x 256 + 256 x 512 + 512 x 1024), normalization of
    # 256 + 512 + 1024 channels, and one logit from 1024 x 4 x 4.
    assert count(discriminator) == 6_272 + 11_010_048 + 3_584 + 16_385


@pytest.mark.parametrize(
    ("size", "widths"),
    [(32, [64, 32, 16, 3]), (64, [64, 32, 16, 8, 3]), (128, [64, 32, 16, 8, 4, 3])],
)
def test_other_sizes_halve_the_width_from_one_map_to_the_next(size: int, widths: list[int]) -> None:
    generator = making.DCGANSpec(size, 64).build(5, 3)
    made = [module for module in generator.modules() if isinstance(module, CONVOLUTIONS)]
    assert [one.out_channels for one in made] == [widths[0] * 16, *widths[1:]]
    discriminator = judging.DCGANSpec(size, 64).build(3)
    judged = [module for module in discriminator.modules() if isinstance(module, CONVOLUTIONS)]
    assert [one.out_channels for one in judged] == [*reversed(widths[:-1]), 1]


def test_weights_start_from_the_paper_s_normal_distribution() -> None:
    torch.manual_seed(0)
    for network in (making.DCGANSpec(32, 256).build(50, 3), judging.DCGANSpec(32, 256).build(3)):
        layers = [module for module in network.modules() if isinstance(module, CONVOLUTIONS)]
        for layer in layers:
            weight = layer.weight.detach()
            # Four deviations of the estimate from this many numbers.
            error = 4 * 0.02 / math.sqrt(weight.numel())
            assert float(weight.std()) == pytest.approx(0.02, abs=error)
            assert float(weight.mean()) == pytest.approx(0, abs=error)


@pytest.mark.parametrize("kind", [("batch", nn.BatchNorm2d), ("layer", LayerNorm)])
def test_which_layers_are_normalized(kind: tuple[Any, type[nn.Module]]) -> None:
    norm, layer = kind
    # "Not applying batchnorm to the generator output layer and the discriminator input layer."
    generator = [type(one) for one in stack(making.DCGANSpec(64, 16, norm).build(5, 3))]
    block = [nn.ConvTranspose2d, layer, nn.ReLU]
    assert [one.__name__ for one in generator] == [
        *["Seed", layer.__name__, "ReLU"],
        *[one.__name__ for one in block * 3],
        "ConvTranspose2d",
    ]
    discriminator = judging.DCGANSpec(64, 16, norm).build(3)
    modules = [[type(one) for one in layer] for layer in stack(discriminator)]
    assert modules == [[nn.Conv2d, nn.LeakyReLU], *[[nn.Conv2d, layer, nn.LeakyReLU]] * 3]
    assert all(
        one.negative_slope == 0.2
        for one in discriminator.modules()
        if isinstance(one, nn.LeakyReLU)
    )
    for network in (making.DCGANSpec(64, 16, norm).build(5, 3), discriminator):
        layers = [one for one in network.modules() if isinstance(one, (*CONVOLUTIONS, *NORMS))]
        for here, after in zip(layers, [*layers[1:], None], strict=True):
            if isinstance(here, CONVOLUTIONS):
                assert (here.bias is None) == isinstance(after, NORMS)


def test_the_generator_is_its_formula() -> None:
    torch.manual_seed(0)
    generator = making.DCGANSpec(32, 16).build(6, 3).double()
    noise = random(3, 6, 1, 1).double()
    dense, *steps = [module for module in generator.modules() if isinstance(module, CONVOLUTIONS)]
    # Before training every normalization has scale 1 and shift 0.
    made = torch.einsum("nc,oc->no", noise[:, :, 0, 0], dense.weight[:, :, 0, 0])
    made = made.reshape(3, 16, 4, 4)
    for step in steps:
        mean = made.mean(dim=(0, 2, 3), keepdim=True)
        variance = (made - mean).square().mean(dim=(0, 2, 3), keepdim=True)
        made = ((made - mean) / (variance + 1e-5).sqrt()).clamp(min=0)
        made = functional.conv_transpose2d(made, step.weight, step.bias, stride=2, padding=1)
    e = made.exp()
    assert torch.allclose(generator(noise), (e - 1 / e) / (e + 1 / e), atol=1e-12)


def test_the_discriminator_is_its_formula() -> None:
    torch.manual_seed(0)
    discriminator = judging.DCGANSpec(32, 16, "none").build(3).double()
    picture = random(2, 3, 32, 32).double()
    *steps, leave = [one for one in discriminator.modules() if isinstance(one, nn.Conv2d)]
    made = picture
    for step, features in zip(steps, discriminator(picture).features, strict=True):
        made = functional.conv2d(made, step.weight, step.bias, stride=2, padding=1)
        made = torch.where(made > 0, made, 0.2 * made)
        assert torch.allclose(features, made, atol=1e-12)
    assert leave.bias is not None
    expected = made.flatten(1) @ leave.weight.flatten() + leave.bias
    assert torch.allclose(discriminator(picture).logits[0][:, 0, 0, 0], expected, atol=1e-12)


def test_virtual_batch_normalization_takes_a_reference_batch() -> None:
    torch.manual_seed(0)
    generator = making.DCGANSpec(32, 16, "virtual").build(6, 3)
    with reference(generator, random(16, 6, 1, 1, seed=1)):
        together = generator(random(4, 6, 1, 1))
        alone = generator(random(4, 6, 1, 1)[:1])
    # Unlike batch normalization: a picture is the same whatever comes with it.
    assert torch.allclose(together[:1], alone, atol=1e-6)
    assert torch.allclose(generator.eval()(random(4, 6, 1, 1)), together, atol=1e-6)


def test_a_larger_picture_has_a_map_of_logits() -> None:
    torch.manual_seed(0)
    discriminator = judging.DCGANSpec(32, 16, "none").build(3)
    # 64 -> 32 -> 16 -> 8, and a kernel of 4 without padding.
    assert discriminator(random(1, 3, 64, 64)).logits[0].shape == (1, 1, 5, 5)


@pytest.mark.parametrize("sort", [making.DCGANSpec, judging.DCGANSpec])
def test_widths_that_do_not_halve_to_the_end_are_refused(sort: Any) -> None:
    with pytest.raises(TableError, match=r"^channels: got 36; allowed: multiples of 8$"):
        sort(64, 36)
    with pytest.raises(TableError, match=r"sides of its maps: \[4, 8, 16, 32\]$"):
        sort(64, attention=(64,))
