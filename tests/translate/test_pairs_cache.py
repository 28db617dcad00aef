"""The cache of decoded views: bounded, and safe to use from several threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.photographs import window, write_pictures
from translate.layouts import Reading, find_items
from translate.pairs import Item, Pairs, View

PICTURES = 6
BYTES = 20 * 30 * 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = {f"{index}.png": picture(index) for index in range(PICTURES)}
    return write_pictures(tmp_path / "targets", pictures)


def picture(index: int) -> np.ndarray:
    return window("coffee", 20, 30, top=10 * index)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files decoded so far, in order."""
    names: list[str] = []
    decode = View.decode

    def counted(view: View) -> np.ndarray:
        names.append(Path(str(view.path)).stem)
        return decode(view)

    monkeypatch.setattr(View, "decode", counted)
    return names


def open_pairs(folder: Path, cache_bytes: int) -> Pairs:
    return Pairs(find_items(folder, "targets", Reading({"target": "rgb"})), cache_bytes)


def test_a_picture_is_decoded_once(folder: Path, decoded: list[str]) -> None:
    pairs = open_pairs(folder, PICTURES * BYTES)
    assert len(pairs) == PICTURES
    for _ in range(3):
        for index in range(PICTURES):
            assert (pairs.load(index)["target"] == picture(index)).all()
    assert decoded == ["0", "1", "2", "3", "4", "5"]


def test_what_was_not_used_for_longest_makes_room(folder: Path, decoded: list[str]) -> None:
    pairs = open_pairs(folder, 3 * BYTES)
    for index in (0, 1, 2, 0, 3):  # 3 takes the place of 1, since 0 was used again
        pairs.load(index)
    assert decoded == ["0", "1", "2", "3"]
    pairs.load(0)
    pairs.load(2)
    assert decoded == ["0", "1", "2", "3"]
    pairs.load(1)
    assert decoded[-1] == "1"


def test_without_room_every_load_decodes(folder: Path, decoded: list[str]) -> None:
    pairs = open_pairs(folder, 0)
    for index in (0, 1, 0):
        assert (pairs.load(index)["target"] == picture(index)).all()
    assert decoded == ["0", "1", "0"]


def test_all_views_of_an_item_count(tmp_path: Path, decoded: list[str]) -> None:
    for name in ("A", "B"):
        write_pictures(tmp_path / name, {f"{index}.png": picture(index) for index in range(2)})
    pairs = Pairs(
        find_items(tmp_path, "views", Reading({"source": "rgb", "target": "rgb"})), 3 * BYTES
    )
    pairs.load(0)
    pairs.load(1)
    pairs.load(0)
    assert decoded == ["0", "0", "1", "1", "0", "0"], "two items take four pictures' room"


def test_a_view_that_items_share_counts_once(folder: Path, decoded: list[str]) -> None:
    # As tables of pairs have it: each picture is the source of one and the target of the next.
    views = [View(folder / f"{index}.png", "rgb") for index in range(3)]
    pairs = Pairs(
        [
            Item(f"{one}-{two}", {"source": views[one], "target": views[two]})
            for one, two in ((0, 1), (1, 2), (2, 0))
        ],
        3 * BYTES,
    )
    for _ in range(2):
        for index in range(3):
            pairs.load(index)
    assert sorted(decoded) == ["0", "1", "2"]
    assert pairs._held == 3 * BYTES


def test_a_shared_view_is_held_until_the_last_item_goes(folder: Path, decoded: list[str]) -> None:
    views = [View(folder / f"{index}.png", "rgb") for index in range(4)]
    table = ((0, 1), (0, 2), (3, 3))
    pairs = Pairs(
        [Item(f"{a}-{b}", {"source": views[a], "target": views[b]}) for a, b in table], 3 * BYTES
    )
    for index in range(3):
        pairs.load(index)
    # The first item made room of one picture, for the second still holds the other.
    assert list(pairs._cache) == [1, 2]
    assert pairs._held == 3 * BYTES
    assert decoded == ["0", "1", "2", "3"]


def test_many_threads_read_the_right_pictures(folder: Path) -> None:
    pairs = open_pairs(folder, 2 * BYTES)
    start = threading.Barrier(8)

    def read(seed: int) -> None:
        start.wait()
        for index in np.random.default_rng(seed).integers(PICTURES, size=60):
            assert (pairs.load(int(index))["target"] == picture(int(index))).all()

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(read, seed) for seed in range(8)]:
            future.result()
    # Races must not leave the count of held bytes above or below what is held.
    assert pairs._held == sum(
        pixels.nbytes for views in pairs._cache.values() for pixels in views.values()
    )
    assert pairs._held <= 2 * BYTES


def test_a_failed_picture_is_not_kept(folder: Path, decoded: list[str]) -> None:
    item = Item("lost", {"target": View(folder / "lost.png", "rgb")})
    pairs = Pairs([item], BYTES)
    for _ in range(2):
        with pytest.raises(ValueError, match="no such file"):
            pairs.load(0)
    write_pictures(folder, {"lost.png": picture(3)})
    assert (pairs.load(0)["target"] == picture(3)).all()
    assert decoded == ["lost"] * 3
