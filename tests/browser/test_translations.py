"""What a visitor does in the Pose and Photo tabs: choose, draw, wait, download, send on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from export.manifest import Input, Manifest, Output
from pixstack.web.choices import build_choices, gather, starting
from tests.browser.conftest import App, new_page
from tests.browser.test_page import download, press, run, screenshot, upload
from tests.doors.translations import LABELS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIDE = 256  # pixels, of the drawing board
BOARD = "#photo-facade-photo-board"
PICTURE = f"() => document.querySelector('{BOARD} canvas').toDataURL()"


@pytest.fixture
def page(browser: Browser, translating_app: App) -> Iterator[Page]:
    with new_page(translating_app, browser, 1280) as page:
        yield page


@pytest.fixture
def page_of_width(browser: Browser, translating_app: App, width: int) -> Iterator[Page]:
    with new_page(translating_app, browser, width) as page:
        yield page


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    page.locator(f"#{name.lower()}-run").wait_for()


def choose_model(page: Page, name: str) -> None:
    page.locator("#photo-model input").click()
    page.get_by_role("option", name=name, exact=True).click()


def result(page: Page, tab: str, folder: Path) -> np.ndarray:
    return np.asarray(Image.open(download(page, tab, folder))).astype(int)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw on the board from one place to another, each as shares of its width and height."""
    canvas = page.locator(f"{BOARD} canvas")
    # A pointer goes where it is told; to hover waits until the board lies still and is on top.
    canvas.hover()
    box = canvas.bounding_box()
    assert box
    drawn = page.evaluate(PICTURE)
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=5)
    page.mouse.up()
    page.wait_for_function(f"before => ({PICTURE})() !== before", arg=drawn)


def label(value: float) -> int:
    """The label that the stand-in shows as this gray, which a tint has changed a little."""
    return round(value / 255 * 11)


def test_a_hand_takes_the_chosen_gesture(page: Page, photograph: Path, tmp_path: Path) -> None:
    open_tab(page, "Pose")
    upload(page, "pose", photograph)
    page.locator("#pose-hand-pose-gesture").get_by_text("9", exact=True).click()
    assert "hand-pose" in run(page, "pose")
    # Screen readers say what it tells.
    assert page.locator("#pose-line").get_attribute("role") == "status"
    whole = result(page, "pose", tmp_path)
    assert whole.shape == (100, 150, 3)  # that of the upload, though it is drawn in 128x85
    # Shift and Tab go back from 9 to 8. The stand-in multiplies by gesture / 9.
    page.locator("#pose-hand-pose-gesture input").nth(9).focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    run(page, "pose")
    assert np.abs(result(page, "pose", tmp_path) - whole * 8 / 9).max() <= 2
    # What is enlarged are the pixels that were drawn.
    page.locator("#pose-send").click()
    page.locator("#super_resolution-upload img").wait_for()
    run(page, "super_resolution")
    assert result(page, "super_resolution", tmp_path).shape == (4 * 85, 4 * 128, 3)


def test_the_pose_that_is_shown_is_the_one_that_is_made(page: Page, tmp_path: Path) -> None:
    open_tab(page, "Pose")
    assert page.locator("#pose-hand-pose-gesture input:checked").get_attribute("value") == "1"
    Image.new("RGB", (128, 128), (180, 180, 180)).save(tmp_path / "gray.png")
    upload(page, "pose", tmp_path / "gray.png")
    run(page, "pose")
    assert np.unique(result(page, "pose", tmp_path)).tolist() == [20]  # 180 * 1 / 9


def test_what_is_drawn_becomes_a_photo_and_is_sent_on(page: Page, tmp_path: Path) -> None:
    open_tab(page, "Photo")
    board = page.locator(BOARD)
    board.get_by_text("shop", exact=True).click()
    drag(page, (0.25, 0.5), (0.75, 0.5))
    board.get_by_text("door", exact=True).click()
    board.get_by_text("Rectangle", exact=True).click()
    drag(page, (0.1, 0.7), (0.4, 0.9))
    assert f"{SIDE}\N{MULTIPLICATION SIGN}{SIDE}" in run(page, "photo")
    gray = result(page, "photo", tmp_path).mean(axis=2)
    names = list(LABELS)
    found = {
        place: names[label(gray[round(place[1] * SIDE), round(place[0] * SIDE)])]
        for place in ((0.5, 0.5), (0.25, 0.8), (0.5, 0.2), (0.75, 0.9))
    }
    assert list(found.values()) == ["shop", "door", "background", "background"]

    for part in ("before", "after"):
        assert page.locator(f"#photo-{part} img").is_visible()
    page.locator("#photo-send").click()
    page.locator("#super_resolution-upload img").wait_for()
    line = run(page, "super_resolution")
    assert line.startswith(f"{SIDE}\N{MULTIPLICATION SIGN}{SIDE} ")
    assert result(page, "super_resolution", tmp_path).shape == (4 * SIDE, 4 * SIDE, 3)


