"""What strangers wrote, in files and names, is shown as it is and commands nobody."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import helper
from PIL import Image

from export.manifest import Input, Manifest, Output
from export.runtime import ModelError
from pixstack.cli import main
from pixstack.interrupts import ended_as_by_interrupt
from pixstack.web.uploads import as_text, page_message
from tests.doors.conftest import Answer
from tests.doors.serving import served
from tests.doors.standins import save, write_denoise

Call = Callable[..., Answer]


def asks(path: Path, *inputs: Input) -> Path:
    """A model that gives its first picture back, whatever else it reads."""
    manifest = Manifest(
        name=path.stem, task="pose", inputs=(Input("source", "rgb"), *inputs),
        outputs=(Output("target", "rgb"),),
    )  # fmt: skip
    save(path, [helper.make_node("Identity", ["source"], ["target"])], [], manifest)
    return path


def test_words_are_no_markup_link_or_picture() -> None:
    assert as_text("a <b>bold</b> ![x](http://evil/x.png) hand & arm") == (
        "a &lt;b&gt;bold&lt;/b&gt; !&#91;x&#93;(http:&#47;/evil/x.png) hand &amp; arm"
    )
    assert as_text("_holiday_.jpg, www.evil.com, $x$, `code`") == (
        "&#95;holiday&#95;.jpg, www&#46;evil.com, &#36;x&#36;, &#96;code&#96;"
    )
    # What is no more than a word stays readable for programs.
    assert as_text("input 'source_pose': 64x64 - 3 #") == "input 'source_pose': 64x64 - 3 #"


def test_what_is_wrong_with_a_model_is_told_to_its_owner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ModelError("cannot read the model /srv/models/gone.onnx: No such file or directory")
    told = page_message(error, tmp_path)
    assert told == "The server cannot use this model; choose another one."
    assert "/srv/models/gone.onnx" in capsys.readouterr().err


def test_names_of_classes_command_no_terminal(pixstack: Call, photo: Path, tmp_path: Path) -> None:
    names = ("\x1b]0;title\x07zero", "one")
    model = asks(tmp_path / "a.onnx", Input("gesture", "class:2", names=names))
    answer = pixstack("run", model, photo, "-o", tmp_path / "o.png")
    assert answer.code == 0
    assert "by default gesture=" in answer.err
    assert "\x1b" not in answer.err + answer.out


def test_half_a_letter_is_no_manifest(pixstack: Call, tmp_path: Path) -> None:
    path = asks(tmp_path / "abcdef.onnx")
    whole = path.read_bytes()
    assert whole.count(b'"abcdef"') == 1
    # As long as before, so that nothing else of the file changes.
    path.write_bytes(whole.replace(b'"abcdef"', b'"\\ud800"'))
    answer = pixstack("info", path)
    assert answer.code == 1
    [told] = answer.error_lines
    assert "abcdef.onnx" in told
    assert "manifest" in told


def test_tables_take_names_that_are_not_utf8(pixstack: Call, photo: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.png")
    try:
        odd.write_bytes(photo.read_bytes())
    except OSError:
        pytest.skip("this file system does not take such names")
    (tmp_path / "out").mkdir()
    table = tmp_path / "table.json"
    answer = pixstack("run", "photo-denoise", odd, "-o", tmp_path / "out", "--json", table)
    assert answer.code == 0
    assert (tmp_path / "out" / odd.name).is_file()
    [row] = json.loads(table.read_text("utf-8"))
    assert row["source"] == str(odd)


def test_what_every_picture_lacks_is_told_once(pixstack: Call, photo: Path, tmp_path: Path) -> None:
    model = asks(tmp_path / "a.onnx", Input("pose", "keypoints:2", names=("head", "hand")))
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "in" / name).write_bytes(photo.read_bytes())
    answer = pixstack("run", model, tmp_path / "in", "-o", tmp_path / "out")
    assert (answer.code, answer.error_lines) == (
        2,
        ["error: --input pose=FILE: missing; a needs it"],
    )
    answer = pixstack("run", model, photo, "-o", tmp_path / "o.png", "--input", f"source={photo}")
    assert answer.code == 2
    assert "is the picture that is translated" in answer.err


@pytest.mark.parametrize("target", ["new/deep/o.png", "new/deep"])
def test_a_failed_run_leaves_no_folder_that_it_made(
    pixstack: Call, photo: Path, tmp_path: Path, target: str
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(photo.read_bytes()[:200])
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(broken.read_bytes())
    source = broken if target.endswith(".png") else tmp_path / "in"
    answer = pixstack("run", "photo-denoise", source, "-o", tmp_path / target)
    assert answer.code == 1
    assert not (tmp_path / "new").exists()
    answer = pixstack("run", "photo-denoise", photo, "-o", tmp_path / "new" / "deep" / "o.png")
    assert answer.code == 0
    assert (tmp_path / "new" / "deep" / "o.png").is_file()


def test_a_place_that_cannot_be_written_is_named_as_it_was_given(
    pixstack: Call, tmp_path: Path
) -> None:
    # A folder in the way, also for those who may write everywhere.
    (tmp_path / "table").write_text("")
    answer = pixstack("models", "--json", tmp_path / "table" / "a.json")
    assert answer.code == 1
    assert ".writing" not in answer.err
    assert len(answer.error_lines) == 1


def test_a_preset_itself_is_no_table(pixstack: Call, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    answer = pixstack("recipes", "photo-sr", "--json", tmp_path / "a.json")
    assert (answer.code, answer.out) == (2, "")
    assert "--json: is of the table of presets" in answer.err
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize("ignored", [False, True])
def test_requests_to_end_are_interrupts_unless_somebody_ignores_them(ignored: bool) -> None:
    usual = signal.SIG_IGN if ignored else signal.SIG_DFL
    before = signal.signal(signal.SIGTERM, usual)
    try:
        if ignored:
            with ended_as_by_interrupt():
                signal.raise_signal(signal.SIGTERM)
        else:
            with pytest.raises(KeyboardInterrupt), ended_as_by_interrupt():
                signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) == usual
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_is_transparent_is_judged_as_it_is_seen(tmp_path: Path) -> None:
    from pixstack.blind.trials import read

    pixels = np.zeros((4, 6, 4), np.uint8)
    pixels[:, 3:, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    shown = read(tmp_path / "a.png").pixels
    assert (shown[:, :3] == 255).all()
    assert (shown[:, 3:] == 0).all()


def test_an_app_without_a_model_that_works_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.onnx").write_bytes(b"no model")
    assert main(["serve", "--models", str(tmp_path), "--no-shipped", "--port", "0"]) == 1
    assert "none of the models can be used" in capsys.readouterr().err.splitlines()[-1]


def test_an_address_of_ipv6_is_served(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    write_denoise(tmp_path / "photo-denoise.onnx")
    with served(tmp_path, "::1") as address:
        assert address.startswith("http://[::1]:")
        with urllib.request.urlopen(address, timeout=20) as page:
            assert page.status == 200


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_every_command_hears_a_request_to_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("pixstack.shelf.list_models", ended)
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        assert main(["models"]) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr().err.strip() == "interrupted"
