"""What strangers may not make the server do: read its own files, or visit addresses for them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import gradio.processing_utils
import gradio.routes
import httpx
import pytest
from fastapi import HTTPException

from pixstack.web.guard import REFUSAL

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = "https://example.invalid/photo.png"
CLAIM = {"meta": {"_type": "gradio.FileData"}}


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that gradio goes to; none of them is visited."""
    found: list[str] = []

    async def fetch(named: str, *more: object, **options: object) -> None:
        found.append(named)
        raise HTTPException(418)

    monkeypatch.setattr(gradio.processing_utils, "async_ssrf_protected_download", fetch)
    monkeypatch.setattr(gradio.routes, "secure_url_stream_response", fetch)
    return found


def call(
    address: str,
    picture: object,
    scale: object = "2x",
    style: object = "Faithful",
    careful: object = False,
) -> str:
    """Call the endpoint as a browser does, with values of any kind, and return what comes back."""
    url = f"{address}/gradio_api/call/super_resolution"
    begun = httpx.post(url, json={"data": [picture, scale, style, careful]}, timeout=60)
    return httpx.get(f"{url}/{begun.raise_for_status().json()['event_id']}", timeout=60).text


@pytest.mark.parametrize("meta", [{}, CLAIM])
def test_a_file_that_was_uploaded_is_read(address: str, photo: Path, meta: dict) -> None:
    """By the same call as those below, so that none of them is refused for its form."""
    with open(photo, "rb") as file:
        [path] = httpx.post(f"{address}/gradio_api/upload", files={"files": file}).json()
    answer = call(address, {"path": path} | meta)
    assert "event: complete" in answer
    assert "photo-x2" in answer


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        ({}, "Upload the picture; files of the server are not read."),
        (CLAIM, "event: error"),  # gradio refuses it without a word
    ],
)
def test_files_of_the_server_are_not_read(address: str, photo: Path, meta: dict, told: str) -> None:
    answer = call(address, {"path": str(photo)} | meta)
    assert "event: error" in answer
    assert told in answer
    assert "photo-x2" not in answer


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        ({"path": ELSEWHERE}, "Upload the picture; files of the server are not read."),
        ({"path": ELSEWHERE} | CLAIM, REFUSAL),
        ({"path": None, "url": ELSEWHERE}, "Choose a picture first."),
        ({"path": None, "url": ELSEWHERE} | CLAIM, "Choose a picture first."),
    ],
)
def test_a_picture_at_an_address_is_not_fetched(
    address: str, fetched: list[str], picture: dict, told: str
) -> None:
    answer = call(address, picture)
    assert "event: error" in answer
    assert told in answer
    assert fetched == []


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (ELSEWHERE, REFUSAL),
        (f" {ELSEWHERE.upper()}", "event: error"),  # to gradio a file that was not uploaded
    ],
)
def test_no_other_value_makes_the_server_fetch(
    address: str, fetched: list[str], at: str, told: str
) -> None:
    claim = {"path": at} | CLAIM
    for values in ((claim,), ("2x", {"deep": [claim]}), ("2x", "Faithful", claim)):
        answer = call(address, None, *values)
        assert "event: error" in answer
        assert told in answer
    assert fetched == []


@pytest.mark.parametrize("route", ["file=", "file/"])
@pytest.mark.parametrize("at", [ELSEWHERE, ELSEWHERE.replace(":", "%3A"), "HTTPS%3a%2f%2fa.io"])
def test_the_route_of_files_fetches_nothing(
    address: str, fetched: list[str], route: str, at: str
) -> None:
    answer = httpx.get(f"{address}/gradio_api/{route}{at}", timeout=30)
    assert (answer.status_code, answer.text) == (403, REFUSAL)
    assert fetched == []


def test_files_beside_the_cache_are_not_served(address: str, photo: Path) -> None:
    for path in (photo, ROOT / "pyproject.toml", "/etc/passwd"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{address}/gradio_api/file={path}", timeout=30)
        assert caught.value.code in (403, 404)


def test_nothing_is_kept_of_what_visitors_do(address: str) -> None:
    with urllib.request.urlopen(f"{address}/config", timeout=60) as response:
        assert json.load(response)["run_history"] is False
