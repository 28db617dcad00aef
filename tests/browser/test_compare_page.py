"""The page of a blind comparison in a browser: keys, buttons, and votes that are read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pixstack.blind.trials import find_trials, make_page
from pixstack.blind.votes import tally
from tests.browser.conftest import PATIENCE
from tests.photographs import write_pictures

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COUNT = 4


@pytest.fixture
def comparison(tmp_path: Path) -> tuple[Path, Path]:
    """A page and its key; A is light, B is dark."""
    folders = [
        write_pictures(
            tmp_path / side,
            {f"n{index}.png": np.full((30, 40, 3), light, np.uint8) for index in range(COUNT)},
        )
        for side, light in (("A", 200), ("B", 40))
    ]
    page, key = make_page(find_trials(*folders, sources=folders[0]), ("mine", "theirs"), seed=5)
    paths = (tmp_path / "page.html", tmp_path / "key.json")
    paths[0].write_text(page, "utf-8")
    paths[1].write_text(json.dumps(key), "utf-8")
    return paths


@pytest.fixture
def voting(browser: Browser, comparison: tuple[Path, Path]) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1000, "height": 700}, accept_downloads=True)
    page.set_default_timeout(PATIENCE)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(comparison[0].as_uri())
    yield page
    page.close()
    assert troubles == []


def shade(page: Page, side: str) -> int:
    """What a side shows."""
    return page.evaluate(
        """async (side) => {
            const picture = document.querySelector(`#${side} img`);
            await picture.decode();
            const canvas = document.createElement("canvas");
            const context = canvas.getContext("2d");
            context.drawImage(picture, 0, 0);
            return context.getImageData(0, 0, 1, 1).data[0];
        }""",
        side,
    )


def download(page: Page, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.locator("#download").click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_votes_for_the_lighter_picture_are_votes_for_a(
    voting: Page, comparison: tuple[Path, Path], tmp_path: Path
) -> None:
    assert voting.locator("#count").inner_text() == f"0 of {COUNT}"
    assert voting.locator("#download").is_disabled()
    assert voting.locator("#source img").is_visible()
    for index in range(COUNT):
        lighter = "left" if shade(voting, "left") > shade(voting, "right") else "right"
        if index % 2:
            voting.locator(f"#{lighter}").click()
        else:
            voting.keyboard.press({"left": "ArrowLeft", "right": "ArrowRight"}[lighter])
    assert voting.locator("#done").is_visible()
    assert not voting.locator("#voting").is_visible()
    told = tally(comparison[1], [download(voting, tmp_path)])
    assert (told["A"], told["B"], told["no_preference"]) == (COUNT, 0, 0)
    assert told["share_of_left"] == 0.5


def test_going_back_and_having_no_preference(
    voting: Page, comparison: tuple[Path, Path], tmp_path: Path
) -> None:
    for key in ("ArrowLeft", "Backspace", "Backspace", " ", "ArrowRight"):
        voting.keyboard.press(key)
    assert voting.locator("#count").inner_text() == f"2 of {COUNT}"
    # Votes outlive a reload.
    voting.reload()
    assert voting.locator("#count").inner_text() == f"2 of {COUNT}"
    told = tally(comparison[1], [download(voting, tmp_path)])
    assert told["no_preference"] == 1
    assert told["A"] + told["B"] == 1


def test_the_page_fits_a_narrow_window(voting: Page) -> None:
    voting.set_viewport_size({"width": 400, "height": 700})
    assert voting.evaluate("document.documentElement.scrollWidth") == 400
