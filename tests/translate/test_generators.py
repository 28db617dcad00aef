"""Every registered generator: shapes, gradients, reloading, and how it starts."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

from translate.generators import GENERATORS
from translate.generators.enhancer import EnhancerSpec
from translate.generators.level import Level, LevelSpec
from translate.generators.pyramid import PyramidSpec
from translate.generators.resnet import ResNetSpec
from translate.generators.spade import SpadeSpec
from translate.generators.translation_unet import TranslationUNetSpec
from translate.generators.unet import UNetSpec
from translate.layers.attention import SelfAttention
from translate.layers.convolution import ResidualBlock
from translate.layers.resampling import pad_to_multiple
from translate.tables import TableError, parse

SPECS: list[Any] = [
    UNetSpec(widths=(6, 8, 10), blocks=1, unfold=2),
    UNetSpec(widths=(6, 8), blocks=2, unfold=1),
    UNetSpec(widths=(6, 8), blocks=1, unfold=2, bias=False),
    LevelSpec(channels=6, depth=3, unfold=2, window=5),
    LevelSpec(channels=6, depth=2, unfold=1, window=1),
    PyramidSpec(channels=8, blocks=2, unfold=1, scale=2),
    PyramidSpec(channels=8, blocks=1, unfold=2, scale=2),
    PyramidSpec(channels=8, blocks=0, unfold=4, scale=1),
    PyramidSpec(channels=8, blocks=1, unfold=1, scale=3),
    TranslationUNetSpec(4, depth=2),
    TranslationUNetSpec(4, 3, 2, "batch", "shuffle", attention=(2, 3), blocks=2, remind=True),
    TranslationUNetSpec(4, 3, expect=3),
    TranslationUNetSpec(4, 2, norm="spectral", up="bilinear", blocks=1, remind=True),
    TranslationUNetSpec(4, 2, norm="none", up="nearest", dropout=0.5, attention=(1,)),
    ResNetSpec(4, blocks=1),
    ResNetSpec(4, 1, 2, "equalized", "transposed", remind=True),
    ResNetSpec(4, 0, 1, "layer"),
    EnhancerSpec(4, 1),
    EnhancerSpec(4, 0, "spectral", "shuffle", remind=True),
    SpadeSpec(4, 2, most=2, hidden=6),
    SpadeSpec(4, 1, hidden=6, norm="equalized"),
]
IDS = [f"{spec.kind}-{index}" for index, spec in enumerate(SPECS)]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def picture_of(made: Tensor | tuple[Tensor, Tensor]) -> Tensor:
    return made[0] if isinstance(made, tuple) else made


FROM_NOISE = {"dcgan", "resnet19", "sagan", "style"}
"""They are tested together in test_noise_generators.py."""
GROWING = {"progressive", "progressive_unet"}
"""They are tested with their depths in test_progressive.py."""


def test_every_kind_is_tested() -> None:
    assert {spec.kind for spec in SPECS} | FROM_NOISE | GROWING == set(GENERATORS)


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
@pytest.mark.parametrize("size", [(1, 1), (7, 9), (13, 8)])
def test_any_size_after_padding(spec: Any, size: tuple[int, int]) -> None:
    generator = spec.build(4, 3).eval()
    padded = pad_to_multiple(random(2, 4, *size), spec.multiple)
    with torch.no_grad():
        made = generator(padded)
    picture = picture_of(made)
    assert picture.shape == (2, 3, spec.scale * padded.shape[2], spec.scale * padded.shape[3])
    assert torch.isfinite(picture).all()
    if spec.features:
        stride = spec.hands_features_at
        grid = (padded.shape[2] // stride, padded.shape[3] // stride)
        assert made[1].shape == (2, spec.features, *grid)


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_every_weight_learns(spec: Any) -> None:
    torch.manual_seed(0)
    generator = spec.build(3, 3).eval()
    for module in generator.modules():
        if isinstance(module, SelfAttention):
            # At gamma = 0 what attention gathers has no gradient.
            nn.init.constant_(module.gamma, 0.5)
    made = generator(random(2, 3, 16, 16))
    # The features handed up count too: the next level's gradients come through them.
    parts = made if isinstance(made, tuple) else (made,)
    torch.stack([part.square().mean() for part in parts]).sum().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_reloaded_weights_make_the_same_picture(spec: Any) -> None:
    generator, other = spec.build(3, 3).eval(), spec.build(3, 3).eval()
    picture = random(1, 3, 16, 16)
    assert not torch.equal(picture_of(generator(picture)), picture_of(other(picture)))
    other.load_state_dict(generator.state_dict())
    assert torch.equal(picture_of(generator(picture)), picture_of(other(picture)))


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.kind in ("unet", "pyramid")])
def test_residuals_start_small(spec: Any) -> None:
    # In the network's range a picture spans 2; its first residual is to be a fraction of that.
    for seed in range(3):
        torch.manual_seed(seed)
        made = picture_of(spec.build(3, 3)(random(1, 3, 16, 16, seed=seed)))
        assert float(made.detach().square().mean().sqrt()) < 0.25


@pytest.mark.parametrize(("unfold", "scale"), [(1, 2), (2, 2), (1, 3)])
def test_a_pyramid_level_starts_without_a_checkerboard(unfold: int, scale: int) -> None:
    torch.manual_seed(0)
    made, _ = PyramidSpec(8, 1, unfold, scale).build(3, 3)(random(1, 3, 8, 8))
    side = unfold * scale
    blocks = made.reshape(1, 3, 8 // unfold, side, 8 // unfold, side)
    assert torch.allclose(blocks, blocks[:, :, :, :1, :, :1].expand_as(blocks), atol=1e-6)


@pytest.mark.parametrize(
    "spec", [PyramidSpec(8, 1, 2, 2), PyramidSpec(8, 1), ResNetSpec(8, 1, 1), EnhancerSpec(8, 1)]
)
def test_features_from_below_are_read(spec: Any) -> None:
    generator = spec.build(3, 3, features=16)
    grid = (12 // spec.reads_features_at, 8 // spec.reads_features_at)
    picture, features = random(1, 3, 12, 8), random(1, 16, *grid)
    made, handed = generator(picture, features)
    assert made.shape == (1, 3, 12 * spec.scale, 8 * spec.scale)
    assert handed.shape == (1, 8, 12 // spec.hands_features_at, 8 // spec.hands_features_at)
    assert not torch.allclose(generator(picture, features.flip(3))[0], made)


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_costs_are_counted_without_computing(spec: Any) -> None:
    with torch.device("meta"):
        made = spec.build(3, 2)(torch.empty(1, 3, 16, 24))
    assert picture_of(made).shape == (1, 2, 16 * spec.scale, 24 * spec.scale)


def test_without_biases_the_result_grows_with_what_is_read() -> None:
    torch.manual_seed(0)
    read = random(2, 4, 16, 24)
    with torch.no_grad():
        plain = UNetSpec(widths=(6, 8, 10), blocks=1, unfold=1, bias=False)
        assert plain.homogeneous
        network = plain.build(4, 3)
        assert not [name for name, _ in network.named_parameters() if name.endswith("bias")]
        torch.testing.assert_close(network(3 * read), 3 * network(read), rtol=1e-4, atol=1e-5)
        assert network(0 * read).abs().max() == 0
        biased = UNetSpec(widths=(6, 8, 10), blocks=1, unfold=1)
        assert not biased.homogeneous
        network = biased.build(4, 3)
        nn.init.ones_(network.enter.bias)  # type: ignore[union-attr,arg-type]
        assert not torch.allclose(network(3 * read), 3 * network(read), rtol=1e-2)


def test_a_residual_block_by_hand() -> None:
    block = ResidualBlock(1)
    for convolution, weight in ((block.first, -2.0), (block.second, 0.5)):
        nn.init.zeros_(convolution.weight)
        with torch.no_grad():
            convolution.weight[0, 0, 1, 1] = weight
    # x + 0.5 relu(-2 x): 3 stays, -3 becomes -3 + 0.5 * 6.
    assert block(torch.tensor([[[[3.0, -3.0]]]]))[0, 0, 0].tolist() == [3.0, 0.0]


def test_residual_blocks_start_near_the_identity() -> None:
    torch.manual_seed(0)
    features = torch.randn(1, 32, 16, 16)
    change = ResidualBlock(32)(features) - features
    # He initialisation would give a change as large as the features; it is scaled by a tenth.
    assert 0.03 < float(change.detach().std()) < 0.3


def test_the_noise_level_is_a_mean_over_its_window() -> None:
    level = Level(LevelSpec(channels=4, depth=2, unfold=2, window=5), 3, 1)
    picture = random(1, 3, 18, 22)
    with torch.no_grad():
        written, estimate = level(picture)[0, 0].numpy(), level.estimate(picture)[0, 0].numpy()
    # Pixels outside the picture count for nothing: the sum of those inside over their number.
    total = ndimage.uniform_filter(estimate.astype(np.float64), 5, mode="constant")
    inside = ndimage.uniform_filter(np.ones(estimate.shape), 5, mode="constant")
    np.testing.assert_allclose(written[::2, ::2], total / inside, atol=1e-6)
    blocks = written.reshape(9, 2, 11, 2)
    assert (blocks == blocks[:, :1, :, :1]).all()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "unet", "widths": [8]}, "g.widths: got (8,); allowed: two levels or more"),
        ({"kind": "unet", "widths": [8, 0]}, "g.widths: got (8, 0); allowed: 1 or more each"),
        ({"kind": "unet", "unfold": 3}, "g.unfold: got 3; allowed: 1, 2, 4"),
        ({"kind": "unet", "blocks": 0}, "g.blocks: got 0; allowed: 1 or more"),
        ({"kind": "pyramid", "unfold": 16}, "g.unfold: got 16; allowed: 1, 2, 4, 8"),
        ({"kind": "pyramid", "scale": 5}, "g.scale: got 5; allowed: 1, 2, 3, 4"),
        ({"kind": "pyramid", "blocks": -1}, "g.blocks: got -1; allowed: 0 or more"),
        ({"kind": "pix2pix", "depth": 1}, "g.depth: got 1; allowed: 2 to 10"),
        ({"kind": "pix2pix", "dropout": 1}, "g.dropout: got 1.0; allowed: 0 up to 1"),
        ({"kind": "pix2pix", "attention": [9]}, "g.attention: got (9,); allowed: levels from 1 to"),
        ({"kind": "resnet", "downs": 7}, "g.downs: got 7; allowed: 0 to 6"),
        ({"kind": "enhancer", "blocks": -1}, "g.blocks: got -1; allowed: 0 or more"),
        ({"kind": "spade", "norm": "batch"}, "g.norm: got 'batch'; allowed: 'none', 'spectral'"),
        ({"kind": "level", "window": 4}, "g.window: got 4; allowed: an odd number of 1"),
        ({"kind": "level", "window": -1}, "g.window: got -1; allowed: an odd number"),
        ({"kind": "level", "depth": 1}, "g.depth: got 1; allowed: 2 or more"),
    ],
)
def test_what_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(TableError) as error:
        GENERATORS.parse(table, "g")
    assert str(error.value).startswith(message)


def test_sizes_that_a_unet_needs() -> None:
    assert UNetSpec(widths=(4, 4), unfold=1).multiple == 2
    assert UNetSpec(widths=(4, 4, 4), unfold=2).multiple == 8
    assert parse(UNetSpec, {"widths": [4, 4, 4, 4], "unfold": 4}).multiple == 32
