"""Symmetries: which ones appear, and that the views of an item move together."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from translate.augment import Augment, AugmentSpec
from translate.tables import TableError, parse

PICTURE = np.arange(6 * 6 * 3, dtype=np.uint8).reshape(6, 6, 3)
SYMMETRIES = [
    np.ascontiguousarray(np.rot90(flipped, turns))
    for flipped, turns in itertools.product((PICTURE, PICTURE[:, ::-1]), range(4))
]


def which(moved: np.ndarray) -> int:
    [index] = [index for index, one in enumerate(SYMMETRIES) if np.array_equal(one, moved)]
    return index


def counts(spec: AugmentSpec, draws: int = 400) -> dict[int, int]:
    augment = Augment(spec)
    found = [
        which(augment({"target": PICTURE}, np.random.default_rng(seed))["target"])
        for seed in range(draws)
    ]
    return {index: found.count(index) for index in sorted(set(found))}


def test_turns_give_all_eight_symmetries_alike() -> None:
    found = counts(AugmentSpec(flip=True, turn=True))
    assert sorted(found) == list(range(8))
    # 50 of each are expected; five standard deviations (6.6) are never reached by chance.
    assert all(17 < count < 83 for count in found.values()), found


def test_a_flip_mirrors_half_of_the_pictures() -> None:
    found = counts(AugmentSpec(flip=True, turn=False))
    assert sorted(found) == [0, 4]
    assert 150 < found[4] < 250


def test_without_symmetries_nothing_moves() -> None:
    assert counts(AugmentSpec(flip=False, turn=False), 20) == {0: 20}


def test_channels_come_in_all_six_orders_alike_and_the_same_for_every_view() -> None:
    augment = Augment(AugmentSpec(flip=False, turn=False, channels=True))
    orders: list[tuple[int, ...]] = []
    for seed in range(300):
        views = {"source": PICTURE, "target": 255 - PICTURE}
        moved = augment(views, np.random.default_rng(seed))
        # Channel c of the picture's first pixel holds c.
        order = tuple(int(channel) for channel in moved["source"][0, 0])
        assert np.array_equal(moved["source"], PICTURE[..., order])
        assert np.array_equal(moved["target"], 255 - PICTURE[..., order])
        orders.append(order)
    found = {order: orders.count(order) for order in set(orders)}
    assert set(found) == set(itertools.permutations(range(3)))
    # 50 of each are expected, five standard deviations are 32.
    assert all(18 < count < 82 for count in found.values()), found


def colored(seed: int, colors: float) -> tuple[np.ndarray, np.ndarray]:
    """A view with one patch of skin in another place than the other view has it."""
    source, target = np.full((6, 6, 3), 190, np.uint8), np.full((6, 6, 3), 230, np.uint8)
    source[:2], target[4:] = (180, 130, 100), (180, 130, 100)
    augment = Augment(AugmentSpec(flip=False, colors=colors))
    moved = augment({"source": source, "target": target}, np.random.default_rng(seed))
    return moved["source"], moved["target"]


def test_colors_change_alike_in_every_view_wherever_they_stand() -> None:
    skins: list[np.ndarray] = []
    for seed in range(100):
        source, target = colored(seed, 0.3)
        assert (source[:2] == source[0, 0]).all()
        assert np.array_equal(source[0, 0], target[5, 0])
        skins.append(source[0, 0].astype(float))
    brightness = np.max(skins, axis=1) / 180
    # The factor of saturation moves the largest of the three as well.
    assert 0.65 < brightness.min() < 0.8
    assert 1.2 < brightness.max() < 1.38
    # Redder and yellower skins both, and still skins: hue moves by 11 degrees at most.
    hues = [(skin[1] - skin[2]) / (skin[0] - skin[2]) for skin in skins]
    assert 0.15 < min(hues) < 0.25
    assert 0.5 < max(hues) < 0.6


def test_colors_that_may_not_change_do_not() -> None:
    source, _ = colored(0, 0.0)
    assert tuple(source[0, 0]) == (180, 130, 100)


def test_a_share_of_the_items_is_black_and_white_in_every_view() -> None:
    augment = Augment(AugmentSpec(flip=False, gray=0.3))
    without_color = 0
    for seed in range(200):
        moved = augment({"source": PICTURE, "target": 255 - PICTURE}, np.random.default_rng(seed))
        alike = [bool((np.ptp(view, axis=2) == 0).all()) for view in moved.values()]
        assert alike[0] == alike[1]
        if alike[0]:
            # As bright as it was: a pixel's channels are n, n + 1, n + 2.
            assert np.abs(moved["source"][..., 0] - PICTURE[..., 1].astype(int)).max() <= 1
        else:
            assert np.array_equal(moved["source"], PICTURE)
        without_color += alike[0]
    # 60 are expected; five standard deviations are 32.
    assert 28 < without_color < 92


@pytest.mark.parametrize("key", ["colors", "gray"])
@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_colors_change_by_a_share(key: str, share: float) -> None:
    with pytest.raises(TableError, match=rf"^{key}: got .*; allowed: 0 "):
        parse(AugmentSpec, {key: share})


def test_turns_alone_mirror_nothing() -> None:
    found = counts(AugmentSpec(flip=False, turn=True))
    # The first four symmetries are the turns of the picture itself.
    assert set(found) == {0, 1, 2, 3}
    assert min(found.values()) > sum(found.values()) / 4 * 0.7


@pytest.mark.parametrize(
    "names",
    [
        ("source", "target"),
        ("a", "image", "target"),
        ("source", "mask", "keypoints", "bboxes"),
    ],
)
def test_all_views_move_together_whatever_their_names(names: tuple[str, ...]) -> None:
    augment = Augment(AugmentSpec(flip=True, turn=True))
    views = {
        name: np.roll(PICTURE, index, axis=2)[..., : 1 if index == 1 else 3]
        for index, name in enumerate(names)
    }
    seen = set()
    for seed in range(24):
        moved = augment(views, np.random.default_rng(seed))
        assert list(moved) == list(names)
        symmetry = which(moved[names[0]])
        seen.add(symmetry)
        for name in names:
            flipped = views[name][:, ::-1] if symmetry >= 4 else views[name]
            assert np.array_equal(moved[name], np.rot90(flipped, symmetry % 4)), name
            assert moved[name].dtype == np.uint8
    assert len(seen) > 4


def test_the_draw_depends_on_the_generator_alone() -> None:
    augment = Augment(AugmentSpec(flip=True, turn=True))
    expected = [
        which(Augment(augment.spec)({"target": PICTURE}, np.random.default_rng(seed))["target"])
        for seed in range(32)
    ]

    def draw(seed: int) -> int:
        return which(augment({"target": PICTURE}, np.random.default_rng(seed))["target"])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw, range(32))) == expected
    assert [draw(seed) for seed in reversed(range(32))] == expected[::-1]
