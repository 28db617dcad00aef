"""What strangers may not make the server do: read its own files, or visit addresses for them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import gradio.processing_utils
import gradio.routes
import pytest
from fastapi import HTTPException

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


def call(address: str, picture: object, scale: object = "2x", style: object = "Faithful") -> str:
    """Call the endpoint as a browser does, with values of any kind, and return what comes back."""
    body = json.dumps({"data": [picture, scale, style]}).encode()
    url = f"{address}/gradio_api/call/super_resolution"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            event = json.load(response)["event_id"]
        with urllib.request.urlopen(f"{url}/{event}", timeout=60) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        return f"event: error {error.code}"


@pytest.mark.parametrize("meta", [{}, CLAIM])
def test_files_of_the_server_are_not_read(address: str, photo: Path, meta: dict) -> None:
    answer = call(address, {"path": str(photo)} | meta)
    assert "event: error" in answer
    assert "photo-x2" not in answer


@pytest.mark.parametrize("meta", [{}, CLAIM])
@pytest.mark.parametrize("key", ["path", "url"])
def test_a_picture_at_an_address_is_not_fetched(
    address: str, fetched: list[str], key: str, meta: dict
) -> None:
    assert "event: error" in call(address, {"path": None, key: ELSEWHERE} | meta)
    assert fetched == []


@pytest.mark.parametrize("at", [ELSEWHERE, f" {ELSEWHERE.upper()}"])
def test_no_other_value_makes_the_server_fetch(address: str, fetched: list[str], at: str) -> None:
    claim = {"path": at} | CLAIM
    assert "event: error" in call(address, None, claim)
    assert "event: error" in call(address, None, "2x", {"deep": [claim]})
    assert fetched == []


@pytest.mark.parametrize("route", ["file=", "file/"])
@pytest.mark.parametrize("at", [ELSEWHERE, ELSEWHERE.replace(":", "%3A"), "HTTPS%3a%2f%2fa.io"])
def test_the_route_of_files_fetches_nothing(
    address: str, fetched: list[str], route: str, at: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{address}/gradio_api/{route}{at}", timeout=30)
    assert caught.value.code == 403
    assert fetched == []


def test_files_beside_the_cache_are_not_served(address: str, photo: Path) -> None:
    for path in (photo, ROOT / "pyproject.toml", "/etc/passwd"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{address}/gradio_api/file={path}", timeout=30)
        assert caught.value.code in (403, 404)


def test_nothing_is_kept_of_what_visitors_do(address: str) -> None:
    with urllib.request.urlopen(f"{address}/config", timeout=60) as response:
        assert json.load(response)["run_history"] is False
