"""What a model reads of an upload or a drawing."""

import tracemalloc

import numpy as np
import pytest

from export.manifest import Input, Manifest, Output
from export.runtime.images import Picture
from pixstack.web.sources import largest_size, nearest_colors, reduced


def test_colors_go_to_the_nearest_in_rgb() -> None:
    palette = ((0, 0, 0), (255, 0, 0), (250, 250, 250))
    pixels = np.array([[[10, 0, 0], [200, 90, 90]], [[255, 255, 255], [128, 0, 0]]], np.uint8)
    # By hand: of (128, 0, 0), red is 127 away and black 128.
    assert nearest_colors(pixels, palette).tolist() == [
        [[0, 0, 0], [255, 0, 0]],
        [[250, 250, 250], [255, 0, 0]],
    ]


def test_a_drawing_of_many_colors_takes_little_memory() -> None:
    codes = np.arange(2**18) * 61  # all different
    pixels = np.stack([codes >> 16, codes >> 8, codes], axis=1).astype(np.uint8)
    levels = np.linspace(0, 255, 64).astype(int).tolist()
    palette = tuple((level, level, level) for level in levels)
    tracemalloc.start()
    moved = nearest_colors(pixels.reshape(512, 512, 3), palette)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Each distance by itself: 2**18 colors times 64 times 3 numbers of 4 bytes would be 201 MB.
    assert peak < 64e6
    some = slice(0, None, 997)
    distances = ((pixels[some, None].astype(int) - np.array(palette)) ** 2).sum(axis=2)
    assert np.array_equal(
        moved.reshape(-1, 3)[some], np.array(palette)[distances.argmin(axis=1)].astype(np.uint8)
    )


def test_what_is_hidden_does_not_bleed_into_a_smaller_picture() -> None:
    pixels, alpha = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8)
    pixels[:, 13:], alpha[:, 13:] = 255, 255
    small = reduced(Picture(pixels, alpha), (10, 10), of_labels=False)
    assert small.alpha is not None
    assert 0 < small.alpha[5, 3] < 255
    # White wherever anything is seen, though black lies beside it.
    assert (small.pixels[small.alpha > 8] >= 250).all()


@pytest.mark.parametrize(
    ("given", "least", "size"),
    [((100, 100), 1, (50, 50)), ((4, 5000), 4, (4, 625)), ((5000, 4), 4, (625, 4)),
     ((3, 9000), 4, (3, 833)), ((40, 60), 4, (40, 60))],
)  # fmt: skip
def test_a_strip_stays_as_wide_as_the_model_needs(
    given: tuple[int, int], least: int, size: tuple[int, int]
) -> None:
    manifest = Manifest(
        name="whole", task="photo", inputs=(Input("source", "rgb"),),
        outputs=(Output("target", "rgb"),), tiling="whole", max_pixels=2500, min_size=least,
    )  # fmt: skip
    assert largest_size(manifest, *given) == size
