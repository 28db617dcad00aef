"""Zooming: what is seen, how large it gets, and that views and points stay together."""

from pathlib import Path

import numpy as np
import pytest

from stacks.recipe import parse_recipe
from tests.photographs import write_pictures
from translate.augment import Augment, AugmentSpec
from translate.batches import Sampler
from translate.degrade import parse_degradation
from translate.kinds import parse_kind
from translate.layouts import Reading, find_items
from translate.pairs import Pairs
from translate.tables import TableError
from translate.zoom import looked_at, needed, zoomed

ACROSS, DOWN = np.meshgrid(np.arange(60), np.arange(50))
RAMP = np.stack([4 * ACROSS, 4 * DOWN, 0 * DOWN], axis=2).astype(np.uint8)
"""Red tells a pixel's column and green its row, four steps apart."""


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_pix2pix_sees_229_pixels_of_256() -> None:
    # 256 of 286 pixels to which 256 are enlarged are 256 * 256 / 286 = 229.1 of them.
    assert looked_at((256, 256), (256, 256), (286 / 256, 286 / 256), random()) == (229, 229)
    assert looked_at((128, 256), (900, 900), (2.0, 2.0), random()) == (64, 128)


def test_a_crop_needs_less_of_a_picture_that_is_enlarged() -> None:
    assert needed(256, (1.1172, 1.1172)) == 229
    assert needed(256, (0.5, 2.0)) == 256
    assert needed(256, ()) == 256


def test_factors_are_drawn_evenly_on_a_logarithmic_scale() -> None:
    draw = random()
    sides = [looked_at((1000, 1000), (9000, 9000), (0.5, 2.0), draw)[0] for _ in range(4000)]
    assert min(sides) >= 500
    assert max(sides) <= 2000
    assert np.median(sides) == pytest.approx(1000, rel=0.05)
    assert np.mean(np.array(sides) > 1414) == pytest.approx(0.25, abs=0.03)


def test_a_picture_is_not_made_smaller_than_the_window() -> None:
    assert looked_at((100, 100), (120, 300), (0.5, 0.5), random()) == (120, 120)
    assert looked_at((100, 100), (80, 300), (0.5, 0.5), random()) == (100, 100)


def test_nothing_is_drawn_where_nothing_is_resized() -> None:
    draw = random()
    assert looked_at((64, 64), (64, 64), (), draw) == (64, 64)
    assert draw.random() == random().random()


@pytest.mark.parametrize("window", [(24, 36), (11, 7), (50, 60)])
def test_pixels_labels_and_points_go_to_the_same_places(window: tuple[int, int]) -> None:
    part = RAMP[10:30, 15:45]
    views = {"source": part[..., :1] // 4, "target": part}
    brought, motion = zoomed(views, window, 1, ["source"])
    assert brought["target"].shape == (*window, 3)
    assert brought["source"].shape == (*window, 1)
    # Away from the edges, beyond which there is no ramp.
    inside = (slice(3, -3), slice(3, -3))
    for axis, (size, given) in enumerate(zip(window[::-1], (30, 20), strict=True)):
        # A pixel's center keeps its place: pixel i of the result is pixel (i + 0.5) g / n - 0.5.
        places = (np.arange(size) + 0.5) * given / size - 0.5 + (15, 10)[axis]
        wanted = np.broadcast_to(places if axis == 0 else places[:, None], window)
        off = brought["target"][..., axis] / 4 - wanted
        assert np.abs(off[inside]).max() < 0.3
    labels = brought["source"][..., 0].astype(float)
    columns = (np.arange(window[1]) + 0.5) * 30 / window[1] - 0.5 + 15
    assert np.abs(labels - columns).max() <= 0.51
    joints = motion(np.array([[4, 7, 1], [20, 12, 1]], np.float32), (0, 1))
    scale = np.array(window[::-1]) / (30, 20)
    assert joints[:, :2] == pytest.approx((np.array([[4.5, 7.5], [20.5, 12.5]])) * scale - 0.5)


def test_larger_targets_stay_over_their_sources() -> None:
    small = RAMP[:20, :20]
    views = {"source": small, "target": small.repeat(2, axis=0).repeat(2, axis=1)}
    brought, _ = zoomed(views, (30, 30), 2, [])
    assert brought["source"].shape == (30, 30, 3)
    assert brought["target"].shape == (60, 60, 3)
    halved = brought["target"].astype(float).reshape(30, 2, 30, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - brought["source"])[4:-4, 4:-4].max() < 4


def sampler(folder: Path, move: AugmentSpec, degradation: str = "") -> Sampler:
    kinds = {"target": "rgb"} if degradation else {"source": "gray", "target": "rgb"}
    found = find_items(folder, "targets" if degradation else "views", Reading(kinds))
    degradations = [(parse_degradation(degradation), 1.0)] if degradation else []
    return Sampler(
        [(Pairs(found), 1.0)], 2, 32, degradations, Augment(move), 0,
        kinds={view: parse_kind(text) for view, text in kinds.items()},
    )  # fmt: skip


def test_batches_are_of_their_size_and_seen_nearer(tmp_path: Path) -> None:
    write_pictures(tmp_path / "source", {"1.png": RAMP[..., 0]})
    write_pictures(tmp_path / "target", {"1.png": RAMP})
    near = sampler(tmp_path, AugmentSpec(flip=False, zoom=(2.0, 2.0)))
    batch = near(0).views
    assert batch["target"].shape == (2, 3, 32, 32)
    assert batch["source"].shape == (2, 1, 32, 32)
    # Half as steep: a pixel of the ramp is two of the crop.
    slopes = (batch["target"][:, 0, 16, 24] - batch["target"][:, 0, 16, 8]) * 255 / 16
    assert slopes.tolist() == pytest.approx([2, 2], abs=0.2)
    assert (batch["source"][:, 0] - batch["target"][:, 0]).abs().max() < 2 / 255
    for name, again in near(0).views.items():
        assert again.equal(batch[name]), "a function of seed and step"


def test_targets_are_degraded_after_they_are_zoomed(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"1.png": RAMP})
    views = sampler(tmp_path, AugmentSpec(flip=False, zoom=(2.0, 2.0)), "bicubic:2")(0).views
    assert views["target"].shape == (2, 3, 32, 32)
    assert views["source"].shape == (2, 3, 16, 16)
    fine, coarse = views["target"][0, 0], views["source"][0, 0]
    assert (fine[16, 24] - fine[16, 8]).item() == pytest.approx(
        (coarse[8, 12] - coarse[8, 4]).item(), abs=2 / 255
    )


@pytest.mark.parametrize("given", ["[2.0, 0.5]", "[1.2]", "[0.1, 1.0]", "[1.0, 9.0]"])
def test_a_bad_range_is_refused(given: str) -> None:
    with pytest.raises(TableError, match=r"augment\.zoom: got .*smallest and the largest"):
        parse_recipe(RECIPE, [f"augment.zoom={given}"])
    assert parse_recipe(RECIPE, ["augment.zoom=[0.8, 1.25]"]).augment.zoom == (0.8, 1.25)


RECIPE = """
name = "any"
[[stage]]
name = "only"
generator = { kind = "unet" }
[[phase]]
train = ["only"]
steps = 1
"""
