"""How weights and pictures lie on a device."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from translate import hardware
from translate.batches import Batch
from translate.hardware import channels_last_pays, laid_out
from translate.layers.normalization import channels_last

CPU = torch.device("cpu")


def random(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("avx512", [True, False])
def test_processors_with_avx512_take_channels_last(
    monkeypatch: pytest.MonkeyPatch, avx512: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_supported", lambda: avx512)
    assert channels_last_pays(CPU) == avx512


def test_gpus_of_nvidia_take_channels_last_and_others_the_order_of_torch() -> None:
    assert channels_last_pays(torch.device("cuda"))
    assert not channels_last_pays(torch.device("mps"))


@pytest.mark.parametrize("pays", [True, False])
def test_pictures_kernels_features_and_gradients_lie_alike(
    monkeypatch: pytest.MonkeyPatch, pays: bool
) -> None:
    monkeypatch.setattr(hardware, "channels_last_pays", lambda device: pays)
    # Values are those of before, whatever the order was.
    for turned in (random(2, 3, 8, 8), random(2, 8, 8, 3).permute(0, 3, 1, 2)):
        pictures = Batch({"source": turned, "gesture": torch.tensor([1, 0])}, 1).on(CPU).views
        assert torch.equal(pictures["source"], turned)
        assert pictures["gesture"].tolist() == [1, 0]
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(), nn.Conv2d(4, 5, 3))
        network = laid_out(network, CPU)
        features = network(pictures["source"])
        features.square().sum().backward()
        kernels = [layer.weight for layer in network if isinstance(layer, nn.Conv2d)]
        gradients = [kernel.grad for kernel in kernels if kernel.grad is not None]
        assert len(gradients) == len(kernels) == 2
        for each in (pictures["source"], features, *kernels, *gradients):
            assert channels_last(each) == pays
