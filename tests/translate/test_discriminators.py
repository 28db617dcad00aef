"""Every registered discriminator: verdicts, gradients, reloading, layouts and precisions."""

from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from translate.discriminators.dcgan import DCGANSpec
from translate.discriminators.multiscale import MultiscaleSpec
from translate.discriminators.patch import PatchSpec
from translate.discriminators.progressive import ProgressiveSpec
from translate.discriminators.projection import ProjectionSpec
from translate.discriminators.registry import DISCRIMINATORS, Verdict
from translate.discriminators.resnet19 import ResNet19Spec
from translate.discriminators.sagan import SAGANSpec
from translate.layers.attention import SelfAttention
from translate.layers.growing import Growing
from translate.layers.minibatch import MinibatchDiscrimination, MinibatchStddev

SIZE = 32
SPECS: list[Any] = [
    PatchSpec(4, 2),
    PatchSpec(4, 2, "layer", down="max", attention=(1,), diversity="stddev"),
    MultiscaleSpec(4, 2, scales=2),
    MultiscaleSpec(4, 2, "instance", down="average", scales=1),
    ProjectionSpec(4, 2, classes=2),
    ProjectionSpec(4, 2, "none", down="max", attention=(2,), diversity="stddev", classes=2),
    DCGANSpec(SIZE, 16),
    DCGANSpec(SIZE, 16, "spectral", down="average", attention=(4, 16), diversity="stddev"),
    DCGANSpec(SIZE, 16, "layer", down="max", activation="selu", diversity="discrimination"),
    DCGANSpec(SIZE, 16, "instance", activation="relu"),
    DCGANSpec(SIZE, 16, "equalized", activation="elu"),
    ResNet19Spec(SIZE, 4),
    ResNet19Spec(SIZE, 4, "layer", down="max", activation="leaky", diversity="stddev"),
    ResNet19Spec(SIZE, 4, "batch", attention=(8, 16), diversity="discrimination"),
    ResNet19Spec(SIZE, 4, "instance", down="stride", activation="tanh"),
    ResNet19Spec(SIZE, 4, "none", activation="gelu"),
    SAGANSpec(SIZE, 4, attention=(16,)),
    SAGANSpec(SIZE, 4, "layer", down="stride", attention=(8,), diversity="stddev"),
    SAGANSpec(SIZE, 4, "equalized", down="max", activation="leaky", attention=()),
    SAGANSpec(SIZE, 4, "none", attention=(), diversity="discrimination"),
    ProgressiveSpec(SIZE, 8),
    ProgressiveSpec(SIZE, 8, "spectral", diversity="discrimination"),
    ProgressiveSpec(SIZE, 8, "none", diversity="none"),
]
IDS = [f"{spec.kind}-{index}" for index, spec in enumerate(SPECS)]
DIVERSE = [spec for spec in SPECS if spec.diversity != "none"]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def build(spec: Any, reads: int = 5, seed: int = 0) -> nn.Module:
    """The module, with weights in which few channels do not fade out.

    Attention is opened: at gamma = 0 what it gathers has no gradient.
    """
    torch.manual_seed(seed)
    discriminator = spec.build(reads)
    for module in discriminator.modules():
        free = isinstance(module, (nn.Conv2d, nn.Linear)) and not is_parametrized(module)
        if free:
            nn.init.kaiming_normal_(cast(Tensor, module.weight))
        if isinstance(module, SelfAttention):
            nn.init.constant_(module.gamma, 0.5)
    return discriminator


def test_every_kind_is_tested_here() -> None:
    assert {spec.kind for spec in SPECS} == set(DISCRIMINATORS)


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_verdicts(spec: Any) -> None:
    verdict = build(spec)(random(4, 5, SIZE, SIZE))
    assert isinstance(verdict, Verdict)
    for logits in verdict.logits:
        assert logits.shape[:2] == (4, 1)
        assert logits.dim() in (2, 4)
    # Features for matching: several layers, from fine to coarse, a row for each picture.
    assert len(verdict.features) >= 3
    layers = len(verdict.features) // len(verdict.logits)
    for scale in range(len(verdict.logits)):
        of_scale = verdict.features[scale * layers : (scale + 1) * layers]
        sizes = [features[0, 0].numel() for features in of_scale]
        assert sizes == sorted(sizes, reverse=True)
    for features in verdict.features:
        assert features.shape[0] == 4
        assert features.dim() in (2, 4)
        assert torch.isfinite(features).all()


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_every_weight_learns(spec: Any) -> None:
    discriminator = build(spec)
    picture = random(4, 5, SIZE, SIZE).requires_grad_()
    verdict = discriminator(picture)
    loss = torch.stack([(1 - logits).square().mean() for logits in verdict.logits]).sum()
    loss.backward()
    for name, parameter in discriminator.named_parameters():
        if isinstance(discriminator, Growing) and is_past(name, discriminator):
            continue
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    # The generator learns through it, from every picture and channel.
    assert picture.grad is not None
    assert (picture.grad.abs().sum(dim=(2, 3)) > 0).all()


