"""AdaIN, the mapping network and noise, against their equations in NumPy."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.nn import functional

from translate.layers.style import (
    AdaptiveInstanceNorm,
    MappingNetwork,
    ModulatedConvolution,
    NoiseInjection,
)


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("equalized", [False, True])
def test_style_scales_and_shifts(equalized: bool) -> None:
    torch.manual_seed(0)
    module = AdaptiveInstanceNorm(3, 5, equalized).double()
    features, style = random(2, 3, 4, 4) * 2 + 7, random(2, 5, seed=1)
    array = features.numpy()
    deviation = np.sqrt(array.var(axis=(2, 3), keepdims=True) + 1e-5)
    standardized = (array - array.mean(axis=(2, 3), keepdims=True)) / deviation
    # Without a style it is instance normalization.
    plain = module(features, torch.zeros(2, 5, dtype=torch.float64)).detach().numpy()
    np.testing.assert_allclose(plain, standardized, rtol=1e-9)
    weight, bias = module.affine.weight.detach().numpy(), module.affine.bias.detach().numpy()
    scale, shift = np.split(style.numpy() @ weight.T + bias, 2, axis=1)
    expected = scale[..., None, None] * standardized + shift[..., None, None]
    np.testing.assert_allclose(module(features, style).detach().numpy(), expected, rtol=1e-9)
    assert hasattr(module.affine, "parametrizations") == equalized


def test_adaptive_norm_of_one_pixel_is_the_shift() -> None:
    module = AdaptiveInstanceNorm(3, 5).double()
    style = random(1, 5)
    output = module(random(1, 3, 1, 1, seed=1), style)
    assert torch.allclose(output.flatten(), module.affine(style)[0, 3:])


def test_derivatives() -> None:
    torch.manual_seed(0)
    module = AdaptiveInstanceNorm(2, 3).double()
    assert gradcheck(module, (random(1, 2, 2, 3).requires_grad_(), random(1, 3).requires_grad_()))
    modulated = ModulatedConvolution([nn.Conv2d(2, 2, 3, padding=1)], 3).double()
    read = random(1, 2, 2, 3).requires_grad_(), random(1, 3).requires_grad_()
    assert gradcheck(modulated, read)
    mapping = MappingNetwork(3, 4, layers=2).double()
    assert gradcheck(mapping, (random(2, 3).requires_grad_(),))
    noise = NoiseInjection(2).double()
    assert gradcheck(noise, (random(1, 2, 2, 2).requires_grad_(), random(1, 1, 2, 2, seed=1)))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("enlarged", [False, True])
def test_a_style_scales_the_weights_of_each_sample(bias: bool, enlarged: bool) -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 4, 3, padding=1, bias=bias)
    before = [nn.Upsample(scale_factor=2)] if enlarged else []
    module = ModulatedConvolution([*before, convolution], 5).double()
    features, style = random(2, 3, 4, 6), random(2, 5, seed=1)
    made = module(features, style)
    given = functional.interpolate(features, scale_factor=2) if enlarged else features
    for index in range(2):
        # Equations 1 and 3 of Karras 2020, on a kernel of the sample's own.
        weight = convolution.weight * module.affine(style[index])[None, :, None, None]
        weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        wanted = functional.conv2d(given[index : index + 1], weight, convolution.bias, padding=1)
        torch.testing.assert_close(made[index : index + 1], wanted)


def test_modulated_results_keep_their_size_whatever_the_style() -> None:
    torch.manual_seed(0)
    module = ModulatedConvolution([nn.Conv2d(64, 64, 3, padding=1, bias=False)], 5)
    features = torch.randn(4, 64, 32, 32)
    for size in (1e-2, 1.0, 1e2):
        made = module(features, size * torch.randn(4, 5)).detach()
        assert 0.9 < float(made[:, :, 1:-1, 1:-1].std()) < 1.1


@pytest.mark.parametrize("rate", [None, 0.01])
def test_mapping_layer_by_layer(rate: float | None) -> None:
    torch.manual_seed(0)
    module = MappingNetwork(6, 10, layers=3, rate=rate).double()
    latent = random(4, 6) * 5
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [
        (6, 10),
        (10, 10),
        (10, 10),
    ]
    array = latent.numpy()
    array = array / np.sqrt((array**2).mean(axis=1, keepdims=True))
    for layer in layers:
        array = array @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        array = np.where(array > 0, array, 0.2 * array)
    np.testing.assert_allclose(module(latent).detach().numpy(), array, rtol=1e-6)
    # Only the direction of the latent tells.
    np.testing.assert_allclose(module(latent * 3).detach().numpy(), array, rtol=1e-6)


def test_the_published_mapping_network_keeps_the_size_of_styles() -> None:
    torch.manual_seed(0)
    for rate in (None, 0.01):
        module = MappingNetwork(rate=rate)
        layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
        assert len(layers) == 8
        size = float(module(torch.randn(64, 512)).square().mean().sqrt())
        # He's constant is for slope 0; a slope of 0.2 adds 4 % to the mean square at each layer.
        assert size == pytest.approx(math.sqrt(1.04**8), rel=0.15)


def test_the_mapping_network_learns_slower() -> None:
    torch.manual_seed(0)
    module = MappingNetwork(8, 8, layers=1, rate=0.01)
    [layer] = [one for one in module.modules() if isinstance(one, nn.Linear)]
    kept = layer.get_parameter("parametrizations.weight.original")
    # N(0, 1) over the rate, times He's sqrt(2 / 8) = 0.5 and the rate.
    np.testing.assert_allclose(
        layer.weight.detach().numpy(), kept.detach().numpy() * 0.005, rtol=1e-6
    )
    assert float(kept.detach().std()) == pytest.approx(100, rel=0.3)


def test_noise_is_added_by_a_scale_for_each_channel() -> None:
    module = NoiseInjection(2)
    features, noise = torch.ones(2, 2, 1, 2), torch.tensor([[1.0, -1.0], [2.0, 0.0]])
    noise = noise.reshape(2, 1, 1, 2)
    assert torch.equal(module(features, noise), features), "no noise at the start"
    module.scale.data.copy_(torch.tensor([0.5, 3.0]).reshape(2, 1, 1))
    expected = torch.tensor([[[1.5, 0.5], [4.0, -2.0]], [[2.0, 1.0], [7.0, 1.0]]])
    assert torch.equal(module(features, noise)[:, :, 0], expected)
    module(features, noise).sum().backward()
    assert module.scale.grad is not None
    # The derivative by a scale is the sum of the noise: 1 - 1 + 2 + 0.
    assert torch.equal(module.scale.grad.flatten(), torch.tensor([2.0, 2.0]))
