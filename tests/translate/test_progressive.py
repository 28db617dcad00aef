"""Progressive growing: weights against the paper's table, depths and fading against each other."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from translate.discriminators import progressive as judging
from translate.discriminators.registry import DISCRIMINATORS
from translate.generators import progressive as making
from translate.generators.progressive_unet import ProgressiveUNetSpec
from translate.generators.registry import GENERATORS
from translate.layers.growing import Growing
from translate.layers.normalization import PixelNorm
from translate.tables import TableError

GENERATOR = making.ProgressiveSpec(32, 8)
UNET = ProgressiveUNetSpec(32, 8)
SPECS = [
    GENERATOR,
    making.ProgressiveSpec(16, 6, "spectral", up="bilinear"),
    making.ProgressiveSpec(8, 6, "none", up="transposed"),
    UNET,
    ProgressiveUNetSpec(16, 6, "spectral"),
]
IDS = [f"{spec.kind}-{spec.size}-{spec.norm}" for spec in SPECS]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def read_by(spec: Any, reads: int = 5) -> Tensor:
    side = spec.size // spec.scale
    return random(4, reads, side, side)


def drawn(spec: Any, reads: int = 5) -> Growing:
    torch.manual_seed(0)
    return spec.build(reads, 3)


def test_weights_of_each_level_are_those_of_the_table() -> None:
    # Karras et al. 2018, table 2: parameters of the two layers of each level, from 4x4 to 256x256,
    # in thousands. Its 4x4 layer has a bias a channel, ours one a value: 7,680 more.
    table = [4_200 + 2_400, 4_800, 4_800, 4_800, 1_200 + 590, 295 + 148, 74 + 37]
    generator = making.ProgressiveGenerator(making.ProgressiveSpec(256, 512), 512, 3)
    assert making.ProgressiveSpec(256, 512).widths == (512, 512, 512, 512, 256, 128, 64)
    for level, thousands in zip(generator.levels, table, strict=True):
        assert count(level) / 1_000 == pytest.approx(thousands, rel=0.02)
    assert [count(layer) for layer in generator.pictures] == [
        3 * (width + 1) for width in (512, 512, 512, 512, 256, 128, 64)
    ]
    # The discriminator's: the group's deviation is one channel more, the dense layer has 513.
    table = [2_400 + 4_200, 4_800, 4_800, 4_800, 590 + 1_200, 148 + 295, 37 + 74]
    discriminator = judging.ProgressiveDiscriminator(judging.ProgressiveSpec(256, 512), 3)
    for level, thousands in zip(discriminator.levels, table, strict=True):
        assert count(level) / 1_000 == pytest.approx(thousands, rel=0.02)
    assert count(discriminator.leave) == 513
    layers = [layer for layer in discriminator.levels[0].modules() if isinstance(layer, nn.Conv2d)]
    assert layers[0].in_channels == 513


def test_pixel_norm_by_hand() -> None:
    pixel = torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1)
    # The mean of 9 and 16 is 12.5.
    expected = (pixel / 12.5**0.5).flatten().tolist()
    assert PixelNorm()(pixel).flatten().tolist() == pytest.approx(expected)
    assert PixelNorm()(torch.zeros(1, 2, 1, 1)).abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_pixel_norm_in_every_precision(dtype: torch.dtype) -> None:
    # In half precision squares of 300 are infinite, and those of 1e-4 are none.
    scales = [0.0, 1e-4, 1e-2, 1.0, 300.0, 3000.0]
    features = torch.cat([scale * random(1, 8, 3, 3) for scale in scales]).to(dtype)
    actual = PixelNorm()(features.requires_grad_())
    assert actual.dtype == dtype
    wide = features.detach().double()
    expected = wide / (wide.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
    # To the last bit of the type, but for the steps before it in float32 itself.
    rounding = max(torch.finfo(dtype).eps, 4 * torch.finfo(torch.float32).eps)
    torch.testing.assert_close(actual.double(), expected, rtol=rounding, atol=1e-6)
    actual.sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_a_picture_at_a_depth_by_hand() -> None:
    network = Growing(3)
    picture = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(network.at_depth(picture), picture)
    network.grow(2)
    means = [[2.5, 4.5], [10.5, 12.5]]
    expected = torch.tensor(means).repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert torch.equal(network.at_depth(picture)[0, 0], expected)
    network.grow(1)
    assert torch.equal(network.at_depth(picture), torch.full((1, 1, 4, 4), 7.5))
    # A quarter of the way from the one pixel of depth 1 to the four of depth 2.
    network.grow(2, 0.25)
    assert torch.equal(network.at_depth(picture)[0, 0], 7.5 + (expected - 7.5) / 4)
    network.grow(0)
    assert network.depth == 3
    assert not network.fading


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_a_generator_shows_no_more_than_its_depth(spec: Any) -> None:
    generator, read = drawn(spec).eval(), read_by(spec)
    with torch.no_grad():
        for depth in range(1, spec.depths + 1):
            generator.grow(depth)
            made = generator(read)
            assert made.shape == (4, 3, spec.size, spec.size)
            assert torch.allclose(generator.at_depth(made), made, atol=1e-6)
            if depth > 1:
                generator.grow(depth - 1)
                assert not torch.allclose(generator.at_depth(made), made, atol=1e-2)


def test_a_fading_generator_lies_between_two_depths() -> None:
    generator, read = drawn(GENERATOR).eval(), read_by(GENERATOR)
    with torch.no_grad():
        generator.grow(3)
        coarse = generator(read)
        generator.grow(4)
        fine = generator(read)
        generator.grow(4, 0.3)
        made = generator(read)
    assert torch.allclose(made, 0.7 * coarse + 0.3 * fine, atol=1e-5)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_a_new_level_changes_nothing_at_first(depth: int) -> None:
    networks = [
        (drawn(GENERATOR), read_by(GENERATOR)),
        (drawn(UNET), read_by(UNET)),
        (judging.ProgressiveSpec(32, 8).build(5), random(4, 5, 32, 32)),
    ]
    for network, read in networks:
        network.eval()
        results = []
        with torch.no_grad():
            for at, alpha in ((depth - 1, 1.0), (depth, 0.0), (depth, 0.5)):
                network.grow(at, alpha)
                made = network(read)
                results.append(made if isinstance(made, Tensor) else made.logits[0])
        assert torch.allclose(results[0], results[1], atol=1e-5)
        assert not torch.allclose(results[0], results[2], atol=1e-4)


def test_only_the_levels_of_the_depth_learn() -> None:
    generator = drawn(GENERATOR)
    generator.grow(2)
    generator(read_by(GENERATOR)).square().mean().backward()
    learned = {name for name, weight in generator.named_parameters() if weight.grad is not None}
    # The picture leaves at the level of the depth alone.
    assert {name.split(".", 2)[0] + name.split(".", 2)[1] for name in learned} == {
        "levels0",
        "levels1",
        "pictures1",
    }
    discriminator = judging.ProgressiveDiscriminator(judging.ProgressiveSpec(32, 8), 3)
    discriminator.grow(2)
    discriminator(random(4, 3, 32, 32)).logits[0].square().mean().backward()
    learned = {name for name, weight in discriminator.named_parameters() if weight.grad is not None}
    assert not any(
        name.startswith(("levels.2", "levels.3", "enter.2", "enter.0")) for name in learned
    )


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_every_weight_learns_at_full_depth_while_fading(spec: Any) -> None:
    generator = drawn(spec)
    generator.grow(0, 0.5)
    generator(read_by(spec)).square().mean().backward()
    idle = {
        name
        for name, weight in generator.named_parameters()
        if weight.grad is None or not weight.grad.abs().sum() > 0
    }
    # Inner levels keep the layers by which pictures came and left while they were outermost.
    past = tuple(
        f"{layer}.{level}." for layer in ("pictures", "enter") for level in range(spec.depths - 2)
    )
    assert all(name.startswith(past) for name in idle), idle


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_depth_is_no_part_of_the_weights(spec: Any) -> None:
    generator, other = drawn(spec).eval(), spec.build(5, 3).eval()
    full = generator(read_by(spec))
    generator.grow(1)
    other.load_state_dict(generator.state_dict())
    assert torch.equal(other(read_by(spec)), full)
    assert not any("alpha" in name for name in generator.state_dict())


def test_a_point_each_makes_its_own_picture() -> None:
    generator = drawn(GENERATOR).eval()
    row = random(1, 5, 1, 2)
    made = generator(row)
    assert made.shape == (1, 3, 32, 64)


@pytest.mark.parametrize("size", [(8, 8), (24, 40)])
def test_the_unet_takes_any_size_of_its_multiple(size: tuple[int, int]) -> None:
    assert UNET.multiple == 8
    assert drawn(UNET).eval()(random(1, 5, *size)).shape == (1, 3, *size)


def test_there_is_no_depth_beyond_the_last() -> None:
    with pytest.raises(ValueError, match=r"^depth: got 5; the network has 4 levels$"):
        drawn(GENERATOR).grow(5)


@pytest.mark.parametrize("registry", [GENERATORS, DISCRIMINATORS])
@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"size": 48}, "n.size: got 48; allowed: 8, 16, 32, 64, 128, 256"),
        ({"size": 256, "channels": 12}, "n.channels: got 12; allowed: multiples of 8"),
        ({"slope": 1}, "n.slope: got 1.0; allowed: 0 up to 1"),
    ],
)
def test_what_is_refused(registry: Any, table: dict[str, object], message: str) -> None:
    with pytest.raises(TableError) as error:
        registry.parse({"kind": "progressive", **table}, "n")
    assert str(error.value) == message
