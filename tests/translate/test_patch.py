"""The patch discriminator and the normalisation of its layers."""

from typing import cast

import pytest
import torch
from torch import Tensor, nn

from translate.discriminators import DISCRIMINATORS
from translate.discriminators.patch import Diversity, PatchSpec
from translate.layers.attention import SelfAttention
from translate.layers.normalization import InstanceNorm, LayerNorm, Normalization, convolution
from translate.layers.sampling import Down
from translate.tables import TableError, parse

NORMS: list[Normalization] = ["none", "batch", "instance", "layer", "spectral", "equalized"]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def extent(gradient: Tensor) -> tuple[int, int]:
    """Height and width of the region where a gradient is not zero."""
    touched = gradient.abs().sum(dim=(0, 1)) > 0
    rows, columns = touched.any(dim=1).nonzero(), touched.any(dim=0).nonzero()
    return int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1


@pytest.mark.parametrize(
    ("layers", "down", "field"),
    # Of two 4x4 convolutions 7; each layer before doubles and adds 2 (a stride of 2 at size 4), as
    # pooling by 2 after a 3x3 convolution does.
    [
        (0, "stride", 1),
        (1, "stride", 16),
        (2, "stride", 34),
        (3, "stride", 70),
        (4, "stride", 142),
        (5, "stride", 286),
        (2, "max", 34),
    ],
)
@pytest.mark.parametrize("norm", ["none", "spectral"])
def test_a_logit_sees_its_receptive_field(
    layers: int, down: Down, field: int, norm: Normalization
) -> None:
    spec = PatchSpec(channels=4, layers=layers, norm=norm, slope=0.2, down=down)
    assert spec.receptive_field == field
    picture = random(1, 3, field + 60, field + 60).requires_grad_()
    [logits] = spec.build(3)(picture).logits
    middle = logits.shape[-1] // 2
    [gradient] = torch.autograd.grad(logits[0, 0, middle, middle], picture)
    height, width = extent(gradient)
    # A maximum passes one of four on, so that a border may happen to be untouched.
    slack = 0 if down == "stride" else 4
    assert field - slack <= height <= field
    assert field - slack <= width <= field


@pytest.mark.parametrize("diversity", ["discrimination", "stddev"])
def test_diversity_tells_a_collapsed_batch(diversity: Diversity) -> None:
    torch.manual_seed(0)
    discriminator = PatchSpec(channels=8, layers=2, norm="none", diversity=diversity).build(3)
    plain = PatchSpec(channels=8, layers=2, norm="none").build(3)
    picture, others = random(1, 3, 32, 32), random(3, 3, 32, 32, seed=1)
    varied, collapsed = torch.cat([picture, others]), picture.expand(4, -1, -1, -1)
    # The same first picture: only what stands beside it in the batch differs.
    answers = [discriminator(batch).logits[0][0] for batch in (varied, collapsed)]
    assert not torch.allclose(*answers, atol=1e-5)
    answers = [plain(batch).logits[0][0] for batch in (varied, collapsed)]
    assert torch.allclose(*answers, atol=1e-5)


def test_attention_stands_after_the_layers_named() -> None:
    discriminator = PatchSpec(channels=8, layers=3, attention=(2,)).build(3)
    last = [
        next(reversed(list(layer.children())))
        for layer in cast(nn.ModuleList, discriminator.layers)
    ]
    assert [isinstance(module, SelfAttention) for module in last] == [False, True, False, False]


@pytest.mark.parametrize("norm", NORMS)
def test_logits_backward_and_reloading(norm: Normalization) -> None:
    spec = PatchSpec(channels=4, layers=2, norm=norm)
    discriminator = spec.build(5)
    [logits], features = discriminator(random(2, 5, 32, 40))
    assert [tuple(layer.shape[1:]) for layer in features] == [(4, 16, 20), (8, 8, 10), (16, 7, 9)]
    # 32 -> 16 -> 8 -> 7 -> 6 and 40 -> 20 -> 10 -> 9 -> 8 with kernels of 4 and padding of 1.
    assert logits.shape == (2, 1, 6, 8)
    logits.square().mean().backward()
    for name, parameter in discriminator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    other = spec.build(5)
    other.load_state_dict(discriminator.state_dict())
    picture = random(1, 5, 32, 32, seed=1)
    assert torch.equal(other.eval()(picture).logits[0], discriminator.eval()(picture).logits[0])


