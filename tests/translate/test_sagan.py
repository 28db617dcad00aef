"""SAGAN: layers and weights against the paper, where attention and spectral normalization stand."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from translate.discriminators import sagan as judging
from translate.generators import sagan as making
from translate.generators.registry import GENERATORS
from translate.layers.attention import SelfAttention
from translate.layers.blocks import Block
from translate.tables import TableError

SPECS = [
    making.SAGANSpec(32, 2),
    making.SAGANSpec(64, 2, up="bilinear", activation="leaky"),
    making.SAGANSpec(32, 2, "none", spectral=False, up="transposed", attention=()),
    making.SAGANSpec(32, 2, "layer", up="shuffle", attention=(4, 16)),
    making.SAGANSpec(32, 2, "equalized", spectral=False),
    making.SAGANSpec(32, 2, "virtual", activation="silu"),
]
IDS = [f"{spec.size}-{spec.norm}-{spec.up}" for spec in SPECS]
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def open_attention(network: nn.Module) -> None:
    """Away from gamma = 0, where what attention gathers has no gradient."""
    for module in network.modules():
        if isinstance(module, SelfAttention):
            nn.init.constant_(module.gamma, 0.5)


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


def test_spectral_normalization_stands_on_every_layer_of_both() -> None:
    torch.manual_seed(0)
    for network, given, number in [
        # Dense, four blocks of three, f, g and h, the last one; and batch normalization beside.
        (making.SAGANSpec(64, 2).build(6, 3), random(2, 6, 1, 1), 1 + 12 + 3 + 1),
        # Four blocks of three, one of two, f, g and h, dense.
        (judging.SAGANSpec(64, 2).build(3), random(2, 3, 64, 64), 12 + 2 + 3 + 1),
    ]:
        layers = [one for one in network.modules() if isinstance(one, LAYERS)]
        assert len(layers) == number
        with torch.no_grad():
            for _ in range(15):
                network(given)
        for layer in layers:
            largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
            assert float(largest) == pytest.approx(1, abs=0.04)
    modules = making.SAGANSpec(64, 2).build(6, 3).modules()
    assert sum(isinstance(one, nn.BatchNorm2d) for one in modules) == 9


@pytest.mark.parametrize("sort", ["generator", "discriminator"])
def test_attention_at_32_starts_as_the_identity(sort: str) -> None:
    torch.manual_seed(0)
    if sort == "generator":
        network, given = making.SAGANSpec(64, 2).build(6, 3), random(2, 6, 1, 1)
    else:
        network, given = judging.SAGANSpec(64, 2).build(3), random(2, 3, 64, 64)
    [attention] = [one for one in network.modules() if isinstance(one, SelfAttention)]
    assert attention.gamma.item() == 0
    seen: list[tuple[Tensor, Tensor]] = []

    def keep(module: nn.Module, read: Any, made: Tensor) -> None:
        seen.append((read[0], made))

    attention.register_forward_hook(keep)
    network.eval()(given)
    assert seen[0][0].shape[2:] == (32, 32)
    assert torch.equal(*seen[0])
    open_attention(network)
    network(given)
    assert not torch.equal(*seen[1])


def test_the_discriminator_sums_over_the_map() -> None:
    torch.manual_seed(0)
    discriminator = judging.SAGANSpec(32, 4, attention=()).build(3).eval()
    [logit], (*_, last, pooled) = discriminator(random(3, 3, 32, 32))
    [dense] = [one for one in discriminator.modules() if isinstance(one, nn.Linear)]
    expected = last.clamp(min=0).flatten(2).sum(dim=2)
    assert torch.allclose(pooled, expected, atol=1e-6)
    assert torch.allclose(logit, expected @ dense.weight.T + dense.bias, atol=1e-6)


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_pictures_and_gradients(spec: making.SAGANSpec) -> None:
    torch.manual_seed(0)
    generator = spec.build(6 + 2, 3)
    open_attention(generator)
    labels = torch.eye(2)[[0, 0, 1, 1], :, None, None]
    picture = generator(torch.cat([random(4, 6, 1, 1), labels], dim=1))
    assert picture.shape == (4, 3, spec.size, spec.size)
    assert float(picture.detach().abs().max()) <= 1
    (picture - random(*picture.shape, seed=1)).square().mean().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_reloading_layouts_and_precisions(spec: making.SAGANSpec) -> None:
    torch.manual_seed(0)
    generator, other = spec.build(6, 3).eval(), spec.build(6, 3).eval()
    open_attention(generator)
    noise = random(2, 6, 1, 1)
    assert not torch.equal(generator(noise), other(noise))
    other.load_state_dict(generator.state_dict())
    assert torch.equal(generator(noise), other(noise))
    other.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    wide = generator(noise)
    assert torch.allclose(other(noise), wide, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        half = generator(noise)
    assert half.dtype == torch.bfloat16
    assert torch.allclose(half.float(), wide, atol=0.1)


@pytest.mark.parametrize("sort", [making.SAGANSpec, judging.SAGANSpec])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 256}, "size: got 256; allowed: 32, 64, 128"),
        ({"channels": 0}, "channels: got 0; allowed: 1 or more"),
        ({"slope": 1.5}, "slope: got 1.5; allowed: 0 up to 1"),
        ({"attention": (32, 7)}, "attention: got (32, 7); allowed: sides of its maps: [4, 8, 16, "),
    ],
)
def test_what_is_refused(sort: Any, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError) as error:
        sort(**fields)
    assert str(error.value).startswith(message)


def test_what_else_is_refused() -> None:
    # A picture of 32 has no map of 32 in the discriminator; in the generator it is the last.
    with pytest.raises(TableError, match=r"got \(32,\); allowed: sides of its maps: \[4, 8, 16\]"):
        judging.SAGANSpec(32)
    assert making.SAGANSpec(32).attention == (32,)
    with pytest.raises(TableError, match=r"g\.spectral: got True; allowed: false with norm"):
        GENERATORS.parse({"kind": "sagan", "norm": "equalized"}, "g")
