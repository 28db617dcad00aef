"""Networks that measures look through, with random weights under the true names."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics.functional.image.lpips as reference
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.photographs import window
from translate.features import inception
from translate.features.network import DEVIATION, MEAN, fit
from translate.features.plain import ALEXNET, VGG16, Plan
from translate.features.published import open_plain, open_published
from translate.features.weights import fingerprint
from translate.metrics.lpips import Lpips

CPU = torch.device("cpu")
Tensors = dict[str, Tensor]

# Szegedy et al. 2016 as torchvision names it: block -> branch -> (writes, height, width) of each
# convolution behind the block's input; "name<other" reads what another one wrote.
SMALL = {
    "branch1x1": (64, 1, 1), "branch5x5_1": (48, 1, 1), "branch5x5_2<branch5x5_1": (64, 5, 5),
    "branch3x3dbl_1": (64, 1, 1), "branch3x3dbl_2<branch3x3dbl_1": (96, 3, 3),
    "branch3x3dbl_3<branch3x3dbl_2": (96, 3, 3),
}  # fmt: skip
WIDE = {
    "branch1x1": (320, 1, 1), "branch3x3_1": (384, 1, 1),
    "branch3x3_2a<branch3x3_1": (384, 1, 3), "branch3x3_2b<branch3x3_1": (384, 3, 1),
    "branch3x3dbl_1": (448, 1, 1), "branch3x3dbl_2<branch3x3dbl_1": (384, 3, 3),
    "branch3x3dbl_3a<branch3x3dbl_2": (384, 1, 3), "branch3x3dbl_3b<branch3x3dbl_2": (384, 3, 1),
    "branch_pool": (192, 1, 1),
}  # fmt: skip
Branches = dict[str, tuple[int, int, int]]


def long(middle: int) -> Branches:
    return {
        "branch1x1": (192, 1, 1), "branch7x7_1": (middle, 1, 1),
        "branch7x7_2<branch7x7_1": (middle, 1, 7), "branch7x7_3<branch7x7_2": (192, 7, 1),
        "branch7x7dbl_1": (middle, 1, 1), "branch7x7dbl_2<branch7x7dbl_1": (middle, 7, 1),
        "branch7x7dbl_3<branch7x7dbl_2": (middle, 1, 7),
        "branch7x7dbl_4<branch7x7dbl_3": (middle, 7, 1),
        "branch7x7dbl_5<branch7x7dbl_4": (192, 1, 7), "branch_pool": (192, 1, 1),
    }  # fmt: skip


STEM = {
    "Conv2d_1a_3x3": (3, 32, 3), "Conv2d_2a_3x3": (32, 32, 3), "Conv2d_2b_3x3": (32, 64, 3),
    "Conv2d_3b_1x1": (64, 80, 1), "Conv2d_4a_3x3": (80, 192, 3),
}  # fmt: skip
BLOCKS: dict[str, tuple[int, Branches]] = {
    "Mixed_5b": (192, {**SMALL, "branch_pool": (32, 1, 1)}),
    "Mixed_5c": (256, {**SMALL, "branch_pool": (64, 1, 1)}),
    "Mixed_5d": (288, {**SMALL, "branch_pool": (64, 1, 1)}),
    "Mixed_6a": (288, {
        "branch3x3": (384, 3, 3), "branch3x3dbl_1": (64, 1, 1),
        "branch3x3dbl_2<branch3x3dbl_1": (96, 3, 3), "branch3x3dbl_3<branch3x3dbl_2": (96, 3, 3),
    }),
    "Mixed_6b": (768, long(128)), "Mixed_6c": (768, long(160)), "Mixed_6d": (768, long(160)),
    "Mixed_6e": (768, long(192)),
    "Mixed_7a": (768, {
        "branch3x3_1": (192, 1, 1), "branch3x3_2<branch3x3_1": (320, 3, 3),
        "branch7x7x3_1": (192, 1, 1), "branch7x7x3_2<branch7x7x3_1": (192, 1, 7),
        "branch7x7x3_3<branch7x7x3_2": (192, 7, 1), "branch7x7x3_4<branch7x7x3_3": (192, 3, 3),
    }),
    "Mixed_7b": (1280, WIDE), "Mixed_7c": (2048, WIDE),
}  # fmt: skip


def normalized(tensors: Tensors, name: str, shape: tuple[int, ...], scale: float) -> None:
    """A convolution and what normalizes behind it."""
    generator = torch.Generator().manual_seed(len(tensors))
    fan = shape[1] * shape[2] * shape[3]
    tensors[f"{name}.conv.weight"] = scale * torch.randn(shape, generator=generator) / fan**0.5
    for part, value in (("weight", 1.0), ("bias", 0.1), ("running_mean", 0), ("running_var", 1)):
        tensors[f"{name}.bn.{part}"] = torch.full((shape[0],), float(value))
    tensors[f"{name}.bn.num_batches_tracked"] = torch.tensor(1)


def inception_state(outputs: int, narrow: int = 1) -> Tensors:
    """Random weights, all channels divided by ``narrow``."""
    tensors: Tensors = {}
    for name, (reads, writes, side) in STEM.items():
        given = reads if reads == 3 else reads // narrow
        normalized(tensors, name, (writes // narrow, given, side, side), 1.4)
    for block, (reads, branches) in BLOCKS.items():
        widths = {branch.split("<")[0]: writes for branch, (writes, _, _) in branches.items()}
        for branch, (writes, height, width) in branches.items():
            name, _, before = branch.partition("<")
            given = widths[before] if before else reads
            shape = (writes // narrow, given // narrow, height, width)
            normalized(tensors, f"{block}.{name}", shape, 1.4)
    generator = torch.Generator().manual_seed(1)
    tensors["fc.weight"] = torch.randn(outputs, 2048 // narrow, generator=generator) / 10
    tensors["fc.bias"] = torch.ones(outputs)
    return tensors


def plain_state(plan: Plan, widths: tuple[int, ...], hidden: int = 12, outputs: int = 5) -> Tensors:
    """Random weights of VGG-16 or AlexNet."""
    generator = torch.Generator().manual_seed(0)
    kernels = (11, 5, 3, 3, 3) if plan is ALEXNET else (3,) * 13
    tensors: Tensors = {}
    reads = 3
    for number, writes, side in zip(plan.convolutions, widths, kernels, strict=True):
        weight = torch.randn(writes, reads, side, side, generator=generator)
        tensors[f"features.{number}.weight"] = weight / (reads * side**2) ** 0.5 * 1.4
        tensors[f"features.{number}.bias"] = torch.randn(writes, generator=generator) / 10
        reads = writes
    sizes = (reads * plan.pooled**2, hidden, hidden, outputs)
    for number, given, writes in zip(plan.linear, sizes, sizes[1:], strict=False):
        weight = torch.randn(writes, given, generator=generator) / given**0.5
        tensors[f"classifier.{number}.weight"] = weight
        tensors[f"classifier.{number}.bias"] = torch.randn(writes, generator=generator)
    return tensors


ALEX_WIDTHS, VGG_WIDTHS = (6, 8, 7, 5, 4), (2, 3, 4, 3, 4, 5, 4, 3, 5, 4, 4, 3, 6)


def alexnet(widths: tuple[int, ...]) -> nn.Sequential:
    """The convolutions as torchvision puts them together."""
    one, two, three, four, five = widths
    return nn.Sequential(
        nn.Conv2d(3, one, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(one, two, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(two, three, 3, padding=1), nn.ReLU(),
        nn.Conv2d(three, four, 3, padding=1), nn.ReLU(),
        nn.Conv2d(four, five, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    )  # fmt: skip


def vgg16(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    reads = 3
    for index, writes in enumerate(widths, start=1):
        layers += [nn.Conv2d(reads, writes, 3, padding=1), nn.ReLU()]
        reads = writes
        if index in (2, 4, 7, 10, 13):
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def photographs(height: int = 64, width: int = 64) -> Tensor:
    pictures = np.stack([window(name, height, width) for name in ("astronaut", "coffee")])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def test_it_is_inception_v3() -> None:
    tensors = inception_state(1000)
    learned = [one for name, one in tensors.items() if "running" not in name and one.ndim]
    # torchvision counts 27 161 264; its auxiliary classifier, not used here, has 3 326 696.
    assert sum(tensor.numel() for tensor in learned) == 27_161_264 - 3_326_696


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inception")
    for outputs in (1008, 1000):
        torch.save(inception_state(outputs, 16), folder / f"{outputs}.pth")
    return folder


def test_inception_runs_and_says_which_it_is(narrow: Path) -> None:
    pictures = fit(photographs(), 299)
    told = {}
    for outputs in (1008, 1000):
        network = open_published(narrow / f"{outputs}.pth", CPU)
        seen = network.see(pictures)
        assert seen.features.shape == (2, 128)
        assert seen.logits is not None
        assert seen.logits.shape == (2, outputs)
        assert not torch.equal(seen.features[0], seen.features[1])
        # One by one is as together: nothing is normalized by the batch.
        assert torch.allclose(network.see(pictures[1:]).features, seen.features[1:], atol=1e-5)
        told[outputs] = network.identity
        weight = inception_state(outputs, 16)["fc.weight"]
        bias = 0 if outputs == 1008 else 1
        assert torch.allclose(seen.logits, seen.features @ weight.T + bias, atol=1e-4)
    assert told[1008].name == "inception-2015-12-05"
    assert told[1000].name == "inception-v3"
    assert told[1008].weights == fingerprint(narrow / "1008.pth")
    assert told[1008].describe()["input"].startswith("299x299")


def test_maps_of_inception_have_the_sides_of_the_paper(narrow: Path) -> None:
    network = open_published(narrow / "1008.pth", CPU)
    assert isinstance(network, inception.Inception)
    sides: dict[str, int] = {}
    convolve = network.convolve

    def note(values: Tensor, name: str, stride: int = 1, pad: bool = True) -> Tensor:
        result = convolve(values, name, stride, pad)
        sides[name] = result.shape[2]
        return result

    network.convolve = note
    network.features(torch.zeros(1, 3, 299, 299))
    expected = {
        "Conv2d_1a_3x3": 149, "Conv2d_2a_3x3": 147, "Conv2d_2b_3x3": 147, "Conv2d_4a_3x3": 71,
        "Mixed_5b.branch1x1": 35, "Mixed_6a.branch3x3": 17, "Mixed_6e.branch7x7_3": 17,
        "Mixed_7a.branch3x3_2": 8, "Mixed_7c.branch_pool": 8,
    }  # fmt: skip
    assert {name: sides[name] for name in expected} == expected


def test_published_weights_pool_without_the_border(narrow: Path) -> None:
    ones = torch.ones(1, 1, 4, 4)
    published, other = (open_published(narrow / f"{n}.pth", CPU) for n in (1008, 1000))
    assert isinstance(published, inception.Inception)
    assert isinstance(other, inception.Inception)
    assert torch.equal(published.mean(ones), ones)
    assert other.mean(ones)[0, 0, 0, 0] == pytest.approx(4 / 9)
    peak = torch.zeros(1, 1, 5, 5)
    peak[0, 0, 2, 2] = 9
    assert published.last_pooling(peak).sum() == 81
    assert other.last_pooling(peak).sum() == pytest.approx(9)


@pytest.mark.parametrize(
    ("plan", "widths", "build"),
    [(ALEXNET, ALEX_WIDTHS, alexnet), (VGG16, VGG_WIDTHS, vgg16)],
)
def test_plain_networks_are_those_of_modules(
    plan: Plan, widths: tuple[int, ...], build, tmp_path: Path
) -> None:
    state = plain_state(plan, widths)
    save_file(state, tmp_path / "weights.safetensors")
    network = open_published(tmp_path / "weights.safetensors", CPU)
    assert network.identity.name == plan.name
    features = build(widths)
    inner = {name[9:]: one for name, one in state.items() if name.startswith("features.")}
    features.load_state_dict(inner)
    pictures = fit(photographs(), 224)
    mean, deviation = (torch.tensor(one)[:, None, None] for one in (MEAN, DEVIATION))
    first, second, third = (
        nn.utils.skip_init(nn.Linear, *reversed(state[f"classifier.{number}.weight"].shape))
        for number in plan.linear
    )
    for layer, number in zip((first, second, third), plan.linear, strict=True):
        layer.weight.data = state[f"classifier.{number}.weight"]
        layer.bias.data = state[f"classifier.{number}.bias"]
    pooled = nn.AdaptiveAvgPool2d(plan.pooled)(features((pictures - mean) / deviation))
    expected = second(first(pooled.flatten(1)).relu()).relu()
    seen = network.see(pictures)
    assert expected.abs().mean() > 0.01
    assert torch.allclose(seen.features, expected, atol=1e-5)
    assert seen.logits is not None
    assert torch.allclose(seen.logits, third(expected), atol=1e-5)


@pytest.mark.parametrize(
    ("plan", "short", "widths", "build"),
    [
        (ALEXNET, "alex", (64, 192, 384, 256, 256), alexnet),
        (VGG16, "vgg", (64,) * 2 + (128,) * 2 + (256,) * 3 + (512,) * 6, vgg16),
    ],
)
def test_lpips_is_torchmetrics(
    plan: Plan,
    short,
    widths: tuple[int, ...],
    build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "weights.pth"
    state = plain_state(plan, widths)
    convolutions = {name: one for name, one in state.items() if name.startswith("features.")}
    torch.save(convolutions, path)
    features = build(widths)
    features.load_state_dict({name[9:]: one for name, one in convolutions.items()})
    # Theirs takes the network from torchvision; here from the modules above.
    monkeypatch.setattr(reference, "_get_tv_model_features", lambda net, pretrained: features)
    theirs = reference._LPIPS(pretrained=True, net=short, pnet_rand=True)
    target = photographs(70, 66)
    result = (target + 0.2 * torch.rand(target.shape)).clamp(0, 1)
    expected = theirs(result, target, normalize=True).flatten()
    lpips = Lpips(open_plain(path, CPU))
    assert expected.min() > 1e-3
    assert lpips(result, target).tolist() == pytest.approx(expected.tolist(), rel=1e-3)
    assert lpips(target, target).tolist() == [0, 0]
    assert lpips.describe()["name"] == f"lpips-{plan.name}"


def test_weights_of_lpips_must_fit_the_network(tmp_path: Path) -> None:
    path = tmp_path / "narrow.pth"
    torch.save(plain_state(ALEXNET, ALEX_WIDTHS), path)
    network = open_plain(path, CPU)
    with pytest.raises(ValueError, match="do not go together"):
        Lpips(network)
    torch.save(
        {f"lin{index}.model.1.weight": torch.ones(1, width, 1, 1)
         for index, width in enumerate(ALEX_WIDTHS)},
        tmp_path / "learned.pth",
    )  # fmt: skip
    lpips = Lpips(network, tmp_path / "learned.pth")
    with pytest.raises(ValueError, match="20x10 pixels is too small"):
        lpips(torch.zeros(1, 3, 10, 20), torch.zeros(1, 3, 10, 20))
    gray = photographs()[:, :1]
    colored = gray.expand(-1, 3, -1, -1)
    assert torch.equal(lpips(gray, 1 - gray), lpips(colored, 1 - colored))


def hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(folder / "hub"))
    checkpoints = folder / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    return checkpoints


def test_names_are_found_in_the_cache(
    narrow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = hub(tmp_path, monkeypatch)
    for name in ("inception", "vgg", "alexnet"):
        with pytest.raises(FileNotFoundError) as error:
            open_published(name, CPU)
        assert str(checkpoints) in str(error.value)
        assert "download https://" in str(error.value)
        assert "\n" not in str(error.value)
    (checkpoints / inception.FILES[2]).symlink_to(narrow / "1000.pth")
    assert open_published("inception", CPU).identity.name == "inception-v3"
    # That of the published numbers goes first.
    (checkpoints / inception.FILES[1]).symlink_to(narrow / "1008.pth")
    assert open_published("inception", CPU).identity.name == "inception-2015-12-05"
    torch.save(plain_state(VGG16, VGG_WIDTHS), checkpoints / VGG16.files[0])
    assert open_published("vgg", CPU).identity.layer == "second linear layer"


def test_files_that_hold_something_else(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"features.0.weight": torch.zeros(1, 3, 3, 3)}, path)
    with pytest.raises(ValueError, match=r"unknown network; known: Inception v3, vgg16, alexnet"):
        open_published(path, CPU)
    state = plain_state(ALEXNET, ALEX_WIDTHS)
    torch.save({name: one for name, one in state.items() if name != "classifier.4.bias"}, path)
    with pytest.raises(ValueError, match=r"weights of alexnet: has no 'classifier\.4\.bias'"):
        open_published(path, CPU)
    state["features.3.weight"] = torch.zeros(8, 9, 5, 5)
    torch.save(state, path)
    with pytest.raises(ValueError, match="the tensors do not make alexnet") as error:
        open_published(path, CPU)
    assert "\n" not in str(error.value)


def test_pictures_are_fitted_alike() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 8, 8) / 7
    small = fit(ramp, 2)
    assert small.shape == (1, 3, 2, 2)
    # With antialias each of two pixels weighs all of its side, by a triangle.
    assert small[0, 0, 0, 0] + small[0, 0, 0, 1] == pytest.approx(1)
    checkers = (torch.arange(8) % 2).float().expand(1, 1, 8, 8)
    assert fit(checkers, 2).flatten().tolist() == pytest.approx([0.5] * 12, abs=0.05)
    with pytest.raises(ValueError, match="3 channels or 1; got 2"):
        fit(torch.zeros(1, 2, 4, 4), 2)
