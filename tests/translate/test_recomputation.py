"""Gradient checkpointing: every kind learns the same to the bit, and keeps fewer bytes for it."""

import copy
from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from tests.translate.test_generators import IDS as OF_PICTURES_IDS
from tests.translate.test_generators import SPECS as OF_PICTURES
from tests.translate.test_noise_generators import IDS as FROM_NOISE_IDS
from tests.translate.test_noise_generators import SPECS as FROM_NOISE
from tests.translate.test_progressive import IDS as GROWING_IDS
from tests.translate.test_progressive import SPECS as GROWING
from translate.generators import GENERATORS
from translate.generators.translation_unet import TranslationUNetSpec
from translate.layers.virtual_batch import VirtualBatchNorm, reference
from translate.recomputation import Segmented, recompute

SPECS: list[Any] = [*OF_PICTURES, *FROM_NOISE, *GROWING]
IDS = [*OF_PICTURES_IDS, *FROM_NOISE_IDS, *GROWING_IDS]
READS = 10


def both(spec: Any) -> tuple[nn.Module, nn.Module]:
    """The same network twice; the second one computes again."""
    torch.manual_seed(0)
    plain = spec.build(READS, 3)
    again = copy.deepcopy(plain)
    assert isinstance(again, Segmented)
    recompute(again)
    return plain, cast(nn.Module, again)


