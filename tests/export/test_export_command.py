"""`pixstack export` from the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from export.convert import Exported
from pixstack import __version__
from pixstack.cli import main
from pixstack.commands import export as command
from stacks.checkpoint import load_stack
from stacks.stack import Stack
from tests.export import small
from tests.photographs import window, write_pictures

PHOTOS = ("astronaut", "coffee")


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch, exported_pyramid: Exported) -> SimpleNamespace:
    """The export itself has its own tests; here it hands back one that was made."""
    calls = SimpleNamespace(arguments=None, changes=None)

    def export_stack(checkpoint, target, name, version, metrics, tools, progress, overrides, half):
        calls.arguments = (checkpoint, target, name, version, metrics)
        calls.changes = (list(overrides), half)
        assert tools == {"pixstack": __version__}
        progress(1, 1)
        return exported_pyramid

    monkeypatch.setattr("export.convert.export_stack", export_stack)
    return calls


def test_summary_for_people(exporter: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "best.safetensors", "-o", "sr.onnx"]) == 0
    assert exporter.arguments == (Path("best.safetensors"), Path("sr.onnx"), None, None, None)
    assert exporter.changes == ([], False)
    text = " ".join(capsys.readouterr().out.split())
    for part in ("named 3", "x4 (x4), x2 (x2)", "halo of 8 pixels", "differ by at most", "GMACs"):
        assert part in text


def test_what_is_to_change_reaches_the_export(exporter: SimpleNamespace) -> None:
    changes = ["--half", "--set", "license=MIT", "--set", "stage.1.ships=true"]
    assert main(["export", "best.safetensors", "-o", "sr.onnx", *changes]) == 0
    assert exporter.changes == (["license=MIT", "stage.1.ships=true"], True)


def test_a_model_that_ships_is_exported_anew_by_its_name(
    exporter: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "photo-sr", "-o", "sr.onnx"]) == 0
    assert exporter.arguments[0].name == "photo-sr.onnx"
    assert exporter.arguments[0].is_file()
    # What has a folder before it is no name.
    assert main(["export", "runs/photo-sr", "-o", "sr.onnx"]) == 0
    assert exporter.arguments[0] == Path("runs/photo-sr")


def test_summary_for_scripts(
    exporter: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = tmp_path / "set5.json"
    metrics.write_text('{"psnr_y": 31.5}')
    options = ["--name", "mine", "--version", "2", "--metrics", str(metrics), "--json", "-"]
    assert main(["export", "best.safetensors", "-o", "sr.onnx", *options]) == 0
    assert exporter.arguments[2:] == ("mine", "2", {"psnr_y": 31.5})
    summary = json.loads(capsys.readouterr().out)
    assert summary["halo"] == 8
    assert summary["largest_difference"] <= 1e-4
    assert summary["largest_seam"] <= 1e-5
    # Weights and biases by hand, level by level: enter, block, leave.
    first = (3 * 9 + 1) * 6 + 2 * (6 * 9 + 1) * 6 + (6 * 9 + 1) * 12
    second = ((12 + 6) * 9 + 1) * 5 + 2 * (5 * 9 + 1) * 5 + (5 * 9 + 1) * 48
    assert summary["parameters"] == first + second


@pytest.mark.parametrize("content", [None, "not JSON", "[1, 2]"])
def test_metrics_that_are_none(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=r"metrics\.json: .*JSON"):
        command.read_metrics(path)


def test_no_checkpoint_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "best.safetensors"
    assert main(["export", str(path), "-o", str(tmp_path / "out.onnx")]) == 1
    said = capsys.readouterr().err
    assert said == f"error: {path}: no such checkpoint\n"


def test_a_run_begins_with_the_weights_of_an_export(
    exported_pyramid: Exported,
    pyramid: Stack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_pictures(tmp_path / "data", {f"{name}.png": window(name, 32, 32) for name in PHOTOS})
    (tmp_path / "recipe.toml").write_text(small.PYRAMID)
    monkeypatch.setenv("PIXSTACK_MODELS", str(exported_pyramid.path.parent))
    monkeypatch.setattr("pixstack.shelf._own", lambda kind: ())
    # Without a step, a run ends with what it begins with.
    changes = ["data.folder=[{ path = '.' }]", "data.size=16", "precision=fp32", "phase.0.steps=0"]

    def begun(name: str, *start: str) -> int:
        command = ["train", str(tmp_path / "recipe.toml"), "-o", str(tmp_path / name)]
        command += ["--data", str(tmp_path / "data"), *start]
        return main([*command, *(part for change in changes for part in ("--set", change))])

    expected = pyramid.state_dict()
    starts = {
        "chance": (),
        "path": ("--start", str(exported_pyramid.path)),
        "name": ("--start", "sr"),
    }
    for name, start in starts.items():
        assert begun(name, *start) == 0
        found = load_stack(tmp_path / name / "best.safetensors").state_dict()
        assert found.keys() == expected.keys()
        same = all(torch.equal(found[key], expected[key]) for key in expected)
        assert same == (name != "chance")
    capsys.readouterr()
    assert begun("none", "--start", "sd") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line == "error: no model is named 'sd'; known: sr"
    assert not (tmp_path / "none").exists()


def test_wrong_ending_is_one_line(
    tmp_path: Path, pyramid: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small.saved(pyramid, tmp_path)
    assert main(["export", str(path), "-o", str(tmp_path / "out.pt")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