def test_the_board_is_drawn_on_with_the_keyboard(page: Page, tmp_path: Path) -> None:
    open_tab(page, "Photo")
    press(page, "#photo-run")
    page.get_by_text("Draw something first").wait_for()
    page.locator("#photo-run:enabled").wait_for()
    page.locator(BOARD).get_by_label("shop").focus()
    page.keyboard.press("Space")
    canvas = page.locator(f"{BOARD} canvas")
    canvas.focus()
    for key in ("ArrowLeft", "ArrowLeft", "Space", "ArrowDown", "Space", "Control+z"):
        page.keyboard.press(key)
    run(page, "photo")
    gray = result(page, "photo", tmp_path).mean(axis=2)
    # The cursor starts in the middle and moves by 8 pixels; the brush is 24 wide.
    assert label(gray[SIDE // 2, SIDE // 2 - 16]) == 11
    assert label(gray[SIDE // 2 - 11, SIDE // 2 - 16]) == 11
    assert label(gray[SIDE // 2 + 16, SIDE // 2 - 16]) == 0  # taken back


def test_a_rectangle_that_was_only_begun_is_in_the_drawing(page: Page, tmp_path: Path) -> None:
    open_tab(page, "Photo")
    board = page.locator(BOARD)
    board.get_by_text("shop", exact=True).click()
    board.get_by_text("Rectangle", exact=True).click()
    page.locator(f"{BOARD} canvas").focus()
    for key in ("Space", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    board.get_by_text("Brush", exact=True).click()
    run(page, "photo")
    gray = result(page, "photo", tmp_path).mean(axis=2)
    assert label(gray[SIDE // 2 + 4, SIDE // 2 + 4]) == 11
    assert label(gray[SIDE // 2 + 20, SIDE // 2 + 20]) == 0


def test_a_second_finger_draws_no_line_to_the_first(page: Page) -> None:
    open_tab(page, "Photo")
    page.locator(BOARD).get_by_text("shop", exact=True).click()
    touch = f"""([kind, finger, x, y]) => {{
      const board = document.querySelector('{BOARD} canvas'), box = board.getBoundingClientRect();
      board.setPointerCapture = () => {{}};  // of fingers that no screen knows
      board.dispatchEvent(new PointerEvent(kind, {{ pointerId: finger, pointerType: "touch",
        clientX: box.left + x * box.width, clientY: box.top + y * box.height }})); }}"""
    middle = f"""() => [...document.querySelector('{BOARD} canvas').getContext('2d')
      .getImageData({SIDE // 2}, {SIDE // 2}, 1, 1).data].join()"""
    paper = page.evaluate(middle)
    for event in (
        ["pointerdown", 1, 0.1, 0.1],
        ["pointerdown", 2, 0.9, 0.9],
        ["pointermove", 2, 0.88, 0.9],
        ["pointerup", 2, 0.88, 0.9],
        ["pointermove", 1, 0.12, 0.1],
    ):
        page.evaluate(touch, event)
    assert page.evaluate(middle) == paper
    # The first finger draws on after the second is gone.
    page.evaluate(touch, ["pointermove", 1, 0.9, 0.9])
    assert page.evaluate(middle) != paper
    page.evaluate(touch, ["pointerup", 1, 0.9, 0.9])


def test_a_cleared_board_stays_clear(page: Page) -> None:
    open_tab(page, "Photo")
    board = page.locator(BOARD)
    clear = page.evaluate(PICTURE)
    board.get_by_text("shop", exact=True).click()
    drag(page, (0.25, 0.5), (0.75, 0.5))
    board.get_by_text("Rectangle", exact=True).click()
    canvas = page.locator(f"{BOARD} canvas")
    canvas.focus()
    page.keyboard.press("Space")  # one corner of a rectangle
    board.get_by_role("button", name="Clear").click()
    canvas.hover(position={"x": 20, "y": 20})
    canvas.hover(position={"x": 60, "y": 60})
    assert page.evaluate(PICTURE) == clear


def test_another_takes_a_new_seed_and_runs(page: Page, tmp_path: Path) -> None:
    open_tab(page, "Photo")
    page.locator(f"{BOARD} .start").click()
    run(page, "photo")
    first = result(page, "photo", tmp_path)
    press(page, "#photo-another")
    page.locator("#photo-run:enabled").wait_for()
    assert page.locator("#photo-seed input").input_value() != "0"
    assert not np.array_equal(result(page, "photo", tmp_path), first)


def test_a_drawing_is_kept_while_another_model_is_looked_at(page: Page, tmp_path: Path) -> None:
    open_tab(page, "Photo")
    page.locator(f"{BOARD} .start").click()
    choose_model(page, "fashion")
    page.locator("#photo-fashion-outfit").wait_for()
    assert not page.locator("#photo-origin").is_visible()
    choose_model(page, "facade-photo")
    page.locator(f"{BOARD} canvas").wait_for()
    run(page, "photo")
    assert len(np.unique(result(page, "photo", tmp_path)[:, :, 0])) == len(LABELS)


def test_a_drawing_outlives_the_steps_that_can_be_taken_back(page: Page, tmp_path: Path) -> None:
    open_tab(page, "Photo")
    page.locator(BOARD).get_by_label("shop").check()
    canvas = page.locator(f"{BOARD} canvas")
    canvas.focus()
    # One step more than are remembered, side by side; all that can be are taken back.
    for _ in range(31):
        page.keyboard.press("Space")
        page.keyboard.press("Shift+ArrowRight")
    for _ in range(31):
        page.keyboard.press("Control+z")
    run(page, "photo")
    gray = result(page, "photo", tmp_path).mean(axis=2)
    # The first is 24 wide around the middle of the board.
    found = [label(gray[SIDE // 2, SIDE // 2 + right]) for right in (0, 10, 20)]
    assert found == [11, 11, 0]


def test_of_a_board_that_was_hidden_no_more_is_taken_back_than_was_added(
    page: Page, tmp_path: Path
) -> None:
    open_tab(page, "Photo")
    page.locator(BOARD).get_by_label("shop").check()
    canvas = page.locator(f"{BOARD} canvas")
    canvas.focus()
    page.keyboard.press("Space")
    choose_model(page, "fashion")
    page.locator("#photo-fashion-outfit").wait_for()
    choose_model(page, "facade-photo")
    canvas.focus()
    # A second dab, 24 pixels below the first and as wide, is taken back.
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Space", "Control+z"):
        page.keyboard.press(key)
    run(page, "photo")
    gray = result(page, "photo", tmp_path).mean(axis=2)
    assert [label(gray[SIDE // 2 + below, SIDE // 2]) for below in (0, 24)] == [11, 0]


def test_all_taken_back_is_no_drawing(page: Page) -> None:
    open_tab(page, "Photo")
    page.locator(f"{BOARD} canvas").focus()
    for key in ("Space", "ArrowRight", "Space", "Control+z", "Control+z"):
        page.keyboard.press(key)
    press(page, "#photo-run")
    page.get_by_text("Draw something first").wait_for()


def test_choices_and_uploads_reach_the_model(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (64, 96), (200, 200, 200)).save(tmp_path / "person.png")
    open_tab(page, "Photo")
    choose_model(page, "fashion")
    page.locator("#photo-fashion-outfit input").click()
    page.get_by_role("option", name="shirt").click()
    upload(page, "photo", tmp_path / "person.png")
    assert "fashion" in run(page, "photo")
    # The stand-in multiplies by 3 / 4 for the third of the outfits.
    assert np.unique(result(page, "photo", tmp_path)).tolist() == [150]

    Image.new("RGB", (20, 20), (1, 2, 3)).save(tmp_path / "strange.png")
    choose_model(page, "facade-photo")
    page.locator(f"{BOARD} canvas").wait_for()
    press(page, "#photo-run")
    page.get_by_text("Draw something first").wait_for()
    page.locator("#photo-run:enabled").wait_for()
    page.locator("#photo-origin").get_by_text("Upload").click()
    box = page.locator("#photo-upload")
    box.locator("button[aria-label=Clear], button[aria-label='Remove Image']").first.click()
    box.locator("img").wait_for(state="detached")
    upload(page, "photo", tmp_path / "strange.png")
    page.locator("#photo-run").click()
    page.get_by_text("has the color (1, 2, 3), which is not in its palette").wait_for()


def test_the_tabs_read_well_wide_and_narrow(
    page_of_width: Page, width: int, tmp_path: Path
) -> None:
    page = page_of_width
    open_tab(page, "Pose")
    screenshot(page, f"pose-{width}-empty", tmp_path)
    page.locator("#pose-examples button").nth(1).click()
    page.locator("#pose-upload img").wait_for()
    page.locator("#pose-hand-pose-gesture").get_by_text("5", exact=True).click()
    for name in ("Pose", "Photo"):
        tab = name.lower()
        open_tab(page, name)
        if tab == "photo":
            page.locator(f"{BOARD} .start").click()
        run(page, tab)
        page.locator(f"#{tab}-compare img").first.wait_for()
        page.wait_for_timeout(500)
        screenshot(page, f"{tab}-{width}-result", tmp_path)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        for part in ("run", "stop", "compare", "line", "download", "send"):
            box = page.locator(f"#{tab}-{part}").bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width, part
    board = page.locator(f"{BOARD} canvas").bounding_box()
    assert board
    assert board["width"] == pytest.approx(board["height"], abs=1)


def test_a_slider_below_its_range_leaves_a_strength_to_the_model(page: Page) -> None:
    manifest = Manifest(
        name="m", task="photo", outputs=(Output("target", "rgb"),),
        inputs=(Input("noise", "noise"), Input("truncation", "strength", default=-1, range=(0, 1))),
    )  # fmt: skip
    choices = build_choices("photo", "m", manifest, {})
    assert starting(choices, "m") == {"truncation": -1}
    script = f"([model, value]) => ({gather(choices)})(model, value)"
    told = [page.evaluate(script, ["m", value]) for value in (-1, -0.25, 0, 0.75)]
    assert [one["truncation"] for one in told] == [-1, -1, 0, 0.75]
    assert page.evaluate(script, ["another", 0.75]) == {}
