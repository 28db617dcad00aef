"""`pixstack eval --keep`: measures in the file that they are of."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from export.manifest import MANIFEST_KEY
from export.runtime import Translator
from pixstack.watching import files_of
from tests.doors.conftest import Answer
from tests.doors.standins import write_super_resolution

Call = Callable[..., Answer]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "mine.onnx"
    write_super_resolution(path)
    return path


def test_measures_are_kept_and_told(pixstack: Call, model: Path, targets: Path) -> None:
    before = onnx.load(model)
    picture = np.random.default_rng(0).random((9, 11, 3), np.float32)
    result = Translator(model, providers="cpu")(picture)
    for scale in (4, 2):
        answer = pixstack(
            "eval", model, "--targets", targets, "--degrade", f"bicubic:{scale}",
            "--keep", f"Two x{scale}", "--json", "-",
        )  # fmt: skip
        assert answer.code == 0, answer.err
        printed = json.loads(answer.out)
        manifest = json.loads(pixstack("info", model, "--json", "-").out)
        kept = manifest["metrics"][f"Two x{scale}"]
        assert kept["outputs"] == printed["outputs"]
        assert kept["protocol"] == printed["protocol"]
        assert kept["images"] == 2
        assert not {"model", "seconds_per_image"} & set(kept), "of one machine"
    assert list(manifest["metrics"]) == ["Two x4", "Two x2"]
    told = " ".join(pixstack("info", model).out.split())
    psnr = kept["outputs"]["x2"]["psnr_y"]
    assert f"measured Two x2: x2: psnr_y {psnr:g}" in told
    assert "of bicubic:2, over 2 pictures" in told
    # The file computes what it did.
    after = onnx.load(model)
    assert after.graph == before.graph
    assert {entry.key for entry in after.metadata_props} >= {MANIFEST_KEY}
    assert np.array_equal(Translator(model, providers="cpu")(picture), result)


def test_measures_of_a_name_are_replaced(pixstack: Call, model: Path, targets: Path) -> None:
    kept = []
    for degradation in ("bicubic:2,noise:5", "bicubic:2,noise:60"):
        answer = pixstack(
            "eval", model, "--targets", targets, "--degrade", degradation, "--keep", "noisy"
        )
        assert answer.code == 0, answer.err
        metrics = json.loads(pixstack("info", model, "--json", "-").out)["metrics"]
        assert list(metrics) == ["noisy"]
        kept.append(next(iter(metrics["noisy"]["outputs"].values()))["psnr_rgb"])
    assert kept[0] > kept[1]


def test_measures_of_another_form_are_told_as_they_stand(pixstack: Call, model: Path) -> None:
    loaded = onnx.load(model)
    manifest = json.loads(loaded.metadata_props[0].value)
    manifest["metrics"] = {
        "protocol": "by hand", "found": 0.5, "outputs": {"x": 1}, "bare": [],
        "forty": {"protocol": "by a benchmark", "found": 0.25},
    }  # fmt: skip
    onnx.helper.set_model_props(loaded, {MANIFEST_KEY: json.dumps(manifest)})
    onnx.save(loaded, model)
    told = pixstack("info", model)
    assert told.code == 0, told.err
    words = " ".join(told.out.split())
    assert "metrics protocol by hand, found 0.5, outputs x 1" in words
    assert "measured forty: found 0.25 (by a benchmark)" in words


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("best.safetensors", "--keep: measures are kept in an .onnx file; export the stack first"),
        ("photo-sr+photo-sr", "--keep: photo-sr+photo-sr are two models; measure one of them"),
    ],
)
def test_what_cannot_keep_measures(
    pixstack: Call, targets: Path, tmp_path: Path, named: str, said: str
) -> None:
    (tmp_path / "best.safetensors").write_bytes(b"")
    answer = pixstack(
        "eval", named, "--targets", targets, "--degrade", "bicubic:2", "--keep", "mine"
    )
    assert answer.code != 0
    assert len(answer.error_lines) == 1
    assert said in answer.err


def test_a_file_that_cannot_be_written_stays(
    pixstack: Call, model: Path, targets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = model.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("export.runtime.whole.os.replace", full)
    answer = pixstack(
        "eval", model, "--targets", targets, "--degrade", "bicubic:2", "--keep", "mine"
    )
    assert (answer.code, len(answer.error_lines)) == (1, 1)
    assert "No space left" in answer.err
    assert model.read_bytes() == whole
    assert list(model.parent.glob(".*")) == []


def test_results_are_written_as_they_are_measured(
    pixstack: Call, model: Path, targets: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    answer = pixstack(
        "eval", model, "--targets", targets, "--degrade", "bicubic:2", "--results", folder,
        "--json", "-",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    printed = json.loads(answer.out)["outputs"]["x2"]
    with open(folder / "measures.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["picture"] for row in rows] == ["astronaut.png", "coffee.png"]
    for key, mean in printed.items():
        assert np.mean([float(row[key]) for row in rows]) == pytest.approx(mean)
    for row in rows:
        result = np.asarray(Image.open(folder / row["picture"]), float)
        truth = np.asarray(Image.open(targets / row["picture"]), float)
        truth = truth[: len(truth) // 2 * 2, : truth.shape[1] // 2 * 2]
        assert result.shape == truth.shape
        error = ((result - truth)[2:-2, 2:-2] ** 2).mean()
        assert float(row["psnr_rgb"]) == pytest.approx(10 * np.log10(255**2 / error), abs=1e-3)
    assert sorted(path.name for path in folder.iterdir()) == [
        "astronaut.png", "coffee.png", "measures.csv",
    ]  # fmt: skip


def test_pictures_of_one_name_get_files_of_their_own(tmp_path: Path) -> None:
    names = ["a", "b", "a", "one/b", "a"]
    assert [path.name for path in files_of(tmp_path, names)] == [
        "a.png", "b.png", "a-2.png", "one_b.png", "a-3.png",
    ]  # fmt: skip


def test_measures_without_a_name_are_refused(pixstack: Call, model: Path, targets: Path) -> None:
    answer = pixstack("eval", model, "--targets", targets, "--degrade", "bicubic:2", "--keep", " ")
    assert answer.code == 2
    assert "--keep: expected a name for the measures; got none" in answer.err
