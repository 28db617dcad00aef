"""`pixstack export` from the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from export.convert import Exported
from pixstack import __version__
from pixstack.cli import main
from pixstack.commands import export as command
from stacks.stack import Stack
from tests.export import small


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch, exported_pyramid: Exported) -> SimpleNamespace:
    """The export itself has its own tests; here it hands back one that was made."""
    calls = SimpleNamespace(arguments=None)

    def export_stack(checkpoint, target, name, version, metrics, tools, progress, overrides, half):
        assert (list(overrides), half) == ([], False)
        calls.arguments = (checkpoint, target, name, version, metrics)
        assert tools == {"pixstack": __version__}
        progress(1, 1)
        return exported_pyramid

    monkeypatch.setattr("export.convert.export_stack", export_stack)
    return calls


def test_summary_for_people(exporter: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "best.safetensors", "-o", "sr.onnx"]) == 0
    assert exporter.arguments == (Path("best.safetensors"), Path("sr.onnx"), None, None, None)
    text = " ".join(capsys.readouterr().out.split())
    for part in ("named 3", "x4 (x4), x2 (x2)", "halo of 8 pixels", "differ by at most", "GMACs"):
        assert part in text


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


def test_wrong_ending_is_one_line(
    tmp_path: Path, pyramid: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small.saved(pyramid, tmp_path)
    assert main(["export", str(path), "-o", str(tmp_path / "out.pt")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
