"""What benchmarks share: where figures go, and what is said where pictures are missing."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import crisp, health, tiling
from benchmarks.pictures import cell, figures_to, verdict


def test_figures_go_to_a_file_to_stdout_or_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for target, out, err in (
        (str(tmp_path / "figures.json"), "before\nafter\n", ""),
        ("", "before\nafter\n", ""),
        ("-", '{\n  "found": 1\n}\n', "before\nafter\n"),
    ):
        with figures_to(target) as write:
            print("before")
            write({"found": 1})
            print("after")
        assert tuple(capsys.readouterr()) == (out, err)
    assert json.loads((tmp_path / "figures.json").read_text()) == {"found": 1}


def test_a_table_of_alarms_goes_to_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row: dict[str, Any] = {"preset": "cgan", "steps": 1, "seconds": 2.0, "alarms": []}
    monkeypatch.setattr(health, "trained", lambda *settings: row)
    assert health.main(["cgan", "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == [row]
    assert "none" in captured.err


@pytest.mark.parametrize("benchmark", [crisp, tiling])
def test_a_folder_without_pictures_is_named(
    benchmark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(SystemExit) as stopped:
        benchmark.run(data=tmp_path, folder="photos")
    assert stopped.value.code == 2
    printed = capsys.readouterr().out
    assert f"{tmp_path / 'photos'}: holds no pictures" in printed
    assert printed.count("\n") == 1


def test_other_exits_stay_what_they_are() -> None:
    with pytest.raises(SystemExit) as stopped, figures_to(""):
        raise SystemExit(1)
    assert stopped.value.code == 1


def test_cells_are_empty_where_there_is_nothing() -> None:
    checks = {"good": {"asked": "above 0", "holds": True}, "bad": {"asked": "1", "holds": False}}
    assert [verdict(checks, key) for key in ("good", "bad", "other")] == [
        *(("above 0", "yes"), ("1", "no"), ("", ""))
    ]
    assert (cell(0.12345), cell(None)) == ("0.123", "")
