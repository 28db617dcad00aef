"""Files appear whole or not at all, whoever writes them."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from export.runtime.images import Picture, write
from export.runtime.whole import whole_file
from pixstack.console import write_json

WRITERS: list[tuple[str, Callable[[Path], None]]] = [
    ("a.json", lambda path: write_json({"a": 1}, str(path))),
    ("a.png", lambda path: write(path, Picture(np.zeros((4, 5, 3), np.uint8)))),
]
IDS = [name for name, _ in WRITERS]


@pytest.mark.parametrize(("name", "writer"), WRITERS, ids=IDS)
def test_what_was_written_is_on_the_disk_before_it_takes_its_place(
    name: str, writer: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def flush(file: int) -> None:
        done.append("fsync")
        fsync(file)

    def rename(source: Path, target: Path) -> None:
        done.append("replace")
        assert source.parent == target.parent
        assert (source.suffix, source.name[0]) == (target.suffix, ".")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", rename)
    writer(tmp_path / name)
    assert done == ["fsync", "replace"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize(("name", "writer"), WRITERS, ids=IDS)
def test_a_full_disk_leaves_what_was_there(
    name: str,
    writer: Callable[[Path], None],
    moment: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / name).write_bytes(b"before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, moment, full)
    with pytest.raises((OSError, ValueError), match="No space left"):
        writer(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_two_who_write_at_once_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with whole_file(path) as one, whole_file(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(FileNotFoundError), whole_file(path):
        pass
    assert list(tmp_path.iterdir()) == []