def given(spec: Any, batch: int = 2) -> Tensor:
    side = 1 if spec.scale >= 8 else 16
    if hasattr(spec, "depths") and spec.scale == 1:
        side = spec.size
    return torch.rand(batch, READS, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def loss_of(made: Tensor | tuple[Tensor, ...]) -> Tensor:
    parts = made if isinstance(made, tuple) else (made,)
    return torch.stack([(part - 0.3).square().mean() for part in parts]).sum()


def learn(network: nn.Module, spec: Any, steps: int = 3) -> list[Tensor]:
    """Train, passing twice through the network in a step; returns the last step's gradients."""
    optimizer = torch.optim.Adam(network.parameters(), 1e-2, betas=(0.5, 0.9))
    for step in range(steps):
        torch.manual_seed(step)
        with reference(network, given(spec, 3)):
            # A second pass, as of a cycle, moves the vectors of spectral normalization on between
            # the first one and its backward.
            loss = loss_of(network(given(spec))) + loss_of(network(given(spec).flip(0) / 2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [parameter.grad for parameter in network.parameters() if parameter.grad is not None]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) > 0 and all(map(torch.equal, one, other))


def test_every_kind_names_its_segments() -> None:
    assert {spec.kind for spec in SPECS} == set(GENERATORS)


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_gradients_weights_and_buffers_are_the_same_to_the_bit(spec: Any) -> None:
    plain, again = both(spec)
    names = list(plain.state_dict())
    before = [value.clone() for value in plain.state_dict().values()]
    assert same(learn(plain, spec), learn(again, spec))
    # Weights, the vectors of spectral normalization, running means and their counts.
    assert list(again.state_dict()) == names
    learned = list(plain.state_dict().values())
    assert same(learned, list(again.state_dict().values()))
    assert not same(before, learned)


def kept(network: nn.Module, pass_through: Callable[[nn.Module], Tensor]) -> int:
    """Bytes that the graph of a pass holds, without those of the weights; each storage once."""
    storages: dict[int, int] = {}
    own = {tensor.untyped_storage().data_ptr() for tensor in network.state_dict().values()}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = pass_through(network)
    del loss
    return sum(storages.values())


WORTH = [
    GENERATORS.parse(table, "generator")
    for table in (
        {"kind": "unet", "widths": [8, 12, 16], "blocks": 4},
        {"kind": "level", "channels": 8, "depth": 9},
        {"kind": "pyramid", "channels": 8, "blocks": 8},
        {"kind": "pix2pix", "channels": 8, "depth": 4, "blocks": 1},
        {"kind": "resnet", "channels": 8, "blocks": 9},
        {"kind": "enhancer", "channels": 8, "blocks": 3},
        {"kind": "spade", "channels": 8, "doublings": 3, "hidden": 16},
        {"kind": "dcgan", "size": 64, "channels": 64},
        {"kind": "resnet19", "size": 32, "channels": 8},
        {"kind": "sagan", "size": 64, "channels": 8},
        {"kind": "style", "size": 64, "channels": 16, "style": 16, "noise": 4},
        {"kind": "progressive", "size": 64, "channels": 16},
        {"kind": "progressive_unet", "size": 64, "channels": 16},
    )
]


@pytest.mark.parametrize("spec", WORTH, ids=[spec.kind for spec in WORTH])
def test_fewer_bytes_are_kept(spec: Any) -> None:
    plain, again = (
        kept(network, lambda network: loss_of(network(given(spec)))) for network in both(spec)
    )
    assert again < 0.7 * plain, f"{again / plain:.2f}"


def test_what_is_kept_of_a_chain_by_hand() -> None:
    class Halves(nn.Module):
        """Nine layers, each of which keeps its result (a sigmoid's gradient is made of that)."""

        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(*(nn.Sigmoid() for _ in range(9)))

        def segments(self) -> list[nn.Module]:
            return [self.layers]

        def forward(self, numbers: Tensor) -> Tensor:
            return self.layers(numbers)

    numbers = torch.zeros(100, requires_grad=True)
    plain, again = Halves(), Halves()
    recompute(again)
    # Nine results of 400 bytes; three segments of three keep what they were handed.
    assert kept(plain, lambda network: network(numbers).sum()) == 9 * 400
    assert kept(again, lambda network: network(numbers).sum()) == 3 * 400


def test_dropout_repeats_and_draws_nothing_more() -> None:
    spec = TranslationUNetSpec(4, 3, dropout=0.5, dropped=3)
    plain, again = both(spec)
    ends = []
    for network in (plain, again):
        torch.manual_seed(3)
        loss_of(network(given(spec))).backward()
        ends.append(torch.rand(()))
    assert same(*([p.grad for p in network.parameters()] for network in (plain, again)))  # type: ignore[misc]
    assert torch.equal(*ends)


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_gradients_have_gradients(spec: Any) -> None:
    found = []
    for network in both(spec):
        torch.manual_seed(0)
        picture = given(spec).requires_grad_()
        [slope] = torch.autograd.grad(loss_of(network(picture)), picture, create_graph=True)
        # As a penalty on the slope, once more through a graph that is kept.
        penalty = (slope.square().sum() * 1e3 - 1).square()
        penalty.backward(retain_graph=True)
        penalty.backward()
        found.append([p.grad for p in network.parameters() if p.grad is not None])
    assert same(*found)


def test_the_second_derivative_of_a_sigmoid_by_hand() -> None:
    layers = nn.Sequential(nn.Sigmoid(), nn.Identity())

    class Whole(nn.Module):
        def segments(self) -> list[nn.Module]:
            return [layers]

    recompute(Whole())
    number = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    [slope] = torch.autograd.grad(layers(number), number, create_graph=True)
    [bend] = torch.autograd.grad(slope, number)
    # s (1 - s) (1 - 2 s) at s = 1 / (1 + 1/e).
    assert float(bend) == pytest.approx(-0.0908577476729484, abs=1e-15)


def test_precision_is_that_of_the_first_pass() -> None:
    spec = TranslationUNetSpec(4, 3, norm="spectral")
    gradients = []
    for network in both(spec):
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(network(given(spec)))
        loss.backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
    assert same(*gradients)


def test_without_gradients_nothing_is_kept_aside() -> None:
    spec = GENERATORS.parse({"kind": "dcgan", "size": 32, "channels": 16, "norm": "virtual"}, "g")
    plain, again = both(spec)
    with torch.no_grad():
        assert torch.equal(plain(given(spec)), again(given(spec)))
    copied = copy.deepcopy(again)
    layers = [layer for layer in copied.modules() if isinstance(layer, VirtualBatchNorm)]
    with torch.no_grad():
        # A copy computes with layers of its own.
        nn.init.zeros_(layers[0].weight)
    assert not torch.equal(copied(given(spec)), again(given(spec)))
    assert torch.equal(plain(given(spec)), again(given(spec)))
