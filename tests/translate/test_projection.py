"""The projection discriminator: its equation, its classes, what it refuses."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from translate.discriminators import DISCRIMINATORS
from translate.discriminators.projection import ProjectionSpec
from translate.tables import TableError, parse


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def planes(classes: list[int], count: int, side: int) -> Tensor:
    """One-hot planes in the network's range: 1 of the class, -1 of the others."""
    one_hot = torch.eye(count)[classes] * 2 - 1
    return one_hot[:, :, None, None].expand(-1, -1, side, side)


def test_equation_3_at_each_position() -> None:
    torch.manual_seed(0)
    discriminator = ProjectionSpec(2, 0, "none", classes=3).build(2 + 3)
    for parameter in discriminator.parameters():
        nn.init.normal_(parameter)
    picture = random(2, 2, 2, 2)
    [logits], _ = discriminator(torch.cat([picture, planes([2, 0], 3, 2)], dim=1))
    # All convolutions of "layers = 0" are of 1x1: a network at each pixel, here in numpy.
    state = {name: one.detach().double().numpy() for name, one in discriminator.named_parameters()}
    phi = picture.double().numpy().transpose(0, 2, 3, 1)
    for layer in (0, 1):
        weight = state[f"layers.{layer}.0.weight"][:, :, 0, 0]
        phi = phi @ weight.T + state[f"layers.{layer}.0.bias"]
        phi = np.where(phi > 0, phi, 0.2 * phi)
    embedding = state["embed.weight"][:, :, 0, 0]
    for item, label in enumerate([2, 0]):
        psi = phi[item] @ state["leave.weight"][0, :, 0, 0] + state["leave.bias"][0]
        expected = psi + phi[item] @ embedding[:, label]
        np.testing.assert_allclose(logits[item, 0].detach().numpy(), expected, rtol=1e-5, atol=1e-5)


def test_features_are_of_the_picture_alone() -> None:
    discriminator = ProjectionSpec(4, 2, classes=3).build(3 + 3).eval()
    picture = random(1, 3, 16, 16)
    one, two = (
        discriminator(torch.cat([picture, planes([label], 3, 16)], dim=1)) for label in (0, 1)
    )
    assert not torch.allclose(one.logits[0], two.logits[0], rtol=1e-3)
    assert all(torch.equal(*pair) for pair in zip(one.features, two.features, strict=True))


def test_spectral_normalization_bounds_the_embedding_too() -> None:
    torch.manual_seed(0)
    discriminator = ProjectionSpec(4, 2, classes=3).build(3 + 3)
    shown = torch.cat([random(1, 3, 16, 16), planes([0], 3, 16)], dim=1)
    for _ in range(100):
        discriminator(shown)
    discriminator.eval()
    layers = [one for one in discriminator.modules() if isinstance(one, nn.Conv2d)]
    assert discriminator.embed in layers
    for layer in layers:
        largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
        assert float(largest) == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize(("layers", "field"), [(0, 1), (1, 10), (2, 22), (3, 46)])
def test_a_logit_sees_its_receptive_field(layers: int, field: int) -> None:
    spec = ProjectionSpec(8, layers, "none", classes=2)
    # One 4x4 convolution less than the patch discriminator: 4, then twice as many and 2 each.
    assert spec.receptive_field == field
    picture = random(1, 1, 96, 96).requires_grad_()
    [logits], _ = spec.build(3)(torch.cat([picture, planes([0], 2, 96)], dim=1))
    middle = logits.shape[-1] // 2
    [gradient] = torch.autograd.grad(logits[0, 0, middle, middle], picture)
    columns = gradient[0, 0].abs().sum(dim=0).nonzero()
    assert int(columns[-1] - columns[0]) + 1 == field


def test_what_is_refused() -> None:
    with pytest.raises(TableError, match=r"d\.classes: missing; a whole number is needed"):
        DISCRIMINATORS.parse({"kind": "projection"}, "d")
    with pytest.raises(TableError, match=r"d\.classes: got 1; allowed: 2 or more"):
        parse(ProjectionSpec, {"classes": 1}, "d")
    with pytest.raises(TableError) as error:
        ProjectionSpec(classes=10).build(10)
    assert str(error.value) == (
        "classes: got 10; allowed: fewer than the 10 channels that it is shown, the last of them "
        "the classes"
    )
