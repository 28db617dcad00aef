"""Self-attention against loops in NumPy and a softmax by hand."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from translate.layers.attention import SelfAttention
from translate.layers.normalization import GeneratorNormalization


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def drawn(channels: int, norm: GeneratorNormalization = "none", pool: int = 1) -> SelfAttention:
    """With weights large enough that attention is far from even, and gamma 0.7."""
    module = SelfAttention(channels, norm, pool).double()
    if norm == "none":
        for seed, convolution in enumerate((module.f, module.g, module.h)):
            convolution.weight.data.copy_(random(*convolution.weight.shape, seed=seed))
    module.gamma.data.fill_(0.7)
    return module


def weights(module: SelfAttention) -> list[np.ndarray]:
    layers = (module.f, module.g, module.h)
    return [layer.weight.detach().numpy()[:, :, 0, 0] for layer in layers]


def attended(module: SelfAttention, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Zhang et al. 2019, equations 1 to 3, position by position, for one sample (C, H, W)."""
    f, g, h = weights(module)
    channels, height, width = features.shape
    points = [features[:, y, x] for y in range(height) for x in range(width)]
    maps = np.zeros((len(points), len(points)))
    output = np.zeros((channels, len(points)))
    for j, query in enumerate(points):
        scores = np.array([(f @ source) @ (g @ query) for source in points])
        maps[j] = np.exp(scores) / np.exp(scores).sum()
        gathered = sum(share * (h @ source) for share, source in zip(maps[j], points, strict=True))
        output[:, j] = query + module.gamma.item() * gathered
    return maps, output.reshape(channels, height, width)


@pytest.mark.parametrize("channels", [3, 16])
def test_attention_by_the_paper(channels: int) -> None:
    module = drawn(channels)
    assert module.f.out_channels == module.g.out_channels == max(1, channels // 8)
    features = random(2, channels, 3, 4, seed=9) * 0.5
    output, maps = module(features), module.attention_map(features)
    assert maps.shape == (2, 12, 12)
    for index in range(2):
        expected_maps, expected = attended(module, features[index].numpy())
        np.testing.assert_allclose(maps[index].detach().numpy(), expected_maps, rtol=1e-9)
        np.testing.assert_allclose(output[index].detach().numpy(), expected, rtol=1e-9)
    assert float(maps.detach().std()) > 0.02, "an even map would hide a wrong softmax axis"


def test_the_map_of_a_query_pixel_by_hand() -> None:
    module = SelfAttention(8)
    for convolution in (module.f, module.g):
        # Queries and keys are the first channel.
        convolution.weight.data.zero_()
        convolution.weight.data[0, 0] = 1
    features = torch.zeros(1, 8, 2, 3)
    features[0, 0, 1, 0] = 2.0
    features[0, 0, 0, 2] = math.log(3)
    maps = module.attention_map(features)
    # The pixel (1, 0) asks with 2: exp(2 ln 3) = 9 for the pixel (0, 2), e^4 for itself, 1 else.
    total = 9 + math.exp(4) + 4
    expected = torch.tensor([[1, 1, 9], [math.exp(4), 1, 1]]) / total
    assert torch.allclose(maps[0, 1 * 3 + 0].reshape(2, 3), expected)
    # A pixel that asks with 0 attends to all alike.
    assert torch.allclose(maps[0, 0], torch.full((6,), 1 / 6))


def test_it_starts_as_the_identity_and_learns_gamma_first() -> None:
    module = SelfAttention(16)
    features = random(1, 16, 4, 4).float()
    output = module(features)
    assert torch.equal(output, features)
    output.square().mean().backward()
    assert module.gamma.grad is not None
    assert module.gamma.grad.abs() > 0


def test_pooled_keys() -> None:
    module = drawn(8, pool=2)
    features = random(1, 8, 4, 6)
    maps = module.attention_map(features)
    assert maps.shape == (1, 24, 6)
    f, g, h = weights(module)
    flat = features[0].numpy().reshape(8, -1)
    pooled = [
        (matrix @ flat).reshape(-1, 2, 2, 3, 2).max(axis=(2, 4)).reshape(-1, 6) for matrix in (f, h)
    ]
    scores = np.exp((g @ flat).T @ pooled[0])
    expected = scores / scores.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(maps[0].detach().numpy(), expected, rtol=1e-9)
    output = flat + 0.7 * pooled[1] @ expected.T
    np.testing.assert_allclose(module(features)[0].detach().numpy().reshape(8, -1), output)


@pytest.mark.parametrize("norm", ["spectral", "equalized"])
def test_constrained_convolutions(norm: GeneratorNormalization) -> None:
    torch.manual_seed(0)
    module = drawn(16, norm)
    features = random(1, 16, 3, 3)
    for _ in range(300 if norm == "spectral" else 1):
        module(features)
    module.eval()
    _, expected = attended(module, features[0].numpy())
    np.testing.assert_allclose(module(features)[0].detach().numpy(), expected, rtol=1e-9)
    layers = [one for one in module.modules() if isinstance(one, nn.Conv2d)]
    assert len(layers) == 3
    for layer in layers:
        original = layer.get_parameter("parametrizations.weight.original").detach().numpy()
        norm_of = np.linalg.norm(original.reshape(len(original), -1), 2)
        # Unit spectral norm, or sqrt(2 / 16) times what is kept.
        scale = 1 / norm_of if norm == "spectral" else math.sqrt(2 / 16)
        np.testing.assert_allclose(layer.weight.detach().numpy(), scale * original, rtol=1e-3)


def test_first_and_second_derivatives() -> None:
    module = drawn(3)
    features = random(1, 3, 2, 2).requires_grad_()
    assert gradcheck(module, (features,))
    # Gradient penalties differentiate the gradient.
    assert gradgradcheck(module, (features,))
