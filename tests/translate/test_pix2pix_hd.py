"""Coarse to fine: the residual generator, the enhancer, the discriminators at several scales."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.translate.test_pix2pix import with_class
from translate.discriminators.multiscale import MultiscaleSpec
from translate.discriminators.patch import PatchSpec
from translate.generators.enhancer import EnhancerSpec
from translate.generators.resnet import ResNetSpec
from translate.losses.features import layer_matching
from translate.tables import TableError


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def parameters(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def test_the_networks_of_the_papers() -> None:
    with torch.device("meta"):
        nine = ResNetSpec().build(3, 3)
        coarse, fine = ResNetSpec(downs=4).build(36, 3), EnhancerSpec().build(36, 3, features=64)
    # CycleGAN, section 7.2: c7s1-64, d128, d256, R256 nine times, u128, u64, c7s1-3. Weights
    # 49*3*64 + 9 (64*128 + 128*256) + 18 * 9*256*256 + 9 (256*128 + 128*64) + 49*64*3; a scale and
    # a shift for each of 64 + 128 + 256 + 18*256 + 128 + 64 maps; 3 biases.
    assert parameters(nine) == 9_408 + 368_640 + 10_616_832 + 368_640 + 9_408 + 2 * 5_248 + 3
    assert round(parameters(nine) / 1e6, 1) == 11.4
    # pix2pixHD, appendix: c7s1-64, d128 ... d1024, R1024 nine times, u512 ... u64, c7s1-3.
    weights = 49 * 36 * 64 + 2 * 9 * 64**2 * (2 + 8 + 32 + 128) + 18 * 9 * 1024**2 + 49 * 64 * 3
    maps = 64 + 2 * (128 + 256 + 512) + 1024 + 18 * 1024 + 64
    assert parameters(coarse) == weights + 2 * maps + 3
    # c7s1-32, d64, R64 three times, u32, c7s1-3.
    weights = 49 * 36 * 32 + 9 * 32 * 64 + 6 * 9 * 64 * 64 + 9 * 64 * 32 + 49 * 32 * 3
    assert parameters(fine) == weights + 2 * (32 + 64 + 6 * 64 + 32) + 3


@pytest.mark.parametrize("remind", [False, True])
def test_normalization_erases_a_class_unless_it_is_told_again(remind: bool) -> None:
    torch.manual_seed(0)
    generator = ResNetSpec(8, 1, 1, remind=remind).build(5, 3)
    picture = random(1, 3, 16, 16)
    (one, _), (two, _) = (generator(with_class(picture, index)) for index in (0, 1))
    # Over a repeated border constant planes stay constant, and their mean is all there is of them.
    assert torch.allclose(one, two, atol=1e-4) != remind


def test_features_are_added_behind_the_halving() -> None:
    torch.manual_seed(0)
    enhancer: Any = EnhancerSpec(4, 1).build(3, 3, features=8)
    seen: list[Tensor] = []
    enhancer.blocks.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    picture, features = random(2, 3, 12, 16), random(2, 8, 6, 8)
    enhancer(picture)
    enhancer(picture, features)
    torch.testing.assert_close(seen[1], seen[0] + features)


def test_an_enhancer_goes_on_from_a_global_generator_and_another_from_it() -> None:
    coarse = ResNetSpec(16, 2, 1).build(3, 3)
    middle = EnhancerSpec(8, 1).build(3, 3, features=16)
    fine = EnhancerSpec(4, 1).build(3, 3, features=8)
    pictures = [random(1, 3, side, 2 * side) for side in (8, 16, 32)]
    made, features = coarse(pictures[0])
    assert made.shape == pictures[0].shape
    made, features = middle(pictures[1], features)
    assert made.shape == pictures[1].shape
    made, features = fine(pictures[2], features)
    assert made.shape == pictures[2].shape
    assert features.shape == (1, 4, 32, 64)


def test_features_that_cannot_be_added_are_refused() -> None:
    with pytest.raises(TableError) as error:
        EnhancerSpec(32).build(3, 3, features=32)
    assert str(error.value) == (
        "channels: got 32; allowed: 16: half the 32 channels of the features that are read"
    )


def test_each_scale_judges_the_average_of_the_picture() -> None:
    torch.manual_seed(0)
    discriminator: Any = MultiscaleSpec(4, 2, "none", scales=3).build(3).eval()
    picture = random(2, 3, 64, 96)
    verdict = discriminator(picture)
    for index, scale in enumerate(discriminator.scales):
        side = 2**index
        cells = picture.numpy().reshape(2, 3, 64 // side, side, 96 // side, side)
        alone = scale(torch.from_numpy(cells.mean(axis=(3, 5))))
        torch.testing.assert_close(verdict.logits[index], alone.logits[0])
        for one, other in zip(verdict.features[3 * index :], alone.features, strict=False):
            torch.testing.assert_close(one, other)
    assert len(verdict.features) == 9
    # Each has weights of its own.
    one = PatchSpec(4, 2, "none").build(3)
    assert parameters(discriminator) == 3 * parameters(one)


def test_the_coarsest_scale_sees_four_times_as_far() -> None:
    spec = MultiscaleSpec(4, 1, "none", scales=3)
    discriminator = spec.build(1)
    picture = random(1, 1, 160, 160).requires_grad_()
    for index, logits in enumerate(discriminator(picture).logits):
        middle = logits.shape[-1] // 2
        [gradient] = torch.autograd.grad(logits[0, 0, middle, middle], picture, retain_graph=True)
        columns = gradient[0, 0].abs().sum(dim=0).nonzero()
        assert int(columns[-1] - columns[0]) + 1 == spec.receptive_field * 2**index == 16 << index


def test_feature_matching_is_equation_4_over_the_number_of_layers() -> None:
    torch.manual_seed(0)
    discriminator = MultiscaleSpec(4, 3, "none", scales=2).build(3).eval()
    real, fake = (discriminator(random(2, 3, 64, 64, seed=seed)).features for seed in (0, 1))
    total = 0.0
    for one, other in zip(real, fake, strict=True):
        one, other = one.detach().double().numpy(), other.detach().double().numpy()
        # Equation 4: for each layer the L1 distance over its number of elements.
        total += np.abs(one - other).sum() / one.size
    matched = float(layer_matching(real, fake).detach())
    assert len(real) == 2 * 4
    assert matched == pytest.approx(total / (2 * 4), rel=1e-5)


def test_what_is_refused() -> None:
    with pytest.raises(TableError, match="scales: got 0; allowed: 1 to 6"):
        MultiscaleSpec(scales=0)
