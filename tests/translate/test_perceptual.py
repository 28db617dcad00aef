"""The perceptual distance with a narrow network of known weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.signal import correlate
from torch import Tensor

import translate.terms
from translate.context import StepContext
from translate.losses.perceptual import VGG19, WEIGHTS, Perceptual, Plan, build

NARROW: Plan = ((2, 3), (4, 3), (2, 2, 3, 4), (3, 2, 2, 5), (2, 3, 2, 4))
# torchvision's numbers of the convolutions of vgg19.
NUMBERS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def state() -> dict[str, Tensor]:
    """Weights of the narrow network, and a layer that is not asked for."""
    tensors = {"classifier.0.weight": torch.zeros(2, 2)}
    reads = 3
    for number, writes in zip(NUMBERS, sum(NARROW, ()), strict=True):
        tensors[f"features.{number}.weight"] = random(writes, reads, 3, 3, seed=number) - 0.4
        tensors[f"features.{number}.bias"] = random(writes, seed=number + 1) - 0.5
        reads = writes
    return tensors


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "narrow.pth"
    torch.save(state(), path)
    return path


def convolved(picture: np.ndarray, number: int) -> np.ndarray:
    """A convolution of 3x3 with zeros around, in numpy and SciPy."""
    weight = state()[f"features.{number}.weight"].double().numpy()
    bias = state()[f"features.{number}.bias"].double().numpy()
    padded = np.pad(picture, ((0, 0), (1, 1), (1, 1)))
    planes = [correlate(padded, kernel, mode="valid")[0] for kernel in weight]
    return np.stack(planes) + bias[:, None, None]


def expected_features(picture: Tensor) -> dict[str, np.ndarray]:
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    values = (picture[0].double().numpy() - mean[:, None, None]) / deviation[:, None, None]
    features: dict[str, np.ndarray] = {}
    numbers = iter(NUMBERS)
    for block, widths in enumerate(NARROW, start=1):
        for index in range(1, len(widths) + 1):
            values = convolved(values, next(numbers))
            features[f"conv{block}_{index}"] = values
            values = np.maximum(values, 0)
            features[f"relu{block}_{index}"] = values
        channels, height, width = values.shape
        cut = values[:, : height // 2 * 2, : width // 2 * 2]
        values = cut.reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4))
    return features


def test_it_is_vgg_19() -> None:
    modules = build(VGG19, ["conv5_4"])
    convolutions = [one for one in modules.values() if isinstance(one, torch.nn.Conv2d)]
    assert len(convolutions) == 16
    assert len(modules) == 35, "conv5_4 is features.34, and its activation is not needed"
    # The 143.7 million parameters of Simonyan and Zisserman 2015, table 2 (rounded to 144), are
    # these and three fully connected layers, of 25088, 4096 and 4096 inputs.
    connected = (25088 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    count = sum(parameter.numel() for one in convolutions for parameter in one.parameters())
    assert count == 143_667_240 - connected


@pytest.mark.parametrize("layer", ["conv1_1", "relu1_2", "conv3_3", "relu4_1", "conv5_4"])
@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_the_distance_is_numpys(weights: Path, layer: str, distance: str) -> None:
    fake, truth = random(1, 3, 35, 32, seed=1), random(1, 3, 35, 32, seed=2)
    kind = "l1" if distance == "l1" else "l2"
    network = Perceptual({layer: 1.0}, weights, kind, NARROW).double()
    difference = expected_features(fake)[layer] - expected_features(truth)[layer]
    expected = np.abs(difference).mean() if distance == "l1" else np.square(difference).mean()
    assert expected > 1e-3
    given = network(fake.double(), truth.double())
    assert float(given) == pytest.approx(expected, rel=1e-5)


def test_layers_are_weighed_and_summed(weights: Path) -> None:
    fake, truth = random(2, 3, 16, 16, seed=1), random(2, 3, 16, 16, seed=2)
    first = Perceptual({"conv1_2": 1.0}, weights, plan=NARROW)(fake, truth)
    second = Perceptual({"conv3_3": 1.0}, weights, plan=NARROW)(fake, truth)
    both = Perceptual({"conv3_3": 0.5, "conv1_2": 2.0}, weights, plan=NARROW)
    assert float(both(fake, truth)) == pytest.approx(float(first) * 2 + float(second) / 2)
    assert float(both(truth, truth)) == 0


def test_only_the_fake_learns(weights: Path) -> None:
    network = Perceptual({"conv1_2": 1.0, "conv2_2": 0.3}, weights, plan=NARROW).double()
    fake, truth = random(1, 3, 4, 4, seed=1).double(), random(1, 3, 4, 4, seed=2).double()
    fake.requires_grad_()
    truth.requires_grad_()
    assert torch.autograd.gradcheck(lambda picture: network(picture, truth), fake)
    network(fake, truth).backward()
    assert truth.grad is None
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training


def test_gray_is_three_equal_colors(weights: Path) -> None:
    network = Perceptual({"conv2_1": 1.0}, weights, plan=NARROW)
    fake, truth = random(1, 1, 8, 8, seed=1), random(1, 1, 8, 8, seed=2)
    colored = network(fake.expand(1, 3, 8, 8), truth.expand(1, 3, 8, 8))
    assert float(network(fake, truth)) == float(colored)
    with pytest.raises(ValueError, match="have 3 channels or 1; got 2"):
        network(torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 8, 8))


def test_a_picture_must_be_large_enough(weights: Path) -> None:
    network = Perceptual(file=weights, plan=NARROW)
    assert network(random(1, 3, 16, 17), random(1, 3, 16, 17, seed=1)).isfinite()
    with pytest.raises(ValueError, match=r"conv5_4 need 16x16 pixels or more; .* has 20x15"):
        network(torch.zeros(1, 3, 15, 20), torch.zeros(1, 3, 15, 20))


def test_every_form_of_file(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, truth = random(1, 3, 16, 16, seed=1), random(1, 3, 16, 16, seed=2)
    expected = Perceptual(file=weights, plan=NARROW)(fake, truth)
    # torchvision's own file is in the form from before torch 1.6.
    old = tmp_path / "old.pth"
    torch.save(state(), old, _use_new_zipfile_serialization=False)
    safe = tmp_path / "narrow.safetensors"
    save_file(state(), safe)
    for file in (old, str(safe)):
        assert torch.equal(Perceptual(file=file, plan=NARROW)(fake, truth), expected)
    cache(tmp_path, monkeypatch).write_bytes(weights.read_bytes())
    assert torch.equal(Perceptual(plan=NARROW)(fake, truth), expected)


def cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of torch hub's cache, in a folder of our own."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(folder / "hub"))
    path = folder / "hub" / "checkpoints" / WEIGHTS
    path.parent.mkdir(parents=True)
    return path


def test_weights_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached, given = cache(tmp_path, monkeypatch), tmp_path / "typo.pth"
    with pytest.raises(FileNotFoundError) as error:
        Perceptual(file=given)
    message = str(error.value)
    assert "vgg19-dcbb9e9d.pth" in message
    assert f"{given} does not exist" in message
    assert f"{cached} does not exist" in message
    assert f"download https://download.pytorch.org/models/{WEIGHTS}" in message
    assert "\n" not in message
    with pytest.raises(FileNotFoundError, match="no file was given; in torch hub"):
        Perceptual()
    # Another file is no answer to the one that was named.
    cached.touch()
    with pytest.raises(FileNotFoundError, match="is there; leave out the file to use it"):
        Perceptual(file=given)


def test_files_that_hold_something_else(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"features\.0\.weight \(conv1_1\) must be of shape \(64,"):
        Perceptual(file=weights)
    other = tmp_path / "other.pth"
    torch.save({name: one for name, one in state().items() if "28.bias" not in name}, other)
    with pytest.raises(ValueError, match=r"features\.28\.bias \(conv5_1\) .* found none"):
        Perceptual(file=other, plan=NARROW)
    Perceptual({"conv4_4": 1.0}, other, plan=NARROW)
    for content in (b"", b"no weights", weights.read_bytes()[:100]):
        for name in ("broken.pth", "broken.safetensors"):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(ValueError, match=f"{name}: not a file of weights"):
                Perceptual(file=tmp_path / name, plan=NARROW)
    torch.save([torch.zeros(1)], other)
    with pytest.raises(ValueError, match="expected a table of tensors by name"):
        Perceptual(file=other, plan=NARROW)


def test_a_file_executes_nothing(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # pyright: ignore[reportReturnType]

    path = tmp_path / "trap.pth"
    torch.save({"features.0.weight": Trap()}, path)
    with pytest.raises(ValueError, match="not a file of weights"):
        Perceptual(file=path, plan=NARROW)
    assert not (tmp_path / "sprung").exists()


def test_layers_that_do_not_exist(weights: Path) -> None:
    with pytest.raises(ValueError, match="unknown layer 'conv3_5'; known: conv1_1, relu1_1, conv1"):
        Perceptual({"conv3_5": 1.0}, weights, plan=NARROW)
    with pytest.raises(ValueError, match="unknown layer 'pool1'"):
        Perceptual({"pool1": 1.0}, weights, plan=NARROW)
    with pytest.raises(ValueError, match="no layer is named"):
        Perceptual({}, weights, plan=NARROW)


def test_the_term_asks_the_network_in_the_precision_of_the_step(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Perceptual({"conv2_2": 1.0}, weights, plan=NARROW)
    monkeypatch.setattr(translate.terms, "vgg", lambda file, layers: network)
    inside: list[torch.dtype] = []
    network.network["conv2_2"].register_forward_hook(
        lambda module, args, output: inside.append(output.dtype)
    )
    fake, truth = random(1, 3, 16, 16), random(1, 3, 16, 16, seed=1)
    term = translate.terms.PerceptualTerm(layers=("conv2_2",))
    plain = term.value(StepContext(fake, truth))
    half = term.value(
        StepContext(fake, truth, autocast=lambda: torch.autocast("cpu", torch.bfloat16))
    )
    assert inside == [torch.float32] * 2 + [torch.bfloat16] * 2
    # The distance itself is taken in full precision.
    assert half.dtype == plain.dtype == torch.float32
    assert half != plain
    torch.testing.assert_close(half, plain, rtol=0.02, atol=0)