def is_past(name: str, network: Growing) -> bool:
    """Whether a weight let pictures in while an inner level was the outermost."""
    layer, level = name.split(".")[:2]
    return layer == "enter" and int(level) < network.depths - 1


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_features_reach_back_to_the_picture(spec: Any) -> None:
    discriminator = build(spec).eval()
    picture = random(2, 5, SIZE, SIZE).requires_grad_()
    for features in discriminator(picture).features:
        [gradient] = torch.autograd.grad(features.square().mean(), picture, retain_graph=True)
        assert gradient.abs().sum() > 0


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_reloading_layouts_and_precisions(spec: Any) -> None:
    discriminator, other = build(spec).eval(), build(spec, seed=1).eval()
    picture = random(4, 5, SIZE, SIZE)
    wide = discriminator(picture)
    assert not torch.equal(other(picture).logits[0], wide.logits[0])
    other.load_state_dict(discriminator.state_dict())
    again = other(picture)
    for one, two in zip(
        [*wide.logits, *wide.features], [*again.logits, *again.features], strict=True
    ):
        assert torch.equal(one, two)
    other.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    turned = other(picture.contiguous(memory_format=torch.channels_last))
    for one, two in zip(wide.logits, turned.logits, strict=True):
        assert torch.allclose(one, two, rtol=1e-4, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        half = discriminator(picture)
    for one, two in zip(wide.logits, half.logits, strict=True):
        assert torch.allclose(one, two.float(), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_the_condition_counts(spec: Any) -> None:
    discriminator = build(spec, reads=3 + 2).eval()
    picture, planes = random(2, 3, SIZE, SIZE), torch.eye(2)[:, :, None, None]
    asked = planes.expand(-1, -1, SIZE, SIZE)
    one = discriminator(torch.cat([picture, asked], dim=1)).logits[0]
    two = discriminator(torch.cat([picture, asked.flip(0)], dim=1)).logits[0]
    assert not torch.allclose(one, two, rtol=1e-4, atol=0)


@pytest.mark.parametrize("spec", DIVERSE, ids=lambda spec: f"{spec.kind}-{spec.diversity}")
def test_diversity_sees_the_other_pictures(spec: Any) -> None:
    discriminator = build(spec).eval()
    layer = MinibatchStddev if spec.diversity == "stddev" else MinibatchDiscrimination
    assert sum(isinstance(module, layer) for module in discriminator.modules()) == 1
    pictures = random(4, 5, SIZE, SIZE)
    alike = pictures[:1].expand(4, -1, -1, -1)
    # The same picture, once among others and once among its copies.
    among, collapsed = discriminator(pictures).logits[0], discriminator(alike).logits[0]
    assert not torch.allclose(among[0], collapsed[0], rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    "spec", [spec for spec in SPECS if spec.diversity == "none"], ids=lambda spec: spec.kind
)
def test_without_diversity_a_picture_is_judged_alone(spec: Any) -> None:
    discriminator = build(spec).eval()
    pictures = random(4, 5, SIZE, SIZE)
    together, alone = discriminator(pictures).logits[0][:1], discriminator(pictures[:1]).logits[0]
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_penalties_can_differentiate_twice(spec: Any) -> None:
    discriminator = build(spec).double()
    picture = random(2, 5, SIZE, SIZE).double().requires_grad_()
    total = torch.stack([logits.sum() for logits in discriminator(picture).logits]).sum()
    [gradient] = torch.autograd.grad(total, picture, create_graph=True)
    gradient.square().sum().backward()
    touched = [one.grad for one in discriminator.parameters() if one.grad is not None]
    assert all(torch.isfinite(one).all() for one in touched)
    assert sum(float(one.abs().sum()) > 0 for one in touched) > 3