def test_without_layers_it_is_the_pixel_discriminator() -> None:
    # Isola et al. 2017, section 6.1.2: C64-C128 and the map to one channel, all of them 1x1.
    discriminator = PatchSpec(layers=0, norm="batch").build(6)
    convolutions = [one for one in discriminator.modules() if isinstance(one, nn.Conv2d)]
    assert [one.out_channels for one in convolutions] == [64, 128, 1]
    assert {one.kernel_size for one in convolutions} == {(1, 1)}
    [logits], features = discriminator(random(2, 6, 5, 7))
    assert logits.shape == (2, 1, 5, 7)
    assert len(features) == 2


@pytest.mark.parametrize("norm", NORMS)
def test_which_layers_are_normalized(norm: Normalization) -> None:
    discriminator = PatchSpec(channels=4, layers=3, norm=norm).build(3)
    convolutions = [one for one in discriminator.modules() if isinstance(one, nn.Conv2d)]
    assert len(convolutions) == 5
    constrained = [hasattr(one, "parametrizations") for one in convolutions]
    assert constrained == [norm in ("spectral", "equalized")] * 5
    kinds = {"batch": nn.BatchNorm2d, "instance": InstanceNorm, "layer": LayerNorm}
    norms = [one for one in discriminator.modules() if isinstance(one, tuple(kinds.values()))]
    # Isola et al. 2017, section 6.1.2: not on the first layer; and the last one gives logits.
    assert len(norms) == (3 if norm in kinds else 0)
    # A bias before a normalisation of the features would be subtracted again.
    biased = [one.bias is not None for one in convolutions]
    assert biased == ([True, False, False, False, True] if norm in kinds else [True] * 5)


def test_widths_double_up_to_eight_times() -> None:
    discriminator = PatchSpec(channels=4, layers=5, norm="none").build(3)
    widths = [one.out_channels for one in discriminator.modules() if isinstance(one, nn.Conv2d)]
    assert widths == [4, 8, 16, 32, 32, 32, 1]


def test_spectral_normalization_bounds_the_largest_singular_value() -> None:
    torch.manual_seed(0)
    [layer] = convolution(6, 8, 4, 2, 1, "spectral")
    assert isinstance(layer, nn.Conv2d)
    picture = random(1, 6, 8, 8)
    for _ in range(200):
        layer(picture)
    largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
    assert float(largest) == pytest.approx(1, abs=1e-3)
    # The effective weight is the raw one over its own largest singular value, from an SVD.
    raw = layer.state_dict()["parametrizations.weight.original"]
    expected = raw / torch.linalg.svdvals(raw.flatten(1))[0]
    assert torch.allclose(layer.weight, expected, rtol=2e-3, atol=1e-5)


def test_spectral_normalization_stands_still_in_evaluation() -> None:
    [layer] = convolution(3, 4, 4, 2, 1, "spectral")
    layer.eval()
    picture = random(1, 3, 8, 8)
    assert torch.equal(layer(picture), layer(picture))
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    layer(picture)
    assert all(torch.equal(before[name], tensor) for name, tensor in layer.state_dict().items())


def test_instance_and_batch_normalization_by_hand() -> None:
    picture = random(2, 3, 8, 8) * 4 + 7
    axes_of: dict[Normalization, tuple[int, ...]] = {"instance": (2, 3), "batch": (0, 2, 3)}
    for norm, axes in axes_of.items():
        layer, normalize = convolution(3, 4, 4, 2, 1, norm)
        features = layer(picture)
        mean = features.mean(dim=axes, keepdim=True)
        deviation = features.var(dim=axes, keepdim=True, correction=0)
        expected = (features - mean) / (deviation + 1e-5).sqrt()
        assert torch.allclose(normalize(features), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"layers": 7}, "a.layers: got 7; allowed: 0 to 6"),
        ({"layers": -1}, "a.layers: got -1; allowed: 0 to 6"),
        ({"channels": 0}, "a.channels: got 0; allowed: 1 or more"),
        ({"slope": 1}, "a.slope: got 1.0; allowed: 0 up to 1"),
        ({"norm": "later"}, "a.norm: got 'later'; allowed: 'none', 'batch', 'instance', 'layer'"),
        ({"attention": [4]}, "a.attention: got (4,); allowed: layers from 1 to 3"),
        ({"diversity": "minibatch"}, "a.diversity: got 'minibatch'; allowed: 'none', 'discrimi"),
        ({"down": "pool"}, "a.down: got 'pool'; allowed: 'stride', 'average', 'max'"),
    ],
)
def test_what_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(TableError) as error:
        parse(PatchSpec, table, "a")
    assert str(error.value).startswith(message)


def test_the_kind_is_registered() -> None:
    assert type(DISCRIMINATORS.parse({"kind": "patch"}, "d")) is PatchSpec
