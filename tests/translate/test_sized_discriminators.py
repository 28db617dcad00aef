"""Every discriminator of pictures of one size: attention, constraints, the logit, refusals."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.translate.inside import largest_singular_values, open_attention, through_attention
from translate.discriminators import DISCRIMINATORS
from translate.discriminators.dcgan import DCGANSpec
from translate.discriminators.resnet19 import ResNet19Spec
from translate.discriminators.sagan import SAGANSpec
from translate.tables import TableError


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def kind(given: object) -> str:
    return getattr(given, "kind", "")


@pytest.mark.parametrize(
    ("spec", "sides"),
    [
        (DCGANSpec(32, 16, attention=(4, 16)), [16, 4]),
        # Three of the blocks have maps of 8x8: attention stands behind the first of them.
        (ResNet19Spec(32, 2, attention=(8, 16)), [16, 8]),
        (SAGANSpec(64, 2), [32]),
    ],
    ids=kind,
)
def test_attention_starts_as_the_identity(spec: Any, sides: list[int]) -> None:
    torch.manual_seed(0)
    discriminator, picture = spec.build(3), random(2, 3, spec.size, spec.size)
    seen = through_attention(discriminator, picture)
    assert [made.shape[-1] for _, made in seen] == sides
    assert all(torch.equal(read, made) for read, made in seen)
    open_attention(discriminator)
    seen = through_attention(discriminator, picture)
    assert all(not torch.allclose(read, made) for read, made in seen)


@pytest.mark.parametrize(
    ("spec", "layers"),
    [
        # Three that halve, f, g and h of attention, the one that ends it.
        (DCGANSpec(32, 16, "spectral", attention=(8,)), 3 + 3 + 1),
        # Four blocks of three, dense.
        (ResNet19Spec(32, 2), 12 + 1),
        # Four blocks of three, one of two, f, g and h, dense.
        (SAGANSpec(64, 2), 12 + 2 + 3 + 1),
    ],
    ids=kind,
)
def test_spectral_normalization_stands_on_every_layer(spec: Any, layers: int) -> None:
    torch.manual_seed(0)
    values = largest_singular_values(spec.build(3), random(2, 3, spec.size, spec.size))
    assert values == pytest.approx([1] * layers, abs=0.04)


@pytest.mark.parametrize(
    ("spec", "points"),
    # A mean of the 8x8 points of the map of ResNet19; SAGAN sums.
    [(ResNet19Spec(32, 4, "none"), 8 * 8), (SAGANSpec(32, 4, "none", attention=()), 1)],
    ids=kind,
)
def test_the_logit_is_a_dense_layer_on_the_pooled_map(spec: Any, points: int) -> None:
    torch.manual_seed(0)
    discriminator = spec.build(3)
    [logit], (*_, last, pooled) = discriminator(random(3, 3, 32, 32))
    [dense] = [one for one in discriminator.modules() if isinstance(one, nn.Linear)]
    expected = last.clamp(min=0).flatten(2).sum(dim=2) / points
    assert torch.allclose(pooled, expected, atol=1e-6)
    assert torch.allclose(logit, expected @ dense.weight.T + dense.bias, atol=1e-6)


@pytest.mark.parametrize("kind", ["dcgan", "resnet19", "sagan"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 48}, "size: got 48; allowed: 32, "),
        ({"channels": 0}, "channels: got 0; allowed: 1 or more"),
        ({"slope": 1.0}, "slope: got 1.0; allowed: 0 up to 1"),
        ({"slope": -0.1}, "slope: got -0.1; allowed: 0 up to 1"),
        ({"attention": [3]}, "attention: got (3,); allowed: sides of its maps: ["),
        ({"attention": [128]}, "attention: got (128,); allowed: sides of its maps: ["),
        ({"down": "cubic"}, "down: got 'cubic'; allowed: 'stride', "),
    ],
)
def test_what_is_refused(kind: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError) as error:
        DISCRIMINATORS.parse({"kind": kind, **fields}, "d")
    assert str(error.value).startswith(f"d.{message}")
