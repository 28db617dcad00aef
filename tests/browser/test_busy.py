"""What a visitor sees while others are served."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import App, new_page, write_photograph
from tests.browser.test_page import COUNTED, LARGE, press, upload
from tests.doors.serving import served
from tests.doors.standins import write_all

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RUN, STOP, LINE = (f"#super_resolution-{part}" for part in ("run", "stop", "line"))


def test_a_run_that_waits_is_stopped_at_once_and_the_other_goes_on(
    page: Page, app: App, browser: Browser, photograph: Path, tmp_path: Path
) -> None:
    upload(page, "super_resolution", write_photograph(tmp_path / "long.png", *LARGE))
    page.locator(RUN).click()
    page.locator("#super_resolution-compare").get_by_text(COUNTED).wait_for()
    with new_page(app, browser, 1280) as other:
        upload(other, "super_resolution", photograph)
        press(other, RUN)
        other.locator(f"{STOP}:enabled").click()
        other.locator(LINE).get_by_text("Stopped.").wait_for()
        other.locator(f"{RUN}:enabled").wait_for()
        assert other.locator(STOP).is_disabled()
        assert page.locator(STOP).is_enabled()

        press(other, RUN)
        page.locator(STOP).click()
        page.locator(LINE).get_by_text("Stopped.").wait_for()
        # It has its turn now, though the one before it was stopped.
        other.locator(LINE).get_by_text("150").wait_for()


def test_a_full_queue_is_told(
    browser: Browser, photograph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixstack.web.launch.WAITING", 0)
    models = write_all(tmp_path / "models")
    with (
        served(models) as address,
        new_page(App(address, models, tmp_path), browser, 1280) as page,
    ):
        upload(page, "super_resolution", photograph)
        page.locator(RUN).click()
        page.locator(LINE).get_by_text("The app is busy; try again in a minute.").wait_for()
        page.locator(f"{RUN}:enabled").wait_for()
        assert page.locator(STOP).is_disabled()
