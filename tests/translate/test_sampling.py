"""Halving and doubling: sizes, what stands where, and the checkerboard; activations by name."""

import math
from typing import cast, get_args

import numpy as np
import pytest
import torch
from scipy import special
from torch import Tensor, nn

from translate.layers.activation import Activation, activation
from translate.layers.normalization import GeneratorNormalization, InstanceNorm
from translate.layers.resampling import PixelShuffle
from translate.layers.sampling import Down, Up, down_convolution, up_convolution

NORMS = get_args(GeneratorNormalization)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def checkerboard_energy(picture: Tensor) -> float:
    """Share of the energy of ``(N, C, H, W)``, both sides even, in patterns of period two.

    These are the frequencies (0, pi), (pi, 0) and (pi, pi): columns, rows and the checkerboard.
    """
    spectrum = np.abs(np.fft.fft2(picture.detach().double().numpy())) ** 2
    half_height, half_width = picture.shape[2] // 2, picture.shape[3] // 2
    grids = [(0, half_width), (half_height, 0), (half_height, half_width)]
    return sum(spectrum[..., y, x].sum() for y, x in grids) / spectrum.sum()


def imaging_energy(picture: Tensor) -> float:
    """Share of the energy above three quarters of the highest frequency, along either axis."""
    spectrum = np.abs(np.fft.fft2(picture.detach().double().numpy())) ** 2
    rows, columns = (np.abs(np.fft.fftfreq(side)) for side in picture.shape[2:])
    high = (rows[:, None] > 0.375) | (columns > 0.375)
    return spectrum[..., high].sum() / spectrum.sum()


def enlarged(layers: list[nn.Module], features: Tensor) -> Tensor:
    """The middle of what the layers make, where no edge has a say."""
    return nn.Sequential(*layers)(features)[..., 4:-4, 4:-4]


def constant(channels: int = 8) -> Tensor:
    return random(1, channels, 1, 1).expand(1, channels, 12, 12)


def smooth(channels: int = 8) -> Tensor:
    """Slow waves, one period over the 32 pixels of the map."""
    phase = 2 * math.pi * torch.arange(32) / 32
    wave = torch.sin(phase)[:, None] + torch.cos(phase)
    return 1 + random(1, channels, 1, 1) * wave


def test_checkerboard_energy_by_hand() -> None:
    flat, rows = torch.ones(1, 1, 6, 4), torch.ones(1, 1, 6, 4)
    rows[:, :, 1::2] = 3
    assert checkerboard_energy(flat) == pytest.approx(0, abs=1e-12)
    # 1 and 3 are 2 +- 1: the pattern holds 1 of 1 + 4.
    assert checkerboard_energy(rows) == pytest.approx(0.2)
    board = (-1.0) ** (torch.arange(6)[:, None] + torch.arange(4))
    assert checkerboard_energy(board[None, None]) == pytest.approx(1)


def test_uneven_overlap_by_hand() -> None:
    # A kernel of 3 at stride 2 covers even pixels once and odd ones twice, along each axis: 1, 2,
    # 2 and 4 of mean square 6.25 and mean 2.25. Kernels of 4 cover every pixel alike.
    for size, expected in [(3, 1 - 2.25**2 / 6.25), (4, 0.0)]:
        layer = nn.ConvTranspose2d(1, 1, size, 2, 1, bias=False)
        layer.weight.data.fill_(1)
        output = layer(torch.ones(1, 1, 12, 12))[..., 4:-4, 4:-4]
        output = output[..., : output.shape[2] // 2 * 2, : output.shape[3] // 2 * 2]
        assert checkerboard_energy(output) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("how", ["nearest", "bilinear", "shuffle"])
def test_these_start_without_a_checkerboard(how: Up, norm: GeneratorNormalization) -> None:
    torch.manual_seed(0)
    # Features of instances are centered, and a constant would leave nothing to measure.
    layers = up_convolution(8, 4, how, norm)
    if norm == "instance":
        layers = layers[:-1]
    output = enlarged(layers, constant())
    assert float(output.detach().square().mean()) > 1e-6
    assert checkerboard_energy(output) < 1e-9


def test_transposed_and_plain_shuffle_start_with_a_checkerboard() -> None:
    torch.manual_seed(0)
    transposed = enlarged(up_convolution(8, 4, "transposed", "none"), constant())
    odd = enlarged([nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1)], constant())
    plain = enlarged([PixelShuffle(8, 4, 2, smooth=False)], constant())
    for output in (transposed, odd, plain):
        assert checkerboard_energy(output) > 0.1


