"""The web app as its API clients and its attackers see it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from export.runtime import Translator
from export.runtime.errors import ImageError
from pixstack.web.uploads import Limits, check_upload
from tests.doors.bad_files import WORDS, write_bad_files
from tests.doors.conftest import Answer
from tests.doors.serving import client_of, served
from tests.doors.standins import write_denoise, write_super_resolution
from tests.doors.translations import write_facade, write_pose

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def client(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(address, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))
    yield client
    client.close()


def pixels(path: str | Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def enlarge(client: Client, picture: Path, scale: str = "4x") -> tuple:
    return client.predict(handle_file(picture), scale, "Faithful", api_name="/super_resolution")


def test_super_resolution_gives_the_pixels_of_the_runtime(
    client: Client, models: Path, photo: Path
) -> None:
    for style, model in (("Faithful", "photo-sr"), ("Crisp", "photo-sr-crisp")):
        for scale in (2, 4):
            file, line, (before, after) = client.predict(
                handle_file(photo), f"{scale}x", style, api_name="/super_resolution"
            )
            translator = Translator(models / f"{model}.onnx")
            expected = translator.run({"source": pixels(photo)})
            assert np.array_equal(pixels(file), expected[f"x{scale}"])
            assert Path(file).name == f"photo-x{scale}.png"
            assert line.startswith("60\N{MULTIPLICATION SIGN}40 ")
            assert f"· {model} · {translator.provider}" in line
            assert Image.open(before).size == Image.open(after).size == (60 * scale, 40 * scale)


def test_denoising_takes_a_strength_or_finds_it(client: Client, photo: Path) -> None:
    def denoised(automatic: bool, strength: float) -> np.ndarray:
        file, line, _ = client.predict(handle_file(photo), automatic, strength, api_name="/denoise")
        assert line.startswith("60\N{MULTIPLICATION SIGN}40 pixels · ")
        return pixels(file)

    assert np.array_equal(denoised(False, 0), pixels(photo))
    # Told 25, and left to itself, the stand-in takes the whole mean.
    assert np.array_equal(denoised(False, 25), denoised(True, 0))
    assert not np.array_equal(denoised(True, 0), pixels(photo))


def test_the_noise_that_was_found_is_told(client: Client, tmp_path: Path) -> None:
    # Of three columns, two are 0 and one is 255: each 3x3 pixels have the mean 85, so the stand-in
    # finds 85, 85 and 170 but at the ends, where it finds 0 and 128: (20 * 340 - 85 - 42) / 60.
    columns = np.tile(np.array([0, 0, 255], np.uint8), (40, 20))
    Image.fromarray(columns).convert("RGB").save(tmp_path / "columns.png")
    picture = handle_file(tmp_path / "columns.png")
    _, line, _ = client.predict(picture, True, 0, api_name="/denoise")
    assert " pixels · noise found: sigma 111 · " in line
    _, line, _ = client.predict(picture, False, 25, api_name="/denoise")
    assert "found" not in line


def test_the_slider_offers_the_strengths_that_the_model_takes(tmp_path: Path) -> None:
    import gradio

    from pixstack.web.page import build_page
    from pixstack.web.studio import Studio

    write_denoise(tmp_path / "photo-denoise.onnx", strongest=55)
    page = build_page(Studio({"photo-denoise": tmp_path / "photo-denoise.onnx"}, tmp_path))
    [slider] = [block for block in page.blocks.values() if isinstance(block, gradio.Slider)]
    assert (slider.minimum, slider.maximum, slider.value) == (0, 55, 25)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["photo-denoise"], "Drop in a picture to remove its noise."),
        (["photo-sr", "photo-denoise"], "Drop in a picture to enlarge it or remove its noise."),
        (
            ["photo-sr", "photo-denoise", "hand-pose", "facade-photo"],
            "Drop in a picture to enlarge it, remove its noise, change its pose or translate it "
            "into a photo.",
        ),
    ],
)
def test_the_page_tells_what_its_tabs_do(
    names: list[str], told: str, pixstack: Callable[..., Answer], tmp_path: Path
) -> None:
    from pixstack.web.page import build_page
    from pixstack.web.studio import Studio

    writers = {
        "photo-sr": write_super_resolution, "photo-denoise": write_denoise,
        "hand-pose": write_pose, "facade-photo": write_facade,
    }  # fmt: skip
    paths = {name: tmp_path / f"{name}.onnx" for name in names}
    for name, path in paths.items():
        writers[name](path)
    config = build_page(Studio(paths, tmp_path)).get_config_file()
    [head] = [one["props"] for one in config["components"] if one["props"].get("elem_id") == "head"]
    assert head["value"] == f"<h1>Pixstack</h1><p>{told}</p>"
    tabs = [one["props"]["label"] for one in config["components"] if one["type"] == "tabitem"]
    assert tabs == ["Enlarge", "Denoise", *(["Pose", "Photo"] if "hand-pose" in names else [])]
    said = "with the tabs Enlarge, Denoise, Pose and Photo. Pose and Photo are there where"
    assert said in " ".join(pixstack("serve", "--help").out.split())


def test_models_of_ones_own_are_served_by_their_task(photo: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    write_super_resolution(models / "mine.onnx")
    write_denoise(models / "cleaner.onnx")
    write_denoise(models / "washer.onnx", strongest=10)
    (models / "broken.onnx").write_text("no model")
    with client_of(models, tmp_path) as client:
        _, line, _ = client.predict(handle_file(photo), "2x", "mine", api_name="/super_resolution")
        assert "· mine ·" in line
        _, line, _ = client.predict(handle_file(photo), True, 0, api_name="/denoise")
        assert "· cleaner ·" in line
        found = client.predict(handle_file(photo), False, 9, "washer", api_name="/denoise")
        assert "· washer ·" in found[1]
        with pytest.raises(AppError, match="Choose a model of cleaner, washer"):
            client.predict(handle_file(photo), False, 9, "other", api_name="/denoise")


def test_a_large_result_is_shown_reduced_and_given_whole(client: Client, tmp_path: Path) -> None:
    Image.new("RGB", (700, 20), (10, 20, 30)).save(tmp_path / "wide.png")
    file, line, (before, after) = enlarge(client, tmp_path / "wide.png")
    assert Image.open(file).size == (2800, 80)
    assert Image.open(before).size == Image.open(after).size == (2048, 59)
    assert "shown reduced" in line


def test_deep_and_transparent_pictures_are_kept_and_shown(client: Client, tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 40 * 30, dtype=np.uint16).reshape(30, 40)
    Image.fromarray(values).save(tmp_path / "deep.png")
    file, _, (before, after) = enlarge(client, tmp_path / "deep.png", "2x")
    assert np.array_equal(pixels(file), values.repeat(2, 0).repeat(2, 1))
    assert pixels(before).dtype == pixels(after).dtype == np.uint8
    Image.new("RGBA", (40, 30), (255, 0, 0, 128)).save(tmp_path / "glass.png")
    file, _, (_, after) = enlarge(client, tmp_path / "glass.png", "2x")
    assert Image.open(file).mode == Image.open(after).mode == "RGBA"


def test_a_file_name_with_brackets_is_a_name(client: Client, photo: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd[page=3] (1).png"
    odd.write_bytes(photo.read_bytes())
    file, _, previews = enlarge(client, odd, "2x")
    assert Image.open(file).size == Image.open(previews[0]).size == (120, 80)


@pytest.mark.parametrize("name", WORDS)
def test_a_bad_picture_gets_a_message_and_the_app_goes_on(
    name: str, client: Client, photo: Path, tmp_path: Path
) -> None:
    bad = write_bad_files(tmp_path)[name]
    with pytest.raises(AppError) as caught:
        enlarge(client, bad)
    message = str(caught.value)
    assert WORDS[name].replace("x", " x ") in message or WORDS[name] in message
    assert "/" not in message.replace("TIFF, GIF or AVIF", "")
    assert enlarge(client, photo)[0]


def test_a_result_that_is_too_large_is_refused_before_the_run(
    client: Client, tmp_path: Path
) -> None:
    Image.new("L", (6000, 4000)).save(tmp_path / "large.png")
    with pytest.raises(AppError, match="24000 x 16000 pixels; at most 130 megapixels"):
        enlarge(client, tmp_path / "large.png")


@pytest.mark.parametrize(
    ("endpoint", "settings", "words"),
    [
        ("/super_resolution", ("9x", "Faithful"), "Choose a scale"),
        ("/super_resolution", ("4x", ["Crisp"]), "Choose a scale"),
        ("/denoise", (False, 900), "expected 0..75"),
        ("/denoise", (False, "<b>much"), "&lt;b&gt;much"),
    ],
)
def test_settings_from_strangers_are_checked(
    endpoint: str, settings: tuple, words: str, client: Client, photo: Path
) -> None:
    with pytest.raises(AppError, match=words):
        client.predict(handle_file(photo), *settings, api_name=endpoint)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text.png", "not a picture"),
        ("empty.png", "not a picture"),
        ("huge.png", "30000 x 30000"),
        ("small.png", "needs at least 4x4"),
        ("large.png", "at most 40 megapixels"),
        ("wide.png", "12000 x 12000 pixels; at most 130 megapixels"),
    ],
)
def test_an_upload_that_cannot_be_taken_is_refused_before_a_run(
    name: str, words: str, tmp_path: Path
) -> None:
    from pixstack.web.studio import Studio

    files = write_bad_files(tmp_path)
    write_super_resolution(tmp_path / "photo-sr.onnx", least=4)
    Image.new("RGB", (3, 9)).save(tmp_path / "small.png")
    Image.new("1", (9000, 5000)).save(tmp_path / "large.png")
    Image.new("1", (6000, 6000)).save(tmp_path / "wide.png")
    studio = Studio({"photo-sr": tmp_path / "photo-sr.onnx"}, tmp_path / "cache")
    with pytest.raises(ValueError, match=words):
        studio.check(str(files.get(name, tmp_path / name)), ["photo-sr"])
    Image.new("RGB", (4, 4)).save(tmp_path / "good.png")
    studio.check(str(tmp_path / "good.png"), ["photo-sr"])


def test_nothing_uploaded_is_told(client: Client) -> None:
    with pytest.raises(AppError, match="Choose a picture first"):
        client.predict(None, "4x", "Faithful", api_name="/super_resolution")


def test_an_upload_that_was_deleted_is_asked_for_again(photo: Path) -> None:
    photo.unlink()
    with pytest.raises(ImageError, match="no longer here; choose it again"):
        check_upload(str(photo), 2, Limits())


def test_an_upload_over_the_limit_is_refused_by_the_server(address: str, tmp_path: Path) -> None:
    with open(tmp_path / "fat.png", "w+b") as file:
        file.truncate(68_000_000)  # more than 64 MB, however they are counted
        answer = httpx.post(f"{address}/gradio_api/upload", files={"files": file}, timeout=60)
    assert answer.status_code == 413


def test_nobody_may_watch_the_visitors(address: str) -> None:
    for path in ("/monitoring", "/monitoring/summary"):
        answer = httpx.get(address + path, timeout=30)
        assert (answer.status_code, answer.json()["detail"]) == (403, "Monitoring is not enabled.")


def test_the_page_asks_no_other_host_for_fonts_or_styles(address: str) -> None:
    for path in ("/", "/theme.css", "/config"):
        with urllib.request.urlopen(address + path, timeout=30) as response:
            text = response.read().decode()
        assert "fonts.googleapis.com" not in text
        assert "fonts.gstatic.com" not in text
    config = json.loads(text)
    assert config["analytics_enabled"] is False


def test_a_stopped_run_leaves_nothing_and_the_next_one_works(models: Path, photo: Path) -> None:
    from export.runtime import Cancelled
    from pixstack.web.studio import Order, Studio

    order = Order("photo-sr", "x4")
    cache = photo.parent / "cache"
    studio = Studio({"photo-sr": models / "photo-sr.onnx"}, cache)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        studio.translate(order, str(photo), lambda done, total: None, cancel)
    assert list(cache.iterdir()) == []
    result = studio.translate(order, str(photo), lambda done, total: None, threading.Event())
    assert sorted(path.name for path in cache.rglob("*.png")) == [
        "after.png",
        "before.png",
        "photo-x4.png",
    ]
    assert result.picture.parent.parent == cache


def test_uploads_and_results_are_deleted_when_they_are_old(
    models: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixstack.web.page.EVERY", 1)
    monkeypatch.setattr("pixstack.web.page.AGE", 10)
    with served(models) as address:
        cache = Path(os.environ["GRADIO_TEMP_DIR"])
        client = Client(address, verbose=False)
        enlarge(client, photo)
        assert list(cache.rglob("photo-x4.png"))
        client.close()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            left = [path.name for path in cache.rglob("*.png") if "-" not in path.name]
            if not left and not list(cache.rglob("photo-x4.png")):
                break
            time.sleep(0.2)
        assert not list(cache.rglob("photo*.png"))
        assert not list(cache.rglob("before.png"))
        # Those that the page itself shows stay.
        assert len(list(cache.rglob("small-*.png"))) == 3
    assert not cache.exists()


def test_serve_prints_its_address_and_cleans_up_when_told_to_end(
    models: Path, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "app.py"),
            "--port",
            "0",
            "--no-shipped",
            "--models",
            str(models),
        ],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("Pixstack is at http://127.0.0.1:")
        with urllib.request.urlopen(line.split()[3], timeout=30) as response:
            assert b"Pixstack" in response.read()
        assert list(tmp_path.glob("pixstack-*"))
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "interrupted\n"
    assert not list(tmp_path.glob("pixstack-*"))


def test_a_port_that_is_taken_is_told_in_one_line(models: Path, address: str) -> None:
    port = address.rpartition(":")[2]
    result = subprocess.run(
        [sys.executable, "app.py", "--port", port, "--no-shipped", "--models", str(models)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert port in result.stderr


def test_without_models_the_app_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no models found"), served(tmp_path):
        time.sleep(0)


def test_models_to_choose_from_say_what_they_are_for(models: Path, tmp_path: Path) -> None:
    names = ("photo-denoise", "photo-denoise-real", "mine")
    for name in names:
        shutil.copy(models / "photo-denoise.onnx", tmp_path / f"{name}.onnx")
    with served(tmp_path) as address:
        config = httpx.get(f"{address}/config").json()
    [chosen] = [
        part["props"]
        for part in config["components"]
        if part["props"].get("elem_id") == "denoise-model"
    ]
    assert chosen["visible"]
    assert [tuple(choice) for choice in chosen["choices"]] == [
        ("Photographs of all sorts (photo-denoise-real)", "photo-denoise-real"),
        ("White noise in color (photo-denoise)", "photo-denoise"),
        ("mine", "mine"),
    ]
