"""Files of a run appear whole or not at all, also where several processes write them at once."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from export.runtime.whole import whole_file
from stacks.whole import link, sweep, write_whole


def meanwhile(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], None]) -> None:
    """Have another writer come and go right before ``os.name`` is called for the first time."""
    call, left = getattr(os, name), [act]

    def interrupted(*given: Any) -> Any:
        if left:
            left.pop()()
        return call(*given)

    monkeypatch.setattr(os, name, interrupted)


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_two_who_write_at_once_do_not_meet(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.csv"
    meanwhile(monkeypatch, moment, lambda: write_whole(path, b"other"))
    write_whole(path, b"one")
    assert path.read_bytes() == b"one", "the last who finishes"
    assert [file.name for file in tmp_path.iterdir()] == ["results.csv"]


def test_two_who_link_at_once_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / name for name in ("one", "other", "waiting.safetensors")]
    for path in paths[:2]:
        path.write_text(path.name)
    meanwhile(monkeypatch, "replace", lambda: link(paths[1], paths[2]))
    link(paths[0], paths[2])
    assert paths[2].read_text() == "one"
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_where_no_links_are_known_it_is_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "one").write_text("one")
    link(tmp_path / "one", tmp_path / "other")
    (tmp_path / "one").write_text("more")
    assert (tmp_path / "other").read_text() == "one"
    assert len(list(tmp_path.iterdir())) == 2


def test_what_a_killed_writer_left_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "last").mkdir()
    kept = [tmp_path / ".hidden", tmp_path / "a.writing", tmp_path / "last" / "state.safetensors"]
    for path in kept:
        path.write_text("kept")
    # Killed in the middle, a process cleans nothing up.
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)

    def killed(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", killed)
    for name in ("state.safetensors", "waiting.safetensors"):
        with pytest.raises(OSError, match="No space left"):
            write_whole(tmp_path / "last" / name, b"half")
    with (
        pytest.raises(OSError, match="No space left"),
        whole_file(tmp_path / "report.html") as file,
    ):
        file.write_text("half")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 6
    monkeypatch.undo()
    sweep(tmp_path)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)
