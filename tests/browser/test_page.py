"""What a visitor does: upload, wait, compare, download, stop, and drop the wrong file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from export.runtime import Translator
from tests.browser.conftest import App, new_page, write_photograph

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# tab -> (its label, model, output, scale)
TABS = {
    "super_resolution": ("Enlarge", "photo-sr", "x4", 4),
    "denoise": ("Denoise", "photo-denoise-real", "target", 1),
}
COUNTED = re.compile(r"Working, part \d+ of \d+")
LARGE = 2000, 1400  # pixels; long enough a run to be stopped
tabs = pytest.mark.parametrize("tab", TABS)


def open_tab(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=TABS[tab][0]).click()
    page.locator(f"#{tab}-run").wait_for()
    # They come a moment after the rest, which moves down for them.
    page.locator(f"#{tab}-examples button img").last.wait_for()


def upload(page: Page, tab: str, file: Path) -> None:
    page.locator(f"#{tab}-upload input[type=file]").set_input_files(file)
    # The picture appears once the server has it; a file that is none appears as a broken one.
    page.locator(f"#{tab}-upload img").wait_for(state="attached")


def replace_upload(page: Page, tab: str, file: Path) -> None:
    box = page.locator(f"#{tab}-upload")
    box.locator("button[aria-label=Clear], button[aria-label='Remove Image']").first.click()
    box.locator("img").wait_for(state="detached")
    upload(page, tab, file)


def press(page: Page, button: str) -> None:
    """Start a run; from here on, the line of the one before it is gone and the button is off."""
    with page.expect_response(lambda answer: "/queue/join" in answer.url):
        page.locator(button).click()


def run(page: Page, tab: str) -> str:
    """Press the button and return the line under the result."""
    press(page, f"#{tab}-run")
    line = page.locator(f"#{tab}-line").get_by_text("pixels")
    line.wait_for()
    page.locator(f"#{tab}-run:enabled").wait_for()
    return line.inner_text()


def download(page: Page, tab: str, folder: Path) -> Path:
    with page.expect_download() as started:
        page.locator(f"#{tab}-download").click()
    target = folder / started.value.suggested_filename
    started.value.save_as(target)
    return target


def top(page: Page, selector: str) -> float:
    """How far below the top of the whole page something is, in pixels."""
    return page.locator(selector).evaluate(
        "one => one.getBoundingClientRect().top + window.scrollY"
    )


def screenshot(page: Page, name: str, folder: Path) -> None:
    """Keep a picture of the page; PIXSTACK_SCREENSHOTS names a folder to keep it in."""
    folder = Path(os.environ.get("PIXSTACK_SCREENSHOTS") or folder)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)


@tabs
def test_a_photograph_comes_back_better(
    tab: str, page: Page, app: App, photograph: Path, tmp_path: Path
) -> None:
    _, model, output, scale = TABS[tab]
    open_tab(page, tab)
    upload(page, tab, photograph)
    line = run(page, tab)
    times = "\N{MULTIPLICATION SIGN}"
    assert line.startswith(f"150{times}100")
    assert re.search(rf"· \d+\.\d s · {model} · \w+", line)
    assert ("noise found: sigma" in line) == (tab == "denoise")

    result = np.asarray(Image.open(download(page, tab, tmp_path)))
    source = np.asarray(Image.open(photograph))
    assert result.shape == (100 * scale, 150 * scale, 3)
    if scale == 1:
        assert not np.array_equal(result, source)
    translator = Translator(app.models / f"{model}.onnx")
    assert np.array_equal(result, translator.run({"source": source}, output)[output])

    pictures = page.locator(f"#{tab}-compare img")
    assert pictures.count() == 2
    sizes = pictures.evaluate_all("all => all.map(one => [one.naturalWidth, one.naturalHeight])")
    assert sizes == [[150 * scale, 100 * scale]] * 2


def test_the_settings_reach_the_model(page: Page, photograph: Path, tmp_path: Path) -> None:
    upload(page, "super_resolution", photograph)
    page.locator("#super_resolution-scale").get_by_text("2x").click()
    page.locator("#super_resolution-style").get_by_text("Crisp", exact=True).click()
    assert "photo-sr-crisp" in run(page, "super_resolution")
    assert Image.open(download(page, "super_resolution", tmp_path)).size == (300, 200)

    open_tab(page, "denoise")
    # Before the settings, so that the tab is there with all that listens in it.
    upload(page, "denoise", photograph)
    slider = page.locator("#denoise-strength")
    assert not slider.is_visible()
    page.locator("#denoise-automatic input").click()
    slider.wait_for()
    results = []
    for strength in ("0", "50"):
        slider.locator("input[type=number]").fill(strength)
        run(page, "denoise")
        results.append(np.asarray(Image.open(download(page, "denoise", tmp_path))).astype(int))
    source = np.asarray(Image.open(photograph)).astype(int)
    changes = [np.abs(result - source).mean() for result in results]
    assert changes[0] < changes[1]


def test_the_line_between_before_and_after_moves(page: Page, photograph: Path) -> None:
    upload(page, "super_resolution", photograph)
    run(page, "super_resolution")
    after = page.locator("#super_resolution-compare img.fixed")
    handle = page.locator("#super_resolution-compare [data-testid=slider]")
    handle.wait_for()
    page.wait_for_timeout(500)

    def hidden_part() -> float:
        style = after.get_attribute("style") or ""
        found = re.search(r"inset\(0px 0px 0px ([\d.]+)%\)", style)
        assert found, style
        return float(found.group(1))

    assert hidden_part() == pytest.approx(50, abs=2)
    box, frame = handle.bounding_box(), after.bounding_box()
    assert box
    assert frame
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - frame["width"] / 4, middle[1], steps=5)
    page.mouse.up()
    assert hidden_part() == pytest.approx(25, abs=4)


@tabs
def test_stop_ends_a_long_run_and_the_next_one_works(
    tab: str, page: Page, app: App, photograph: Path, tmp_path: Path
) -> None:
    large = write_photograph(tmp_path / "large.png", *LARGE)
    open_tab(page, tab)
    upload(page, tab, large)
    assert page.locator(f"#{tab}-stop").is_disabled()
    page.locator(f"#{tab}-run").click()
    # The bar counts parts, so the run is under way.
    page.locator(f"#{tab}-compare").get_by_text(COUNTED).wait_for()
    page.locator(f"#{tab}-stop:enabled").click()
    page.locator(f"#{tab}-line").get_by_text("Stopped.").wait_for()
    assert page.locator(f"#{tab}-download").is_disabled()
    assert page.locator(f"#{tab}-compare img").count() == 0
    assert not [path for path in app.folder.rglob("large-*") if path.is_file()]

    page.locator(f"#{tab}-run:enabled").wait_for()
    replace_upload(page, tab, photograph)
    assert "150" in run(page, tab)


def test_closing_the_page_ends_its_run(
    page: Page, app: App, browser: Browser, photograph: Path, tmp_path: Path
) -> None:
    upload(page, "super_resolution", write_photograph(tmp_path / "left.png", *LARGE))
    page.locator("#super_resolution-run").click()
    page.locator("#super_resolution-compare").get_by_text(COUNTED).wait_for()
    page.close()
    with new_page(app, browser, 1280) as other:
        upload(other, "super_resolution", photograph)
        run(other, "super_resolution")
    # One picture is translated at a time: had the first run gone on, its result would be there.
    assert not list(app.folder.rglob("left-x4.png"))


@tabs
def test_a_text_file_gets_a_message_and_the_page_goes_on(
    tab: str, page: Page, photograph: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.png"
    wrong.write_text("this is no picture")
    open_tab(page, tab)
    upload(page, tab, wrong)
    reason = "wrong.png is not a picture that can be read"
    page.locator(f"#{tab}-trouble").get_by_text(reason).wait_for()
    press(page, f"#{tab}-run")
    page.locator(f"#{tab}-line").get_by_text(reason).wait_for()
    page.locator(f"#{tab}-run:enabled").wait_for()
    assert page.locator(f"#{tab}-download").is_disabled()
    replace_upload(page, tab, photograph)
    page.locator(f"#{tab}-trouble").wait_for(state="hidden")
    assert "150" in run(page, tab)


def test_a_failed_run_leaves_no_picture_of_the_one_before(page: Page, photograph: Path) -> None:
    upload(page, "super_resolution", photograph)
    run(page, "super_resolution")
    box = page.locator("#super_resolution-upload")
    box.locator("button[aria-label=Clear], button[aria-label='Remove Image']").first.click()
    press(page, "#super_resolution-run")
    page.locator("#super_resolution-line").get_by_text("Choose a picture first.").wait_for()
    page.locator("#super_resolution-compare img").first.wait_for(state="detached")
    assert page.locator("#super_resolution-download").is_disabled()


def test_a_picture_without_noise_is_sent_on(page: Page, photograph: Path, tmp_path: Path) -> None:
    open_tab(page, "denoise")
    upload(page, "denoise", photograph)
    run(page, "denoise")
    page.locator("#denoise-send").click()
    page.locator("#super_resolution-upload img").wait_for()
    run(page, "super_resolution")
    assert Image.open(download(page, "super_resolution", tmp_path)).size == (600, 400)


def test_a_result_becomes_larger_still(page: Page, photograph: Path, tmp_path: Path) -> None:
    upload(page, "super_resolution", photograph)
    run(page, "super_resolution")
    page.locator("#super_resolution-send").click()
    page.locator("#super_resolution-upload img[src*='photograph-x4']").wait_for()
    page.locator("#super_resolution-scale").get_by_text("2x").click()
    run(page, "super_resolution")
    assert Image.open(download(page, "super_resolution", tmp_path)).size == (1200, 800)


def test_a_photograph_too_large_for_the_chosen_scale_gets_a_smaller_one(
    page: Page, photograph: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (4000, 3000)).save(tmp_path / "phone.jpg")
    scale = page.locator("#super_resolution-scale input:checked")
    assert scale.input_value() == "4x"
    upload(page, "super_resolution", tmp_path / "phone.jpg")
    told = page.locator("#super_resolution-fitted")
    told.get_by_text("2x is chosen: 4x of 4000 x 3000 pixels").wait_for()
    assert scale.input_value() == "2x"
    replace_upload(page, "super_resolution", photograph)
    told.wait_for(state="hidden")
    assert run(page, "super_resolution").startswith("150")


def test_a_picture_that_the_browser_cannot_show_is_told_to_be_taken(
    page: Page, photograph: Path, tmp_path: Path
) -> None:
    Image.open(photograph).save(tmp_path / "scan.tif")
    upload(page, "super_resolution", tmp_path / "scan.tif")
    told = page.locator("#super_resolution-note")
    told.get_by_text("150 x 100 pixels, 8-bit TIFF: taken.").wait_for()
    assert run(page, "super_resolution").startswith("150")
    replace_upload(page, "super_resolution", photograph)
    told.wait_for(state="hidden")


def test_pressing_the_button_without_a_picture_says_what_to_do(page: Page) -> None:
    page.locator("#super_resolution-run").click()
    page.locator("#super_resolution-line").get_by_text("Choose a picture first.").wait_for()
    page.locator("#super_resolution-run:enabled").wait_for()


@tabs
def test_the_page_reads_well_wide_and_narrow(
    tab: str, page_of_width: Page, width: int, tmp_path: Path
) -> None:
    page = page_of_width
    open_tab(page, tab)
    screenshot(page, f"{tab}-{width}-empty", tmp_path)
    empty = top(page, f"#{tab}-download")
    page.locator(f"#{tab}-examples button").nth(1).click()
    page.locator(f"#{tab}-upload img").wait_for()
    run(page, tab)
    page.locator(f"#{tab}-compare img").first.wait_for()
    page.wait_for_timeout(500)
    screenshot(page, f"{tab}-{width}-result", tmp_path)
    # Nothing moves when the result comes, and no part of it is cut off.
    assert top(page, f"#{tab}-download") == pytest.approx(empty, abs=4)
    frame = page.locator(f"#{tab}-compare").bounding_box()
    assert frame
    for picture in page.locator(f"#{tab}-compare img").all():
        shown = picture.bounding_box()
        assert shown
        assert shown["width"] <= frame["width"] + 1
        assert shown["height"] <= frame["height"] + 1
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for part in ("upload", "run", "stop", "compare", "line", "download"):
        box = page.locator(f"#{tab}-{part}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width, part
