"""Normalization by name: weights against NumPy's SVD, features against their own statistics."""

import math
from typing import cast, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from translate.layers.equalized import equalize, fan_in, he_constant
from translate.layers.normalization import (
    GeneratorNormalization,
    InstanceNorm,
    LayerNorm,
    Normalization,
    constrain,
    constraint,
    convolution,
    linear,
    normalize,
    transposed_convolution,
)
from translate.layers.virtual_batch import VirtualBatchNorm, reference

ORDERS = (torch.contiguous_format, torch.channels_last)
ACTING_ON_FEATURES: list[GeneratorNormalization] = ["batch", "instance", "layer", "virtual"]


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def layer_of(kind: str, norm: GeneratorNormalization) -> tuple[nn.Module, Tensor]:
    """A layer from 6 to 4 channels and an input for it, in float64."""
    torch.manual_seed(0)
    if kind == "linear":
        return linear(6, 4, norm)[0].double(), random(2, 6)
    make = convolution if kind == "convolution" else transposed_convolution
    return make(6, 4, 3, 2, 1, norm)[0].double(), random(2, 6, 5, 5)


def kept(layer: nn.Module, name: str = "weight") -> Tensor:
    return layer.get_parameter(f"parametrizations.{name}.original")


def matrix_of(kind: str, weight: Tensor) -> np.ndarray:
    """Output channels x the rest."""
    array = weight.detach().numpy()
    if kind == "transposed":
        array = array.swapaxes(0, 1)
    return array.reshape(4, -1)


@pytest.mark.parametrize("kind", ["convolution", "transposed", "linear"])
def test_power_iteration_finds_the_largest_singular_value(kind: str) -> None:
    layer, picture = layer_of(kind, "spectral")
    rest = matrix_of(kind, kept(layer)).shape[1]
    left, _ = np.linalg.qr(random(4, 4, seed=1).numpy())
    right, _ = np.linalg.qr(random(rest, rest, seed=2).numpy())
    matrix = left @ np.diag([3.0, 1.5, 1.0, 0.5]) @ right[:4]
    shape = list(kept(layer).shape)
    if kind == "transposed":
        weight = matrix.reshape(shape[1], shape[0], *shape[2:]).swapaxes(0, 1)
        # The other reading of the weight, input channels x the rest, has another norm.
        assert abs(np.linalg.norm(weight.reshape(6, -1), 2) - 3) > 0.3
    else:
        weight = matrix.reshape(shape)
    kept(layer).data.copy_(torch.from_numpy(weight.copy()))
    # The vectors of a start that knows nothing of this matrix.
    for seed, name in enumerate(["_u", "_v"], start=3):
        vector = layer.get_buffer(f"parametrizations.weight.0.{name}")
        vector.copy_(nn.functional.normalize(random(len(vector), seed=seed), dim=0))
    for _ in range(50):
        layer(picture)
    layer.eval()
    expected = weight / np.linalg.svd(matrix, compute_uv=False)[0]
    effective = cast(Tensor, layer.weight).detach().numpy()
    np.testing.assert_allclose(effective, expected, rtol=0.01)
    assert np.linalg.norm(matrix_of(kind, cast(Tensor, layer.weight)), 2) == pytest.approx(1, 0.01)


@pytest.mark.parametrize("kind", ["convolution", "transposed", "linear"])
def test_one_power_iteration_a_step_from_the_kept_vector(kind: str) -> None:
    layer, picture = layer_of(kind, "spectral")
    matrix = matrix_of(kind, kept(layer))
    vector = layer.get_buffer("parametrizations.weight.0._v")
    vector.copy_(nn.functional.normalize(random(len(vector), seed=5), dim=0))
    before = vector.numpy().copy()
    layer(picture)
    # Miyato et al. 2018, algorithm 1, starting from the kept right vector: u = W v, v = W^T u,
    # both of unit length, and sigma = u^T W v.
    left = matrix @ before
    left /= np.linalg.norm(left)
    right = matrix.T @ left
    right /= np.linalg.norm(right)
    np.testing.assert_allclose(vector.numpy(), right, rtol=1e-9)
    layer.eval()
    effective = matrix_of(kind, cast(Tensor, layer.weight))
    np.testing.assert_allclose(effective, matrix / (left @ matrix @ right), rtol=1e-9)


