"""`pixstack judge`, measures of sets in `pixstack eval`, and reports side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from export.manifest import Input, Manifest, Output
from tests.doors.conftest import Answer
from tests.doors.standins import constant, save, write_denoise
from tests.doors.translations import LABELS, write_facade
from tests.export.test_classifier import write as write_classifier
from tests.photographs import window, write_pictures

Call = Callable[..., Answer]
NAMES = ("astronaut", "coffee")
COUNT = 12


def pictures(folder: Path, size: int = 24, noise: float = 0) -> Path:
    """Windows of two photographs."""
    random = np.random.default_rng(0)
    made = {}
    for index in range(COUNT):
        pixels = window(NAMES[index % 2], size, size, 20 + 15 * index, 40 + 10 * index)
        noisy = pixels + noise * random.normal(size=pixels.shape)
        made[f"{index:02d}.png"] = np.clip(noisy, 0, 255).round().astype(np.uint8)
    return write_pictures(folder, made)


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    return pictures(tmp_path / "targets")


@pytest.fixture
def judge(pixstack: Call, tmp_path: Path) -> Path:
    root = tmp_path / "classes"
    for index, path in enumerate(sorted(pictures(tmp_path / "all").iterdir())):
        folder = root / NAMES[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    path = tmp_path / "judge.safetensors"
    answer = pixstack(
        "judge", root, "-o", path, "--size", "16", "--steps", "20", "--batch", "4", "--json", "-"
    )
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["classes"] == list(NAMES)
    assert (told["learned"], told["held_out"]) == (10, 2)
    assert 0 <= told["accuracy"] <= 1
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "smooth.onnx"
    write_denoise(path)
    return path


def test_measures_of_sets_through_a_judge(
    pixstack: Call, judge: Path, model: Path, targets: Path, tmp_path: Path
) -> None:
    measure = ("eval", model, "--targets", targets, "--sources", targets, "--features", judge)
    report = tmp_path / "smooth.json"
    answer = pixstack(*measure, "--json", report)
    assert answer.code == 0, answer.err
    told = json.loads(report.read_text())
    assert {"model", "images", "protocol", "outputs", "seconds_per_image"} <= told.keys()
    found = told["distribution"]
    assert found["network"]["name"] == "judge"
    assert len(found["network"]["weights"]) == 16
    assert found["images"]["results"] == found["images"]["targets"] == COUNT
    assert found["protocol"]["kid"] == {"subsets": 1, "size": COUNT}
    assert found["measures"]["fid"] > 0
    assert 0 <= found["measures"]["recall"] <= 1
    assert 1 <= found["measures"]["inception_score"] <= 2
    assert len(found["remarks"]) == 1, "fewer pictures than features"
    assert found["network"]["weights"] in answer.out

    # The source left as it is: at no distance, with everything recalled.
    same = pixstack(*measure, "--input", "strength=0", "--json", tmp_path / "same.json")
    assert same.code == 0, same.err
    told = json.loads((tmp_path / "same.json").read_text())["distribution"]["measures"]
    assert told["fid"] == pytest.approx(0, abs=1e-9)
    assert (told["precision"], told["recall"], told["class_agreement"]) == (1, 1, 1)
    assert told["pair_ms_ssim"] == told["pair_ms_ssim_of_targets"]

    both = pixstack("compare", report, tmp_path / "same.json", "--json", "-")
    assert both.code == 0, both.err
    told = json.loads(both.out)
    assert told["fid"]["A"] == found["measures"]["fid"]
    assert told["psnr_rgb"]["B"] == 100


def test_reports_of_different_networks_do_not_compare(
    pixstack: Call, judge: Path, model: Path, targets: Path, tmp_path: Path
) -> None:
    measure = ("eval", model, "--targets", targets, "--sources", targets)
    classifier = write_classifier(tmp_path / "classifier.onnx")
    reports = {}
    for name, features in (
        ("judge", ("--features", judge)),
        ("onnx", ("--features", classifier)),
        ("map", ("--features", classifier, "--layer", "map")),
        ("plain", ()),
    ):
        reports[name] = tmp_path / f"{name}.json"
        answer = pixstack(*measure, *features, "--json", reports[name])
        assert answer.code == 0, answer.err
    for pair, said in (
        (("judge", "onnx"), "distribution.network.features is 128 in one and 5 in the other"),
        (("onnx", "map"), 'distribution.network.layer is "flat" in one and "map" in the other'),
    ):
        answer = pixstack("compare", *(reports[name] for name in pair))
        assert (answer.code, len(answer.err.splitlines())) == (1, 1)
        assert said in answer.err
    # One of them has no measures of sets: what both have compares.
    answer = pixstack("compare", reports["judge"], reports["plain"])
    assert answer.code == 0, answer.err
    assert "psnr_y" in answer.out
    assert "fid" not in answer.out

    others = pictures(tmp_path / "others", noise=20)
    measure = ("eval", model, "--targets", others, "--sources", targets, "--features", judge)
    answer = pixstack(*measure, "--json", reports["plain"])
    assert answer.code == 0, answer.err
    answer = pixstack("compare", reports["judge"], reports["plain"])
    assert "protocol.targets_sha256 is " in answer.err
    (tmp_path / "none.json").write_text("{}")
    answer = pixstack("compare", reports["judge"], tmp_path / "none.json")
    assert "none.json: is not a report of `pixstack eval --json`" in answer.err


def test_ms_ssim_of_each_picture(pixstack: Call, model: Path, targets: Path) -> None:
    measure = ("eval", model, "--targets", targets, "--sources", targets, "--ms-ssim")
    answer = pixstack(*measure, "--input", "strength=0", "--json", "-")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["outputs"]["target"]["ms_ssim_y"] == pytest.approx(1)


def write_labeler(path: Path) -> None:
    """A photograph -> labels of 12: those of which `write_facade` would make this gray."""
    nodes = [
        helper.make_node("ReduceMean", ["source", "channels"], ["gray"], keepdims=1),
        helper.make_node("Mul", ["gray", "most"], ["number"]),
        helper.make_node("Round", ["number"], ["whole"]),
        helper.make_node("Clip", ["whole", "zero", "most"], ["bounded"]),
        helper.make_node("Cast", ["bounded"], ["labels"], to=TensorProto.INT64),
    ]
    weights = [
        constant("channels", np.array([1], np.int64)),
        constant("most", np.array(11, np.float32)),
        constant("zero", np.array(0, np.float32)),
    ]
    palette = tuple(LABELS.values())
    manifest = Manifest(
        name="labeler",
        task="photo",
        inputs=(Input("source", "rgb", range=(0, 1)),),
        outputs=(Output("labels", "labels:12", palette=palette),),
        max_pixels=2**16,
    )
    save(path, nodes, weights, manifest)


def test_labels_are_found_again(pixstack: Call, model: Path, tmp_path: Path) -> None:
    write_facade(tmp_path / "facade.onnx")
    write_labeler(tmp_path / "labeler.onnx")
    palette = np.array(list(LABELS.values()), np.uint8)
    ids = np.arange(12).repeat(48).reshape(24, 24)
    # The targets show the label 0 where half of the labels 11 were drawn.
    shown = ids.copy()
    shown[23] = 0
    for name, pixels in (("A", palette[ids]), ("B", (shown[..., None] * 255 / 11).round())):
        write_pictures(
            tmp_path / name, {"0.png": np.broadcast_to(pixels, (24, 24, 3)).astype(np.uint8)}
        )
    measure = ("eval", tmp_path / "facade.onnx", "--targets", tmp_path / "B")
    measure += ("--sources", tmp_path / "A", "--labeler", tmp_path / "labeler.onnx")
    answer = pixstack(*measure, "--json", "-")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)["label_recovery"]
    assert told["network"]["name"] == "labeler"
    assert told["results"] == {"pixel_accuracy": 1, "class_accuracy": 1, "class_iou": 1}
    # 24 of 576 pixels; half of one class of 12; of the union 24 / 48 and 48 / 72.
    assert told["targets"]["pixel_accuracy"] == pytest.approx(1 - 24 / 576)
    assert told["targets"]["class_accuracy"] == pytest.approx(1 - 0.5 / 12)
    assert told["targets"]["class_iou"] == pytest.approx((10 + 0.5 + 48 / 72) / 12)
    answer = pixstack(
        "eval", model, "--targets", tmp_path / "B", "--labeler", tmp_path / "labeler.onnx"
    )
    assert (answer.code, len(answer.err.splitlines())) == (2, 1)
    assert "writes labels:12, but the model measured reads rgb" in answer.err


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("--features", "typo"), 1, "--features typo: no such file; expected inception, vgg"),
        (("--features", "inception"), 1, "pt_inception-2015-12-05-6726825d.pth"),
        (("--features", "vgg"), 1, "vgg16-397923af.pth: no file was given"),
        (("--features", "inception", "--layer", "x"), 2, "--layer and --pixels are of class"),
        (("--layer", "x"), 2, "--layer and --pixels are of --features FILE.onnx"),
        (("--lpips", "alexnet"), 1, "alexnet-owt-7be5be79.pth"),
        (("--lpips", "squeeze"), 1, "--lpips squeeze: no such file; expected vgg, alexnet"),
        (("--labeler", "squeeze"), 1, "no model is named 'squeeze'"),
    ],
)
def test_networks_that_are_not_there(
    pixstack: Call,
    model: Path,
    targets: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    answer = pixstack("eval", model, "--targets", targets, *given)
    assert answer.code == code
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1


def test_too_few_pictures_for_measures_of_sets(
    pixstack: Call, judge: Path, model: Path, targets: Path, tmp_path: Path
) -> None:
    (tmp_path / "names.txt").write_text("00\n01\n")
    measure = ("eval", model, "--targets", targets, "--names", tmp_path / "names.txt")
    answer = pixstack(*measure, "--features", judge)
    assert answer.code == 1
    assert "measures of sets need 4 pictures or more; got 2" in answer.err


def test_judge_refuses_in_one_line(pixstack: Call, targets: Path, tmp_path: Path) -> None:
    for folder, name, code, said in (
        (targets, "judge.safetensors", 1, "holds 0 folders; a judge needs two or more"),
        (targets, "judge.pth", 2, "expected the name of a .safetensors file"),
        (tmp_path / "none", "judge.safetensors", 1, "no such folder"),
    ):
        answer = pixstack("judge", folder, "-o", tmp_path / name)
        assert (answer.code, len(answer.err.splitlines())) == (code, 1)
        assert said in answer.err


def test_gray_targets_are_measured_too(pixstack: Call, judge: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gray"
    folder.mkdir()
    for index in range(5):
        pixels = window("chelsea", 16, 16, 10 * index)[..., 0]
        Image.fromarray(pixels).save(folder / f"{index}.png")
    write_denoise(tmp_path / "smooth.onnx")
    answer = pixstack("eval", tmp_path / "smooth.onnx", "--targets", folder, "--features", judge)
    assert answer.code == 0, answer.err
