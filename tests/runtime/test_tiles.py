"""Plans hold their three promises, and cost what arithmetic says they cost."""

import numpy as np
import pytest

from export.runtime.tiles import Plan, plan_tiles, whole


def check(plan: Plan, multiple: int, halo: int) -> None:
    covered = np.zeros((plan.height, plan.width), int)
    sizes = set()
    for tile in plan.tiles:
        window, keep = tile.window, tile.keep
        covered[keep.top : keep.bottom, keep.left : keep.right] += 1
        sizes.add((window.height, window.width))
        assert window.top % multiple == 0
        assert window.left % multiple == 0
        assert keep.top % multiple == 0
        assert keep.left % multiple == 0
        assert window.top >= 0
        assert window.left >= 0
        assert window.bottom <= plan.height
        assert window.right <= plan.width
        assert window.top == 0 or keep.top - window.top >= halo
        assert window.left == 0 or keep.left - window.left >= halo
        assert window.bottom == plan.height or window.bottom - keep.bottom >= halo
        assert window.right == plan.width or window.right - keep.right >= halo
    assert (covered == 1).all(), "the kept parts must cover every pixel once"
    assert len(sizes) == 1, "every new shape makes ONNX Runtime plan its memory again"


def test_every_plan_holds_its_promises():
    random = np.random.default_rng(0)
    for _ in range(400):
        height, width = (int(side) for side in random.integers(1, 400, 2))
        multiple = int(random.choice([1, 2, 3, 4, 8, 16]))
        halo = int(random.integers(0, 40))
        largest = int(random.integers(1, 60_000))
        plan = plan_tiles(height, width, multiple=multiple, halo=halo, largest=largest)
        check(plan, multiple, halo)


def test_a_picture_within_the_budget_is_one_tile():
    plan = plan_tiles(300, 200, multiple=4, halo=30, largest=60_000)
    assert plan == whole(300, 200)
    assert plan.overhead == 0


def test_overhead_by_hand():
    # 100 rows of one column's width in two windows with a halo of 10: each must reach 10 past the
    # middle, so 60 rows; 120 rows computed for 100.
    plan = plan_tiles(100, 10, multiple=1, halo=10, largest=600)
    assert [(tile.window.top, tile.window.bottom) for tile in plan.tiles] == [(0, 60), (40, 100)]
    assert [(tile.keep.top, tile.keep.bottom) for tile in plan.tiles] == [(0, 50), (50, 100)]
    assert plan.overhead == pytest.approx(0.2)


def test_windows_stay_within_the_budget_where_the_halo_leaves_room():
    plan = plan_tiles(1600, 2400, multiple=4, halo=24, largest=512 * 512)
    tall, wide = plan.tile_size
    assert tall * wide <= 512 * 512
    # (512 / (512 - 48))^2 - 1 = 0.22 is what a naive grid of such windows costs.
    assert plan.overhead < 0.22


def test_a_budget_too_small_still_makes_progress():
    plan = plan_tiles(200, 200, multiple=8, halo=16, largest=1)
    check(plan, 8, 16)
    # At least as many pixels kept as the halo is wide: 3 halos a side.
    assert min(plan.tile_size) >= 48


@pytest.mark.parametrize(("height", "width"), [(0, 5), (5, 0), (-1, 5)])
def test_empty_pictures_are_refused(height: int, width: int):
    with pytest.raises(ValueError, match="cannot plan"):
        plan_tiles(height, width, multiple=1, halo=0, largest=100)