@pytest.mark.parametrize("kind", ["convolution", "transposed", "linear"])
def test_equalized_weights_are_standard_normal_and_keep_the_variance(kind: str) -> None:
    torch.manual_seed(0)
    if kind == "linear":
        [layer] = linear(256, 512, "equalized")
        features = layer(torch.randn(64, 256))
    else:
        make = convolution if kind == "convolution" else transposed_convolution
        [layer] = make(64, 96, 4, 2, 1, "equalized")
        features = layer(torch.randn(8, 64, 12, 12))[..., 1:-1, 1:-1]
    assert float(kept(layer).detach().std()) == pytest.approx(1, abs=0.02)
    assert float(kept(layer).detach().mean()) == pytest.approx(0, abs=0.02)
    assert torch.count_nonzero(cast(Tensor, layer.bias)) == 0
    # He et al. 2015: after a rectifier the mean square is that of what came in, here 1.
    assert float(features.detach().relu().square().mean()) == pytest.approx(1, abs=0.06)


def test_he_constants_by_hand() -> None:
    # 3 x 3 x 8 = 72 products; the transposed one sees 4 x 4 / 2 / 2 = 4 taps of 8 channels.
    assert fan_in(nn.Conv2d(8, 5, 3)) == 72
    assert fan_in(nn.ConvTranspose2d(8, 5, 4, stride=2)) == 32
    assert fan_in(nn.Linear(50, 2)) == 50
    assert he_constant(nn.Linear(50, 2)) == pytest.approx(0.2)


def test_an_equalized_step_is_smaller_by_the_constant_and_the_rate() -> None:
    layer = nn.Linear(50, 3)
    before, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    equalize(layer, rate=0.01)
    assert torch.allclose(layer.weight, before, atol=1e-7), "what it computes stays"
    assert torch.allclose(layer.bias, bias, atol=1e-7)
    layer(torch.ones(1, 50)).sum().backward()
    # The first step of Adam is the rate, 0.1, whatever the gradient; times 0.2 of He and 0.01.
    for parameter in layer.parameters():
        parameter.data -= 0.1 * cast(Tensor, parameter.grad).sign()
    assert torch.allclose(before - layer.weight, torch.full((3, 50), 0.1 * 0.2 * 0.01), rtol=1e-3)
    assert torch.allclose(bias - layer.bias, torch.full((3,), 0.1 * 0.01), rtol=1e-3)


def test_neighboring_channels_start_alike() -> None:
    for norm in get_args(Normalization):
        layer = constrain(nn.Conv2d(3, 8, 3), norm, alike=4)
        weight = layer.weight.detach().reshape(2, 4, -1)
        assert torch.equal(weight, weight[:, :1].expand_as(weight))
        assert not torch.equal(weight[0], weight[1])


def standardized(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    mean = array.mean(axis=axes, keepdims=True)
    return (array - mean) / np.sqrt(array.var(axis=axes, keepdims=True) + 1e-5)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("norm", "axes"), [("batch", (0, 2, 3)), ("instance", (2, 3)), ("layer", (1, 2, 3))]
)
def test_features_are_normalized_by_their_own_statistics(
    norm: Normalization, axes: tuple[int, ...], order: torch.memory_format
) -> None:
    features = (random(3, 4, 5, 6) * 3 + 2).contiguous(memory_format=order)
    [module] = normalize(4, norm)
    module.double()
    scale, shift = random(4, seed=1), random(4, seed=2)
    module.get_parameter("weight").data.copy_(scale)
    module.get_parameter("bias").data.copy_(shift)
    expected = standardized(features.numpy(), axes)
    expected = scale.numpy()[:, None, None] * expected + shift.numpy()[:, None, None]
    np.testing.assert_allclose(module(features).detach().numpy(), expected, rtol=1e-9)
    if norm != "batch":
        assert torch.allclose(module(features), module.eval()(features), rtol=1e-12)