def test_smooth_features_stay_smooth() -> None:
    torch.manual_seed(0)
    energies: dict[str, float] = {}
    for how in get_args(Up):
        energies[how] = imaging_energy(enlarged(up_convolution(8, 16, how, "none"), smooth()))
    assert energies["transposed"] > 0.1
    for how in ("nearest", "bilinear", "shuffle"):
        assert energies[how] < energies["transposed"] / 20, energies
    assert energies["bilinear"] < energies["nearest"]


@pytest.mark.parametrize("norm", ["none", "spectral", "equalized"])
def test_shuffle_starts_as_nearest_after_a_convolution(norm: GeneratorNormalization) -> None:
    torch.manual_seed(0)
    [module] = up_convolution(3, 2, "shuffle", norm)
    module.eval()
    features = random(1, 3, 5, 6)
    phases = cast(PixelShuffle, module).convolution(features)[0, ::4].detach().numpy()
    expected = phases.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(module(features)[0].detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    assert phases.std() > 0


def test_where_a_transposed_pixel_goes() -> None:
    [layer] = up_convolution(1, 1, "transposed", "none")
    impulse = torch.zeros(1, 1, 5, 5)
    impulse[0, 0, 2, 2] = 1
    output = layer(impulse) - layer(torch.zeros(1, 1, 5, 5))
    # Kernel 4, stride 2, padding 1: the pixel at 2 is spread over 3 to 6.
    kernel = cast(Tensor, layer.weight)[0, 0]
    expected = torch.zeros(10, 10)
    expected[3:7, 3:7] = kernel
    assert torch.allclose(output[0, 0], expected, atol=1e-6)


@pytest.mark.parametrize("how", get_args(Down))
@pytest.mark.parametrize("norm", NORMS)
def test_halving(how: Down, norm: GeneratorNormalization) -> None:
    network = nn.Sequential(*down_convolution(3, 4, how, norm))
    for height, width in [(8, 6), (7, 9), (2, 4)]:
        assert network(random(2, 3, height, width)).shape == (2, 4, height // 2, width // 2)
    network(random(2, 3, 8, 8)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert cast(Tensor, parameter.grad).abs().sum() > 0, name


@pytest.mark.parametrize("how", get_args(Up))
@pytest.mark.parametrize("norm", NORMS)
def test_doubling(how: Up, norm: GeneratorNormalization) -> None:
    network = nn.Sequential(*up_convolution(3, 4, how, norm))
    for height, width in [(8, 6), (7, 9), (1, 1)]:
        assert network(random(2, 3, height, width)).shape == (2, 4, 2 * height, 2 * width)
    network(random(2, 3, 4, 4)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert cast(Tensor, parameter.grad).abs().sum() > 0, name


@pytest.mark.parametrize("how", ["average", "max"])
def test_pooling_by_hand(how: Down) -> None:
    layers = down_convolution(3, 4, how, "instance")
    features = random(1, 3, 6, 4)
    blocks = layers[0](features).detach().numpy().reshape(1, 4, 3, 2, 2, 2)
    pooled = blocks.mean(axis=(3, 5)) if how == "average" else blocks.max(axis=(3, 5))
    assert isinstance(layers[-1], InstanceNorm), "what leaves is normalized"
    pooled -= pooled.mean(axis=(2, 3), keepdims=True)
    pooled /= np.sqrt(pooled.var(axis=(2, 3), keepdims=True) + 1e-5)
    output = nn.Sequential(*layers)(features).detach().numpy()
    np.testing.assert_allclose(output, pooled, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("how", get_args(Up))
@pytest.mark.parametrize("norm", NORMS)
def test_a_bias_only_where_nothing_is_centered(how: Up, norm: GeneratorNormalization) -> None:
    layers = nn.Sequential(*up_convolution(3, 4, how, norm)).modules()
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    [layer] = [one for one in layers if isinstance(one, kinds)]
    assert (layer.bias is None) == (norm in ("batch", "instance", "layer", "virtual"))


@pytest.mark.parametrize("value", [-1.5, 0.5])
def test_activations_by_their_formulas(value: float) -> None:
    negative = math.expm1(min(value, 0))
    expected: dict[Activation, float] = {
        "relu": max(value, 0),
        "leaky": max(value, 0.3 * value),
        "elu": max(value, 0) + negative,
        # Klambauer et al. 2017 (arXiv 1706.02515), equation 2.
        "selu": 1.0507009873554805 * (max(value, 0) + 1.6732632423543772 * negative),
        "silu": value * special.expit(value),
        "gelu": value * special.ndtr(value),
        "tanh": math.tanh(value),
    }
    assert set(expected) == set(get_args(Activation))
    for name, number in expected.items():
        module = activation(name, slope=0.3)
        assert float(module(torch.tensor(value))) == pytest.approx(number, rel=1e-5)
    assert float(activation("leaky")(torch.tensor(-1.0))) == pytest.approx(-0.2)
