"""Tables, JSON and the progress bar."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from pixstack import console


def test_json_goes_to_stdout_or_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    value = {"name": "Café", "sizes": [1, 2]}
    console.write_json(value, "-")
    assert json.loads(capsys.readouterr().out) == value
    console.write_json(value, str(tmp_path / "value.json"))
    assert json.loads((tmp_path / "value.json").read_text("utf-8")) == value
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_json_goes_through_a_pipe_that_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        console.write_json([1, 2], str(pipe))
        assert json.loads(os.read(reader, 1000)) == [1, 2]
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_tables_show_markup_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(("name", "range"), [("[bold]", "[0, 1]")])
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["name", "range"]
    assert row.split(maxsplit=1) == ["[bold]", "[0, 1]"]


def test_tables_do_not_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(("name",), [("\x1b]0;owned\x07\x1b[31mred",)])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("width", [80, 40, 20])
def test_tables_fold_and_are_never_cut(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    row = ("a-rather-long-name", "one, two, three, four, five", "12.34", "told in many words " * 3)
    console.print_table(("name", "parts", "number", "what it does"), [row], folding=("parts",))
    out = capsys.readouterr().out
    heading, first, *_ = out.splitlines()
    assert first.split()[0] == "a-rather-long-name"
    assert "12.34" in first
    parts, number, does = (heading.index(name) for name in ("parts", "number", "what"))
    lines = out.splitlines()[1:]
    assert " ".join(" ".join(line[parts:number].split()) for line in lines).strip() == row[1]
    assert " ".join(" ".join(line[does:].split()) for line in lines).strip() == row[3].strip()
    assert max(map(len, lines)) <= max(width, 18 + 12 + 6 + 12 + 4 * 2)


def test_a_pipe_gets_each_row_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    console.print_table(
        ("name", "file"), [("a" * 30, "b" * 100), ("c", "d " * 60)], folding=("file",)
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["a" * 30, "b" * 100]


def test_no_bar_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress_bar("photo.png") as update:
        update(1, 2)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("patience", "shown"), [(0.05, True), (60.0, False)])
def test_the_bar_appears_when_the_work_takes_its_time(
    patience: float,
    shown: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(console, "PATIENCE", patience)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with console.progress_bar("[photo].png") as update:
        update(1, 2)
        time.sleep(0.4)
    text = capsys.readouterr().err
    assert ("[photo].png" in text) == shown
    assert ("1/2" in text) == shown


def test_json_makes_its_folder(tmp_path: Path) -> None:
    console.write_json([1], str(tmp_path / "results" / "a.json"))
    assert json.loads((tmp_path / "results" / "a.json").read_text("utf-8")) == [1]