def test_instance_norm_keeps_maps_that_lie_channels_last() -> None:
    features = random(3, 4, 5, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    output = InstanceNorm(4, affine=True).double()(features)
    assert output.is_contiguous(memory_format=torch.channels_last)
    (gradient,) = torch.autograd.grad(output.square().sum() + output.pow(3).sum(), features)
    assert gradient.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("module", [InstanceNorm(3, affine=True), LayerNorm(3)])
def test_a_map_of_one_pixel(module: nn.Module, training: bool) -> None:
    module.train(training)
    module.get_parameter("bias").data.copy_(torch.tensor([1.0, 2.0, 3.0]))
    features = torch.tensor([2.0, 4.0, 6.0]).reshape(1, 3, 1, 1)
    # By instance nothing is left; by layer, mean 4 and variance 8 / 3.
    step = 0.0 if isinstance(module, InstanceNorm) else 2 / math.sqrt(8 / 3 + 1e-5)
    expected = torch.tensor([1 - step, 2.0, 3 + step])
    assert torch.allclose(module(features).flatten(), expected, atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
def test_layer_norm_of_vectors(channels: int) -> None:
    features = random(1, channels)
    expected = standardized(features.numpy(), (1,))
    actual = LayerNorm(channels).double()(features).detach().numpy()
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("norm", ["instance", "layer", "virtual"])
def test_first_and_second_derivatives(
    norm: GeneratorNormalization, order: torch.memory_format
) -> None:
    [module] = normalize(2, norm)
    module.double()
    features = random(2, 2, 2, 3).contiguous(memory_format=order).requires_grad_()
    assert gradcheck(module, (features,))
    # Gradient penalties differentiate the gradient.
    assert gradgradcheck(module, (features,))


@pytest.mark.parametrize("norm", get_args(GeneratorNormalization))
def test_what_stands_behind_a_layer(norm: GeneratorNormalization) -> None:
    acting = norm in ACTING_ON_FEATURES
    assert constraint(norm) == ("none" if acting else norm)
    for layers in (convolution(3, 4, 3, 1, 1, norm), transposed_convolution(3, 4, 4, 2, 1, norm)):
        network = nn.Sequential(*layers)
        assert len(network) == (2 if acting else 1)
        # Centering removes a bias.
        assert (layers[0].bias is None) == acting
        assert hasattr(layers[0], "parametrizations") == (norm in ("spectral", "equalized"))
        network(random(2, 3, 6, 6).float()).square().mean().backward()
        for name, parameter in network.named_parameters():
            assert cast(Tensor, parameter.grad).abs().sum() > 0, name
    if norm == "instance":
        with pytest.raises(ValueError, match="leaves nothing of a vector"):
            linear(3, 4, norm)
        return
    vectors = nn.Sequential(*linear(3, 4, norm))(random(5, 3).float())
    assert vectors.shape == (5, 4)
    if norm == "batch":
        assert torch.allclose(vectors.mean(dim=0), torch.zeros(4), atol=1e-6)


def virtually(samples: np.ndarray, batch: np.ndarray) -> np.ndarray:
    """Salimans et al. 2016, section 3.5: the sample is one more in the reference batch."""
    axes = tuple(range(2, samples.ndim))
    share = 1 / (len(batch) + 1)
    shape = (1, -1, *[1] * len(axes))
    mean = share * samples.mean(axis=axes, keepdims=True)
    mean = mean + (1 - share) * batch.mean(axis=(0, *axes)).reshape(shape)
    square = share * (samples**2).mean(axis=axes, keepdims=True)
    square = square + (1 - share) * (batch**2).mean(axis=(0, *axes)).reshape(shape)
    return (samples - mean) / np.sqrt(square - mean**2 + 1e-5)


@pytest.mark.parametrize("sides", [(), (3, 5)])
def test_virtual_batch_norm_by_the_paper(sides: tuple[int, ...]) -> None:
    batch, samples = random(7, 4, *sides) * 2 + 3, random(3, 4, *sides, seed=1)
    layer = VirtualBatchNorm(4).double()
    expected = virtually(samples.numpy(), batch.numpy())
    with reference(layer, batch):
        np.testing.assert_allclose(layer(samples).detach().numpy(), expected, rtol=1e-9)
        # No sample sees the others of its batch.
        np.testing.assert_allclose(layer(samples[1:2]).detach().numpy(), expected[1:2], rtol=1e-9)
    assert float(layer.samples) == 7
    # What the buffers hold is enough, in evaluation and after loading.
    other = VirtualBatchNorm(4).double()
    other.load_state_dict(layer.state_dict())
    np.testing.assert_allclose(other.eval()(samples).detach().numpy(), expected, rtol=1e-9)


def test_virtual_batch_norm_by_hand() -> None:
    # Reference values 1 and 3: mean 2, mean square 5. The sample 5 makes the mean 3 and the mean
    # square (1 + 9 + 25) / 3, so the variance is 35 / 3 - 9 = 8 / 3.
    layer = VirtualBatchNorm(1).double()
    with reference(layer, torch.tensor([[1.0], [3.0]], dtype=torch.float64)):
        value = layer(torch.tensor([[5.0]], dtype=torch.float64))
    assert value.item() == pytest.approx(2 / math.sqrt(8 / 3 + 1e-5), rel=1e-12)


def test_the_reference_batch_is_normalized_by_itself_layer_after_layer() -> None:
    torch.manual_seed(0)
    first, second = nn.Conv2d(2, 3, 3).double(), nn.Conv2d(3, 2, 3).double()
    network = nn.Sequential(
        first, VirtualBatchNorm(3).double(), nn.ReLU(), second, VirtualBatchNorm(2).double()
    )
    batch, samples = random(4, 2, 8, 8), random(2, 2, 8, 8, seed=1)
    for scale in (1, 3):
        # The second round has other weights, whose statistics must be those used.
        first.weight.data.mul_(scale)
        with torch.no_grad(), reference(network, batch):
            actual = network(samples)
            between = first(batch).numpy()
            hidden = np.maximum(standardized(between, (0, 2, 3)), 0)
            inner = np.maximum(virtually(first(samples).numpy(), between), 0)
            behind = [second(torch.from_numpy(one)).numpy() for one in (inner, hidden)]
        np.testing.assert_allclose(actual.numpy(), virtually(*behind), rtol=1e-8)


def test_gradients_flow_through_the_reference_pass() -> None:
    layer = VirtualBatchNorm(2).double()
    network = nn.Sequential(nn.Identity(), layer)

    def normalized(samples: Tensor, batch: Tensor) -> Tensor:
        with reference(network, batch):
            return network(samples)

    batch = random(3, 2, 2, 2).requires_grad_()
    samples = random(2, 2, 2, 2, seed=1).requires_grad_()
    assert gradcheck(normalized, (samples, batch))
    [through] = torch.autograd.grad(normalized(samples, batch).square().sum(), batch)
    assert through.abs().max() > 1e-3
    with reference(network, batch):
        pass
    assert layer.live is None
    assert not any(buffer.requires_grad for buffer in layer.buffers())


def test_a_failed_reference_pass_leaves_no_mode_behind() -> None:
    layer = VirtualBatchNorm(2)
    network = nn.Sequential(layer, nn.Linear(3, 1))
    with pytest.raises(RuntimeError), reference(network, torch.ones(4, 2)):
        pass
    assert not layer.recording
    assert layer.live is None


def test_a_network_without_the_layer_is_not_run() -> None:
    class Broken(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            raise AssertionError

    with reference(Broken(), torch.ones(1)):
        pass


def test_virtual_batch_norm_in_half_precision_far_from_zero() -> None:
    batch = (random(6, 2, 8, 8) + 100).bfloat16()
    samples = (random(2, 2, 8, 8, seed=1) + 100).bfloat16()
    layer = VirtualBatchNorm(2)
    with reference(layer, batch):
        actual = layer(samples)
    assert actual.dtype == torch.bfloat16
    expected = virtually(samples.double().numpy(), batch.double().numpy())
    np.testing.assert_allclose(actual.detach().double().numpy(), expected, rtol=0.01, atol=1e-2)
