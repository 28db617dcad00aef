"""A click on an example of the Pose tab chooses all that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from pixstack.shelf import example_files
from pixstack.web.poses import example_poses
from tests.browser.conftest import App, new_page
from tests.browser.test_page import download, run
from tests.doors.serving import served
from tests.doors.standins import write_all
from tests.doors.test_web_poses import PORTS, write_figure
from tests.doors.translations import write_pose

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The Pose tab with a model of hands and one of figures."""
    models = write_all(tmp_path / "models")
    write_pose(models / "hand-pose.onnx")
    write_figure(models / "figure-pose.onnx")
    with (
        served(models) as address,
        new_page(App(address, models, tmp_path), browser, 1280) as page,
    ):
        page.get_by_role("tab", name="Pose", exact=True).click()
        page.locator("#pose-run").wait_for()
        yield page


def choose_example(page: Page, name: str) -> None:
    names = [path.stem for path in example_files("*.png")]
    shown = ["hand-two", "hand-five", *(one for one in names if one.startswith("figure-"))]
    page.locator("#pose-examples button").nth(shown.index(name)).click()


def test_an_example_chooses_its_model_and_the_pose_that_it_shows(
    page: Page, tmp_path: Path
) -> None:
    poses = example_poses(PORTS[0])
    asked = list(poses)[1]  # what the second pose starts with
    model = page.locator("#pose-model input")
    assert model.input_value() == "hand-pose"
    for name in ("wave", "at-ease", "wave"):
        choose_example(page, f"figure-{name}")
        source = page.locator("#pose-figure-pose-source_pose-examples")
        source.locator(f"input[value={name}]:checked").wait_for()
        assert model.input_value() == "figure-pose"
        assert "figure-pose" in run(page, "pose")
        # The stand-in shows where the heads are, that of the source and that asked for.
        heads = sum(poses[one]["joints"]["head"][0] for one in (name, asked))
        values = np.unique(np.asarray(Image.open(download(page, "pose", tmp_path))))
        assert values.tolist() == [round(heads)]

    choose_example(page, "hand-two")
    page.locator("#pose-hand-pose-gesture").wait_for()
    assert model.input_value() == "hand-pose"
    assert "hand-pose" in run(page, "pose")
