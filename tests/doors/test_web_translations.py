"""The Pose and Photo tabs as their API clients see them."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from onnx import helper
from PIL import Image

from export.manifest import Input, Manifest, Output
from export.runtime import Translator
from pixstack.web.page import build_page
from pixstack.web.studio import Order, Studio
from tests.doors.serving import client_of
from tests.doors.standins import save
from tests.doors.translations import (
    LABELS,
    SIDE,
    write_facade,
    write_fashion,
    write_pose,
    write_translations,
)

TIMES, TO = "\N{MULTIPLICATION SIGN}", "\N{RIGHTWARDS ARROW}"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Of an app that has pose and photo models and none that enlarges."""
    models = write_translations(tmp_path_factory.mktemp("translations"))
    with client_of(models, tmp_path_factory.mktemp("downloads")) as client:
        yield client


def save_picture(path: Path, pixels: Any, mode: str | None = None) -> Path:
    picture = Image.fromarray(np.asarray(pixels, np.uint8))
    (picture.convert(mode) if mode else picture).save(path)
    return path


def gray(path: Path, width: int, height: int, value: int = 180) -> Path:
    return save_picture(path, np.full((height, width, 3), value))


def as_url(pixels: Any) -> str:
    """Pixels as the drawing board hands them over."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def pose(client: Client, picture: Path | None, inputs: Any = None, model: str = "hand-pose") -> Any:
    file = None if picture is None else handle_file(picture)
    return client.predict(file, model, inputs or {}, 0, "", api_name="/pose")


def photo(
    client: Client,
    model: str,
    picture: Path | None = None,
    inputs: Any = None,
    seed: Any = 0,
    drawing: str = "",
) -> Any:
    file = None if picture is None else handle_file(picture)
    return client.predict(file, model, inputs or {}, seed, drawing, api_name="/photo")


def pixels(path: str | Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def test_a_gesture_is_chosen_by_name(client: Client, tmp_path: Path) -> None:
    write_pose(tmp_path / "hand-pose.onnx")
    provider = Translator(tmp_path / "hand-pose.onnx").provider
    picture = gray(tmp_path / "hand.png", SIDE, SIDE)
    for gesture in ("0", "3", "9"):
        file, line, *previews = pose(client, picture, {"gesture": gesture})
        # The stand-in multiplies by gesture / 9: 180 * 3 / 9 = 60.
        assert np.unique(pixels(file)).tolist() == [180 * int(gesture) // 9]
        assert Path(file).name == "hand-target.png"
        assert line.startswith(f"{SIDE}{TIMES}{SIDE} pixels · ")
        assert f"· hand-pose · {provider}" in line
        assert [Image.open(one).size for one in previews] == [(SIDE, SIDE)] * 2


def test_a_picture_larger_than_the_network_comes_back_at_its_size(
    client: Client, tmp_path: Path
) -> None:
    file, line, *previews = pose(client, gray(tmp_path / "a.png", 640, 320), {"gesture": "9"})
    assert Image.open(file).size == (640, 320)
    assert [Image.open(one).size for one in previews] == [(640, 320)] * 2
    assert line.startswith(f"640{TIMES}320 pixels, drawn in 128{TIMES}64 · ")
    file, line, *_ = pose(client, gray(tmp_path / "small.png", 50, 40), {"gesture": "9"})
    assert Image.open(file).size == (50, 40)
    assert line.startswith(f"50{TIMES}40 pixels · ")


def test_the_app_gives_the_pixels_of_the_command_line(client: Client, tmp_path: Path) -> None:
    write_pose(tmp_path / "hand-pose.onnx")
    colors = np.random.default_rng(0).integers(0, 256, (107, 160, 3))
    picture = save_picture(tmp_path / "hand.png", colors)
    file, *_ = pose(client, picture, {"gesture": "7"})
    translator = Translator(tmp_path / "hand-pose.onnx")
    translator.file(picture, tmp_path / "told.png", {"gesture": "7"})
    assert np.array_equal(pixels(file), pixels(tmp_path / "told.png"))


def test_a_result_is_sent_on_in_the_pixels_that_were_drawn(tmp_path: Path) -> None:
    write_pose(tmp_path / "hand-pose.onnx")
    studio = Studio({"hand-pose": tmp_path / "hand-pose.onnx"}, tmp_path / "cache")

    def sent(width: int, height: int) -> tuple[int, int] | None:
        result = studio.translate(
            Order("hand-pose", "target"),
            str(gray(tmp_path / "hand.png", width, height)),
            lambda done, total: None,
            threading.Event(),
        )
        if result.drawn is None:
            return None
        return Image.open(studio.reduced(str(result.picture), result.drawn)).size

    assert sent(640, 320) == (128, 64)
    assert sent(160, 107) == (128, 86)  # 107 * 128 / 160 = 85.6
    assert sent(SIDE, SIDE) is None
    assert sent(50, 40) is None


def test_a_run_leaves_what_it_returns_until_that_is_forgotten(tmp_path: Path) -> None:
    write_facade(tmp_path / "facade-photo.onnx")
    studio = Studio({"facade-photo": tmp_path / "facade-photo.onnx"}, tmp_path / "cache")

    def drawn(side: int) -> Path:
        drawing = as_url(np.full((side, side, 3), LABELS["shop"]))
        order = Order("facade-photo", "target", drawing=drawing)
        result = studio.translate(order, None, lambda done, total: None, threading.Event())
        found = set(result.picture.parent.iterdir())
        assert found == {result.picture, result.before, result.after}
        return result.picture.parent

    # The model takes 2**16 pixels; the larger drawing is prepared for it.
    assert {drawn(16), drawn(300)} == set(studio.cache.iterdir())
    studio.forget(0)
    assert list(studio.cache.iterdir()) == []


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"gesture": "10"}, "expected 0..9"),
        ({"gesture": "fist"}, "expected one of 0, 1, 2"),
        ({"gesture": "<b>"}, "&lt;b&gt;"),
        ({"gesture": ["1"]}, "expected a text or a number"),
        ({"gestrue": "1"}, "unknown input 'gestrue'; hand-pose takes gesture"),
        ({"source": "secret.png"}, "unknown input 'source'"),
        (["1"], "must be an object such as"),
    ],
)
def test_a_choice_outside_the_list_is_told(
    inputs: Any, words: str, client: Client, tmp_path: Path
) -> None:
    with pytest.raises(AppError, match=words):
        pose(client, gray(tmp_path / "hand.png", 20, 20), inputs)


def test_an_unknown_model_and_a_missing_picture_are_told(client: Client, tmp_path: Path) -> None:
    with pytest.raises(AppError, match="Choose one of the models hand-pose"):
        pose(client, gray(tmp_path / "hand.png", 20, 20), model="facade-photo")
    with pytest.raises(AppError, match="Choose a picture first"):
        pose(client, None)
    with pytest.raises(AppError, match="Draw something first, or upload a picture"):
        photo(client, "facade-photo")


def test_labels_in_the_colors_of_the_palette_become_a_photo(client: Client, tmp_path: Path) -> None:
    colors = np.zeros((30, 40, 3))
    colors[:, :20], colors[:, 20:] = LABELS["background"], LABELS["shop"]
    file, line, *_ = photo(client, "facade-photo", save_picture(tmp_path / "labels.png", colors))
    assert line.startswith(f"40{TIMES}30 pixels")
    # Label 0 is black and 11 white, but for a tint of a few hundredths.
    assert pixels(file)[:, :20].max() < 20
    assert pixels(file)[:, 20:].min() > 235


def test_label_pictures_over_the_limit_are_reduced_without_new_colors(
    client: Client, tmp_path: Path
) -> None:
    colors = np.random.default_rng(0).choice(list(LABELS.values()), (20, 40))
    colors = colors.repeat(20, axis=0).repeat(20, axis=1)
    file, line, *_ = photo(client, "facade-photo", save_picture(tmp_path / "labels.png", colors))
    width, height = Image.open(file).size
    assert 800 * 400 > 2**16 >= width * height > 0.98 * 2**16
    assert line.startswith(f"800{TIMES}400 {TO} {width}{TIMES}{height}")


def test_a_strange_color_of_an_upload_is_named_with_what_to_do(
    client: Client, tmp_path: Path
) -> None:
    colors = np.full((10, 10, 3), LABELS["facade"])
    colors[4, 4] = (0, 120, 250)
    with pytest.raises(AppError) as caught:
        photo(client, "facade-photo", save_picture(tmp_path / "labels.png", colors))
    message = str(caught.value)
    assert "(0, 120, 250)" in message
    assert "nearest is window (0, 128, 255)" in message
    assert "save it as PNG" in message


def test_colors_of_a_drawing_move_to_the_nearest_of_the_palette(client: Client) -> None:
    exact = np.full((16, 16, 3), LABELS["shop"])
    near = exact + np.array([3, 2, 1])
    results = [photo(client, "facade-photo", drawing=as_url(one))[0] for one in (exact, near)]
    assert Path(results[0]).name == "drawing-target.png"
    assert np.array_equal(pixels(results[0]), pixels(results[1]))


def test_another_seed_gives_another_result(client: Client) -> None:
    drawing = as_url(np.full((8, 8, 3), LABELS["sill"]))
    first, again, other = (
        pixels(photo(client, "facade-photo", drawing=drawing, seed=seed)[0]) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("seed", [-1, 2**31, "much", None])
def test_a_seed_that_is_none_is_told(seed: Any, client: Client) -> None:
    with pytest.raises(AppError, match=r"the seed is .*; expected 0\.\."):
        photo(client, "facade-photo", drawing=as_url(np.zeros((8, 8, 3))), seed=seed)


@pytest.mark.parametrize(
    ("drawing", "words"),
    [
        ("https://example.invalid/a.png", "must be a PNG as data URL"),
        ("data:image/svg+xml;base64,AAAA", "must be a PNG as data URL"),
        ("data:image/png;base64,!!", "no valid data URL"),
        ("data:image/png;base64,AAAA", "drawing.png is not a picture"),
        ("data:image/png;base64," + "A" * 4_000_000, "must be a PNG as data URL"),
    ],
)
def test_a_drawing_that_is_none_gets_a_message(drawing: str, words: str, client: Client) -> None:
    with pytest.raises(AppError, match=words) as caught:
        photo(client, "facade-photo", drawing=drawing)
    assert "pixstack-" not in str(caught.value)


def test_edges_are_read_bright_on_dark_whichever_way_they_are_drawn(
    client: Client, tmp_path: Path
) -> None:
    lines = np.zeros((20, 30, 3))
    lines[10] = 255
    bright = save_picture(tmp_path / "bright.png", lines, "L")
    dark = save_picture(tmp_path / "dark.png", 255 - lines)
    for result in (
        photo(client, "sketch-photo", bright)[0],
        photo(client, "sketch-photo", dark)[0],
        photo(client, "sketch-photo", drawing=as_url(255 - lines))[0],
    ):
        assert np.array_equal(pixels(result).reshape(20, 30, -1)[:, :, 0], lines[:, :, 0])


def test_classes_and_strengths_reach_the_model(client: Client, tmp_path: Path) -> None:
    picture = gray(tmp_path / "photo.png", 64, 96, 200)

    def value(inputs: dict[str, Any]) -> list[int]:
        return np.unique(pixels(photo(client, "fashion", picture, inputs)[0])).tolist()

    # The stand-in multiplies by (outfit + 1) / 4 and by the warmth.
    assert value({}) == [200]
    assert value({"outfit": "dress"}) == [100]
    assert value({"outfit": 1, "warmth": 0.5}) == [50]
    with pytest.raises(AppError, match=r"input 'warmth' is 2; expected 0\.\.1"):
        value({"warmth": 2})
    with pytest.raises(AppError, match="expected one of coat, dress, shirt, skirt"):
        value({"outfit": "hat"})


def test_colors_are_asked_for_by_name(client: Client, tmp_path: Path) -> None:
    picture = gray(tmp_path / "photo.png", 64, 96, 0)

    def color(colors: Any) -> list[int]:
        file, *_ = photo(client, "fashion", picture, {"colors": colors})
        return pixels(file)[0, 0].tolist()

    assert color({}) == [0, 0, 0]
    assert color({"top": "#b03060"}) == [0xB0, 0x30, 0x60]
    assert color({"skirt": "#b03060"}) == [0, 0, 0]
    for colors, words in (
        ({"hat": "#b03060"}, "'colors': got 'hat'; expected one of top, skirt"),
        ({"top": "red"}, "'colors': got 'red'; expected a color as #rrggbb"),
        ("#b03060", "'colors' must be an object such as"),
    ):
        with pytest.raises(AppError, match=words):
            color(colors)


def test_the_page_has_a_picker_for_each_color(tmp_path: Path) -> None:
    write_fashion(tmp_path / "fashion.onnx")
    page = build_page(Studio({"fashion": tmp_path / "fashion.onnx"}, tmp_path))
    blocks = list(page.blocks.values())
    pickers = [one for one in blocks if isinstance(one, gradio.ColorPicker)]
    assert [(one.label, one.visible) for one in pickers] == [("Top", False), ("Skirt", False)]
    [asked] = [one for one in blocks if isinstance(one, gradio.CheckboxGroup)]
    assert asked.elem_id == "photo-fashion-colors"
    assert [name for name, _ in asked.choices] == ["top", "skirt"]


def test_a_drawing_is_for_models_that_are_drawn_for(client: Client, tmp_path: Path) -> None:
    drawing = as_url(np.zeros((8, 8, 3)))
    with pytest.raises(AppError, match="Choose a picture first"):
        photo(client, "fashion", drawing=drawing)
    file, *_ = photo(client, "fashion", gray(tmp_path / "a.png", 20, 30), drawing=drawing)
    assert Path(file).name == "a-target.png"


def test_the_page_follows_the_manifests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pose(tmp_path / "hand-pose.onnx")
    write_pose(tmp_path / "turn.onnx", names=("left", "right"))
    manifest = Manifest(
        name="limbs",
        task="pose",
        inputs=(Input("source", "rgb"), Input("joints", "keypoints:3")),
        outputs=(Output("target", "rgb"),),
    )
    same = helper.make_node("Identity", ["source"], ["target"])
    save(tmp_path / "limbs.onnx", [same], [], manifest)
    page = build_page(Studio({path.stem: path for path in tmp_path.glob("*.onnx")}, tmp_path))
    blocks = list(page.blocks.values())

    [radio] = [one for one in blocks if getattr(one, "elem_id", None) == "pose-hand-pose-gesture"]
    assert isinstance(radio, gradio.Radio)
    assert [name for name, _ in radio.choices] == [str(digit) for digit in range(10)]
    # What is chosen from the start is also what a run is told.
    assert radio.value == "1"
    [inputs] = [one for one in blocks if getattr(one, "label", None) == "Inputs"]
    assert isinstance(inputs, gradio.JSON)
    assert inputs.value == {"gesture": "1"}
    dropdowns = [one for one in blocks if isinstance(one, gradio.Dropdown)]
    assert [[name for name, _ in one.choices] for one in dropdowns] == [
        ["hand-pose", "turn"],
        ["left", "right"],  # a dropdown, for these gestures have no pictures
    ]
    # A model that needs more than the page can ask for is left out; without a model, no tab.
    assert "skipped: limbs needs inputs" in capsys.readouterr().err
    titles = [one.label for one in blocks if isinstance(one, gradio.Tab)]
    assert "Pose" in titles
    assert "Photo" not in titles
    # Nothing enlarges here, so there is nowhere to send a result.
    assert not [one for one in blocks if getattr(one, "elem_id", None) == "pose-send"]


def test_the_page_says_what_a_model_expects(tmp_path: Path) -> None:
    def expected(description: str) -> gradio.Markdown:
        manifest = Manifest(
            name="hand",
            task="pose",
            inputs=(Input("source", "rgb", description=description),),
            outputs=(Output("target", "rgb"),),
        )
        same = helper.make_node("Identity", ["source"], ["target"])
        save(tmp_path / "hand.onnx", [same], [], manifest)
        page = build_page(Studio({"hand": tmp_path / "hand.onnx"}, tmp_path))
        blocks = {getattr(one, "elem_id", None): one for one in page.blocks.values()}
        note = blocks["pose-expects"]
        assert isinstance(note, gradio.Markdown)
        return note

    note = expected("one hand before a <b>wall</b>")
    assert note.value == "Expects one hand before a &lt;b&gt;wall&lt;/b&gt;."
    assert note.visible
    assert not expected("").visible
