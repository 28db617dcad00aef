"""`pixstack serve --login`: nobody gets in, or at files, without the password."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file

from pixstack.web.launch import Settings
from tests.doors.conftest import Answer
from tests.doors.serving import served

Call = Callable[..., Answer]
LOGIN = ("studio", "open sesame")


@pytest.fixture(scope="module")
def locked(models: Path) -> Iterator[str]:
    with served(models, login=LOGIN) as address:
        yield address


def test_strangers_are_refused(locked: str, photo: Path) -> None:
    with open(photo, "rb") as file:
        upload = httpx.post(f"{locked}/gradio_api/upload", files={"files": file})
    assert upload.status_code == 401
    run = httpx.post(f"{locked}/gradio_api/call/super_resolution", json={"data": []})
    assert run.status_code == 401
    assert httpx.get(f"{locked}/gradio_api/info").status_code == 401
    assert httpx.get(f"{locked}/gradio_api/file={photo}").status_code in (401, 403)
    wrong = httpx.post(f"{locked}/login", data={"username": LOGIN[0], "password": "guess"})
    assert wrong.status_code == 400


def test_whoever_has_the_password_works_as_always(locked: str, photo: Path, tmp_path: Path) -> None:
    client = Client(locked, auth=LOGIN, verbose=False, download_files=tmp_path)
    result = client.predict(handle_file(photo), "2x", "Faithful", api_name="/super_resolution")
    assert any(str(part).endswith(".png") for part in result)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("studio", "--login studio: needs a password; set PIXSTACK_PASSWORD to it"),
        ("", "--login: expected a name"),
    ],
)
def test_a_login_needs_a_name_and_a_password(
    pixstack: Call, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.delenv("PIXSTACK_PASSWORD", raising=False)
    answer = pixstack("serve", "--login", name)
    assert (answer.code, len(answer.error_lines)) == (2, 1)
    assert said in answer.err


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What `pixstack serve` would open the app with."""
    settings: list[Settings] = []
    monkeypatch.setattr("pixstack.web.launch.serve", settings.append)
    return settings


def test_every_option_of_serve_reaches_the_app(
    pixstack: Call, models: Path, opened: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXSTACK_PASSWORD", LOGIN[1])
    answer = pixstack(
        "serve", "--host", "0.0.0.0", "--port", "8080", "--models", models, "--no-shipped",
        *("--precision", "fast", "--provider", "cpu", "--share", "--login", LOGIN[0]),
    )  # fmt: skip
    assert answer == Answer(0, "", "")
    assert opened == [Settings("0.0.0.0", 8080, models, False, "fast", "cpu", True, LOGIN)]


def test_left_to_itself_the_app_is_opened_to_this_machine_alone(
    pixstack: Call, opened: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A password by itself locks nothing.
    monkeypatch.setenv("PIXSTACK_PASSWORD", LOGIN[1])
    assert pixstack("serve") == Answer(0, "", "")
    assert opened == [
        Settings("127.0.0.1", 7860, None, True, "exact", "auto", share=False, login=None)
    ]
    assert "note: whoever learns the public address" in pixstack("serve", "--share").err
