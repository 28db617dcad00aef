"""Every generator from noise: pictures, gradients, reloading, attention, constraints, refusals."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.translate.inside import largest_singular_values, open_attention, through_attention
from tests.translate.test_generators import FROM_NOISE
from translate.generators import GENERATORS
from translate.generators.dcgan import DCGANSpec
from translate.generators.resnet19 import ResNet19Spec
from translate.generators.sagan import SAGANSpec
from translate.generators.style import StyleSpec
from translate.layers.normalization import InstanceNorm, LayerNorm
from translate.layers.style import NoiseInjection
from translate.layers.virtual_batch import VirtualBatchNorm
from translate.tables import TableError

SPECS: list[Any] = [
    DCGANSpec(32, 16),
    DCGANSpec(64, 16, spectral=True, attention=(4, 16)),
    DCGANSpec(32, 16, "spectral", up="nearest", activation="leaky"),
    DCGANSpec(32, 16, "equalized", up="shuffle", activation="silu"),
    DCGANSpec(32, 16, "instance", spectral=True, up="shuffle"),
    DCGANSpec(32, 16, "layer", up="bilinear", activation="elu", attention=(8,)),
    DCGANSpec(32, 16, "virtual", up="transposed", activation="tanh"),
    DCGANSpec(128, 16, "none", up="nearest", activation="gelu"),
    ResNet19Spec(32, 2),
    ResNet19Spec(128, 2, attention=(32,)),
    ResNet19Spec(32, 2, spectral=True, up="transposed"),
    ResNet19Spec(32, 2, "spectral", up="shuffle", activation="leaky"),
    ResNet19Spec(32, 2, "equalized", up="bilinear", activation="elu"),
    ResNet19Spec(32, 2, "instance", up="shuffle", attention=(4, 16)),
    ResNet19Spec(32, 2, "layer", up="nearest", activation="silu"),
    ResNet19Spec(32, 2, "virtual", up="nearest"),
    SAGANSpec(32, 2),
    SAGANSpec(64, 2, up="bilinear", activation="leaky"),
    # Enough channels that no rectifier without a norm is shut for all of them.
    SAGANSpec(32, 4, "none", spectral=False, up="transposed", attention=()),
    SAGANSpec(32, 2, "layer", up="shuffle", attention=(4, 16)),
    SAGANSpec(32, 2, "equalized", spectral=False),
    SAGANSpec(32, 2, "virtual", activation="silu"),
    StyleSpec(32, 8, 6, mapping=2, noise=4),
    StyleSpec(64, 8, 6, mapping=2, noise=4, up="nearest", norm="none"),
    StyleSpec(32, 8, 6, mapping=1, noise=1, up="transposed", norm="spectral"),
    StyleSpec(32, 8, 6, mapping=2, noise=0, up="shuffle", activation="silu"),
    StyleSpec(32, 8, 6, mapping=2, noise=2, latent=3),
    StyleSpec(32, 8, 6, mapping=2, noise=2, sets="weights"),
    StyleSpec(32, 8, 6, mapping=2, noise=2, sets="weights", up="nearest", norm="spectral"),
]
IDS = [f"{spec.kind}-{spec.size}-{spec.norm}-{spec.up}" for spec in SPECS]
SMALLEST = {spec.kind: spec for spec in reversed(SPECS) if spec.size == 32}
NORMS = (nn.BatchNorm2d, InstanceNorm, LayerNorm, VirtualBatchNorm)
READS = 10
"""Noise and labels; of the style generator, some of them make the noise."""


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def build(spec: Any) -> nn.Module:
    """The module, away from the scales of 0 at which attention and noise start."""
    generator = spec.build(READS, 3)
    open_attention(generator)
    for module in generator.modules():
        if isinstance(module, NoiseInjection):
            nn.init.constant_(module.scale, 0.3)
    return generator


def test_every_kind_is_tested_here() -> None:
    assert {spec.kind for spec in SPECS} == FROM_NOISE


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_pictures_and_gradients(spec: Any) -> None:
    torch.manual_seed(0)
    generator = build(spec)
    picture = generator(random(4, READS, 1, 1))
    assert picture.shape == (4, 3, spec.size, spec.size)
    assert spec.scale == spec.size
    assert float(picture.detach().abs().max()) <= 1
    (picture - random(*picture.shape, seed=1)).square().mean().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_reloading_layouts_and_precisions(spec: Any) -> None:
    torch.manual_seed(0)
    generator, other = build(spec).eval(), build(spec).eval()
    noise = random(2, READS, 1, 1)
    assert not torch.equal(generator(noise), other(noise))
    # What a network draws when it is built is part of what is kept.
    other.load_state_dict(generator.state_dict())
    assert torch.equal(generator(noise), other(noise))
    other.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    wide = generator(noise)
    assert torch.allclose(other(noise), wide, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        half = generator(noise)
    error = (half.float() - wide).detach().abs()
    # Standardizing by the style amplifies the rounding of maps that hardly vary.
    assert float(error.mean() if spec.kind == "style" else error.max()) < 0.1


@pytest.mark.parametrize("spec", SMALLEST.values(), ids=list(SMALLEST))
def test_each_point_of_a_larger_map_makes_size_pixels(spec: Any) -> None:
    torch.manual_seed(0)
    assert build(spec).eval()(random(2, READS, 2, 3)).shape == (2, 3, 64, 96)


@pytest.mark.parametrize("spec", SMALLEST.values(), ids=list(SMALLEST))
def test_pictures_lie_in_the_range_whatever_the_weights(spec: Any) -> None:
    torch.manual_seed(0)
    generator = build(spec)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.mul_(50)
        picture = generator(random(4, READS, 1, 1))
    assert float(picture.min()) == -1
    assert float(picture.max()) == 1


@pytest.mark.parametrize("spec", SMALLEST.values(), ids=list(SMALLEST))
def test_labels_are_further_channels(spec: Any) -> None:
    torch.manual_seed(0)
    noise, labels = random(1, READS - 2, 1, 1).expand(2, -1, -1, -1), torch.eye(2)[..., None, None]
    one, two = build(spec).eval()(torch.cat([noise, labels], dim=1))
    assert not torch.equal(one, two)


@pytest.mark.parametrize(
    ("spec", "sides"),
    [
        (DCGANSpec(32, 16, attention=(8, 16)), [8, 16]),
        (ResNet19Spec(32, 2, attention=(8, 32)), [8, 32]),
        (SAGANSpec(64, 2), [32]),
    ],
    ids=lambda given: getattr(given, "kind", ""),
)
def test_attention_starts_as_the_identity(spec: Any, sides: list[int]) -> None:
    torch.manual_seed(0)
    generator, noise = spec.build(READS, 3), random(2, READS, 1, 1)
    seen = through_attention(generator, noise)
    assert [made.shape[-1] for _, made in seen] == sides
    assert all(torch.equal(read, made) for read, made in seen)
    open_attention(generator)
    seen = through_attention(generator, noise)
    assert all(not torch.allclose(read, made) for read, made in seen)


UPS: list[Any] = ["transposed", "nearest", "bilinear", "shuffle"]


@pytest.mark.parametrize(
    ("spec", "layers", "norms"),
    [
        # Dense and three that double, the last one among them; f, g and h of attention.
        *((DCGANSpec(32, 16, "spectral", up=up, attention=(8,)), 4 + 3, 0) for up in UPS),
        *((DCGANSpec(32, 16, "batch", True, up, attention=(8,)), 4 + 3, 3) for up in UPS),
        # Dense, blocks of three, f, g and h, the last one; norms in the blocks and at the end.
        (ResNet19Spec(32, 2, "batch", True, attention=(8,)), 1 + 9 + 3 + 1, 7),
        (SAGANSpec(64, 2), 1 + 12 + 3 + 1, 9),
    ],
    ids=lambda given: f"{given.kind}-{given.norm}-{given.up}" if hasattr(given, "kind") else "",
)
def test_spectral_normalization_stands_on_every_layer(spec: Any, layers: int, norms: int) -> None:
    torch.manual_seed(0)
    generator = spec.build(READS, 3)
    values = largest_singular_values(generator, random(2, READS, 1, 1))
    assert values == pytest.approx([1] * layers, abs=0.04)
    assert sum(isinstance(one, NORMS) for one in generator.modules()) == norms


@pytest.mark.parametrize("kind", ["dcgan", "resnet19", "sagan"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 48}, "size: got 48; allowed: 32, "),
        ({"channels": 0}, "channels: got 0; allowed: 1 or more"),
        ({"slope": 1.0}, "slope: got 1.0; allowed: 0 up to 1"),
        ({"slope": -0.1}, "slope: got -0.1; allowed: 0 up to 1"),
        ({"attention": [7]}, "attention: got (7,); allowed: sides of its maps: [4, 8, 16, 32"),
        ({"attention": [4, 3]}, "attention: got (4, 3); allowed: sides of its maps: [4, 8, "),
        (
            {"spectral": True, "norm": "equalized"},
            "spectral: got True; allowed: false with norm 'equalized'",
        ),
        ({"up": "cubic"}, "up: got 'cubic'; allowed: 'transposed', "),
    ],
)
def test_what_is_refused(kind: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError) as error:
        GENERATORS.parse({"kind": kind, **fields}, "g")
    assert str(error.value).startswith(f"g.{message}")
