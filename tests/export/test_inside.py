"""Partial translation in the file that ships: what is outside the area is returned as it was."""

from pathlib import Path

import numpy as np

from export.convert import export_stack
from export.graph import written_views
from export.halo import measure_halo
from export.runtime.translator import Translator
from export.verify import largest_difference
from tests.export.small import make, saved
from tests.photographs import window
from tests.stacks.test_inside import FASHION, MASKED


def test_pixels_outside_are_the_source_s(tmp_path: Path) -> None:
    stack = make(FASHION)
    exported = export_stack(saved(stack, tmp_path), tmp_path / "fashion.onnx")
    assert [port.name for port in exported.manifest.inputs] == ["source", "layout"]
    assert [port.name for port in exported.manifest.outputs] == ["target", "parsed"]
    source = window("astronaut", 21, 30)
    layout = np.zeros((21, 30), np.int64)
    layout[4:9, 10:20] = 3
    made = Translator(exported.path, providers="cpu").run({"source": source, "layout": layout})
    parsed = made["parsed"].reshape(21, 30)
    changed = np.isin(parsed, (1, 3)) | (layout == 3)
    assert changed.any()
    assert not changed.all()
    assert (made["target"][~changed] == source[~changed]).all()
    assert (made["target"][changed] != source[changed]).any()


def test_few_pixels_may_fall_on_the_other_side_of_an_area() -> None:
    ours = np.zeros((1, 3, 20, 20), np.float32)
    theirs = ours.copy()
    theirs[0, 1, :2, :2] = 1  # 4 of 400 pixels, one in a hundred
    assert largest_difference(ours, theirs, area=False) == 1
    assert largest_difference(ours, theirs, area=True) == 0
    theirs[0, 2, 5, 5] = 1
    assert largest_difference(ours, theirs, area=True) == 1
    theirs[:] = np.nan
    assert np.isnan(largest_difference(ours, theirs, area=True))


def test_areas_that_the_stack_finds_are_known() -> None:
    assert [view.area for view in written_views(make(FASHION))] == [True, False]
    assert [view.area for view in written_views(make(MASKED))] == [False], "it is given"


def test_the_halo_is_that_of_the_generator_wherever_the_area_lies() -> None:
    masked = make(MASKED)
    plain = make(MASKED.replace('join = "inside"\ninside = { views = ["area"] }', ""))
    assert measure_halo(masked) == measure_halo(plain)
    assert measure_halo(make(FASHION)) == measure_halo(plain)


def test_what_a_generator_is_shown_of_a_found_area_reaches_further() -> None:
    # Each of the two sees 11 pixels around, 12 in whole cells; one after the other 22.
    assert measure_halo(make(FASHION)) == 12
    hidden = make(FASHION.replace("labels = [1, 3] }", "labels = [1, 3], hide = true }"))
    assert measure_halo(hidden) == 22
