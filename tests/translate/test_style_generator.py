"""The style-based generator: its weights by hand, its noise by numpy, what the style decides."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from translate.generators.registry import GENERATORS
from translate.generators.style import NoiseWaves, StyledLayer, StyleSpec, Truncation
from translate.layers.style import (
    AdaptiveInstanceNorm,
    MappingNetwork,
    ModulatedConvolution,
    NoiseInjection,
)
from translate.tables import TableError

SPEC = StyleSpec(32, 8, 6, mapping=2, noise=4)
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def add_noise(network: nn.Module) -> None:
    """Away from the scales of 0, where a network starts."""
    for module in network.modules():
        if isinstance(module, NoiseInjection):
            nn.init.constant_(module.scale, 0.3)


def test_weights_for_128() -> None:
    spec = StyleSpec()
    assert spec.widths == (512, 512, 512, 512, 256, 128)
    generator = spec.build(32 + 512, 3)
    mapping = 8 * (512 * 512 + 512)
    # Each of the twelve layers: a scale of noise for each channel, scale and shift from the style.
    channels = 8 * 512 + 2 * 256 + 2 * 128
    styles = channels * (1 + 2 * 512 + 2)
    # Seven convolutions of 512 (the constant has none before it), then two for each side.
    kernels = 9 * (7 * 512 * 512 + 512 * 256 + 256 * 256 + 256 * 128 + 128 * 128)
    biases = 7 * 512 + 2 * 256 + 2 * 128
    total = mapping + 512 * 16 + styles + kernels + biases + 3 * 128 + 3
    assert sum(parameter.numel() for parameter in generator.parameters()) == total


def test_the_order_of_the_layers_is_that_of_figure_1b() -> None:
    generator = SPEC.build(10, 3)
    seen: list[str] = []
    for module in generator.modules():
        if isinstance(module, (nn.Conv2d, nn.Upsample, AdaptiveInstanceNorm, NoiseInjection)):
            module.register_forward_hook(
                lambda module, read, made: seen.append(f"{type(module).__name__} {made.shape[-1]}")
            )
    generator(random(1, 10, 1, 1))
    styled = ["Conv2d {0}", "NoiseInjection {0}", "AdaptiveInstanceNorm {0}"]
    doubled = ["Upsample {0}", *styled, *styled]
    expected = [*styled[1:], *styled]
    expected = [line.format(4) for line in expected]
    for side in (8, 16, 32):
        expected += [line.replace("Parametrized", "").format(side) for line in doubled]
    seen = [line.replace("Parametrized", "") for line in seen]
    assert seen == [*expected, "Conv2d 32"]


def test_the_style_sets_mean_and_deviation_of_every_channel() -> None:
    torch.manual_seed(0)
    generator = SPEC.build(10, 3)
    add_noise(generator)
    latent = random(2, 10, 1, 1)
    style = cast(nn.Module, generator.mapping)(latent[:, 4:, 0, 0])
    checked: list[int] = []

    def check(module: nn.Module, read: Any, made: Tensor) -> None:
        affine = cast(AdaptiveInstanceNorm, cast(StyledLayer, module).restyle).affine
        scale, shift = (style @ affine.weight.T + affine.bias).chunk(2, dim=1)
        assert torch.allclose(made.mean(dim=(2, 3)), shift, atol=1e-4)
        assert torch.allclose(made.std(dim=(2, 3), correction=0), scale.abs(), rtol=1e-2)
        checked.append(made.shape[-1])

    for module in generator.modules():
        if isinstance(module, StyledLayer):
            module.register_forward_hook(check)
    generator(latent)
    assert checked == [4, 4, 8, 8, 16, 16, 32, 32]


def test_waves_by_numpy() -> None:
    torch.manual_seed(0)
    waves = NoiseWaves(5, 8).double()
    rows, columns = waves.rows.numpy() / np.sqrt(2 / 5), waves.columns.numpy()
    # Frequencies and phases, as the tables show them in their first two places.
    down = np.arctan2(-rows[1, 5:], rows[1, :5])
    phase = np.arctan2(columns[5:, 0], columns[:5, 0])
    across = np.arctan2(columns[5:, 1], columns[:5, 1]) - phase
    numbers = random(2, 5).double()
    y, x = np.mgrid[:8, :8]
    for sample in range(2):
        expected = np.zeros((8, 8))
        for k in range(5):
            wave = np.cos(down[k] * y + across[k] * x + phase[k])
            expected += np.sqrt(2 / 5) * float(numbers[sample, k]) * wave
        made = waves(numbers)[sample, 0].numpy()
        np.testing.assert_allclose(made, expected, atol=1e-5)


def test_waves_look_like_white_noise() -> None:
    torch.manual_seed(0)
    one, other = NoiseWaves(64, 16), NoiseWaves(64, 16)
    numbers = random(2000, 64)
    noise, apart = one(numbers), other(numbers)
    assert noise.shape == (2000, 1, 16, 16)
    variance = noise.var(dim=0)
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(variance.mean()) == pytest.approx(1, abs=0.02)
    assert 0.6 < float(variance.min()) < float(variance.max()) < 1.4
    # Uncorrelated up to 1 / sqrt(128) = 0.09: with the next pixel, and with another layer.
    for left, right in [(noise[..., 1:], noise[..., :-1]), (noise, apart)]:
        correlation = (left * right).mean(dim=0)
        assert float(correlation.square().mean().sqrt()) < 0.15


def test_only_the_first_channels_make_the_noise() -> None:
    torch.manual_seed(0)
    generator = SPEC.build(10, 3)
    latent = random(1, 10, 1, 1)
    detail = torch.cat([random(1, 4, 1, 1, seed=1), latent[:, 4:]], dim=1)
    style = torch.cat([latent[:, :4], random(1, 6, 1, 1, seed=2)], dim=1)
    # The scales of noise start at 0.
    assert torch.equal(generator(latent), generator(detail))
    assert not torch.equal(generator(latent), generator(style))
    add_noise(generator)
    assert not torch.equal(generator(latent), generator(detail))
    assert torch.equal(generator(latent), generator(latent))


def test_the_style_has_no_scale_of_its_own() -> None:
    torch.manual_seed(0)
    generator = replace(SPEC, noise=0).build(10, 3).double()
    latent = random(1, 10, 1, 1).double()
    # The mapping network normalizes what it reads.
    assert torch.allclose(generator(latent), generator(3 * latent), atol=1e-5)


def test_a_larger_map_is_pictures_side_by_side() -> None:
    torch.manual_seed(0)
    generator = SPEC.build(10, 3).double()
    add_noise(generator)
    latent = random(2, 10, 2, 3).double()
    picture = generator(latent)
    assert picture.shape == (2, 3, 64, 96)
    for row in range(2):
        for column in range(3):
            alone = generator(latent[:, :, row : row + 1, column : column + 1])
            tile = picture[:, :, 32 * row : 32 * row + 32, 32 * column : 32 * column + 32]
            assert torch.allclose(tile, alone, atol=1e-5)


def test_a_style_that_sets_weights_begins_with_a_convolution() -> None:
    torch.manual_seed(0)
    generator = StyleSpec(32, 8, 6, mapping=3, noise=2, sets="weights").build(10, 3)
    modules = [type(module) for module in generator.modules()]
    assert AdaptiveInstanceNorm not in modules
    # One at 4x4 and two on each of three larger levels.
    assert modules.count(ModulatedConvolution) == 7
    latent = random(2, 10, 1, 1)
    other = torch.cat([latent[:, :2], latent[:, 2:] * -1], dim=1)
    made = generator(latent)
    assert made.shape == (2, 3, 32, 32)
    assert not torch.allclose(made, generator(other), atol=1e-4)


def test_weights_are_constrained_on_every_layer() -> None:
    torch.manual_seed(0)
    kinds: list[tuple[Any, str]] = [("spectral", "_SpectralNorm"), ("equalized", "Scale")]
    for norm, name in kinds:
        generator = StyleSpec(32, 8, 6, mapping=3, noise=2, norm=norm).build(10, 3)
        layers = [one for one in generator.modules() if isinstance(one, LAYERS)]
        # Three of the mapping network, eight styles, seven convolutions, the last one.
        assert len(layers) == 3 + 8 + 7 + 1
        for layer in layers:
            assert type(cast(Any, layer).parametrizations.weight[0]).__name__ == name


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 48}, "size: got 48; allowed: 32, 64, 128, 256"),
        ({"channels": 30}, "channels: got 30; allowed: multiples of 4"),
        ({"style": 0}, "style: got 0; allowed: 1 or more"),
        ({"mapping": 0}, "mapping: got 0; allowed: 1 to 16"),
        ({"rate": 0.0}, "rate: got 0.0; allowed: above 0, up to 1"),
        ({"noise": -1}, "noise: got -1; allowed: 0 or more"),
        ({"norm": "batch"}, "norm: got 'batch'; allowed: 'none', 'spectral', 'equalized'"),
        ({"slope": 1.0}, "slope: got 1.0; allowed: 0 up to 1"),
        (
            {"sets": "weights", "up": "shuffle"},
            "up: got 'shuffle'; allowed: 'nearest', 'bilinear' where the style sets weights",
        ),
    ],
)
def test_what_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError) as error:
        GENERATORS.parse({"kind": "style", **fields}, "g")
    assert str(error.value) == f"g.{message}"


def test_a_latent_that_is_all_noise_is_refused() -> None:
    with pytest.raises(TableError, match=r"noise: got 32; allowed: less than the 32 channels read"):
        StyleSpec().build(32, 3)


def test_truncation_draws_the_style_to_the_mean_of_its_labels() -> None:
    torch.manual_seed(0)
    spec = StyleSpec(32, 8, 6, mapping=2, noise=4, latent=5)
    # Noise, latent, two labels, and the strength, 0 to 1 stretched to -1 to 1.
    generator = spec.build(4 + 5 + 2 + 1, 3).eval()
    add_noise(generator)
    noise, labels = random(1, 4, 1, 1), torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1)

    def made(latent: Tensor, strength: float, labels: Tensor = labels) -> Tensor:
        told = torch.full((1, 1, 1, 1), strength * 2 - 1)
        with torch.no_grad():
            return generator(torch.cat([noise, latent, labels, told], dim=1))

    one, other = random(1, 5, 1, 1, seed=1), random(1, 5, 1, 1, seed=2)
    far, near = ((made(one, s) - made(other, s)).abs().mean() for s in (1.0, 0.3))
    assert 0 < near < far / 2
    # Nothing is left of the latent at 0, but the labels are; automatic is the whole style.
    assert torch.allclose(made(one, 0.0), made(other, 0.0), atol=1e-5)
    assert not torch.allclose(made(one, 0.0), made(one, 0.0, labels.flip(1)), atol=1e-2)
    assert torch.equal(made(one, -1.0), made(one, 1.0))


def test_the_mean_style_by_a_loop() -> None:
    torch.manual_seed(0)
    mapping, truncation = MappingNetwork(3 + 2, 4, 2), Truncation(3, count=7)
    given = random(2, 3 + 2)
    told = torch.tensor([[-1.0], [0.0]])
    with torch.no_grad():
        found = truncation(mapping, given, told)
        for index, share in enumerate((0.0, 0.5)):
            styles = [
                mapping(torch.cat([latent, given[index, 3:]])[None])
                for latent in truncation.typical
            ]
            mean = torch.stack(styles).mean(dim=0)[0]
            wanted = mean + share * (mapping(given)[index] - mean)
            assert torch.allclose(found[index], wanted, atol=1e-6)


def test_truncation_needs_a_strength_to_read() -> None:
    with pytest.raises(TableError, match=r"^latent: got 5; allowed: 0 to 4: 9 channels are read"):
        StyleSpec(32, 8, noise=4, latent=5).build(9, 3)
