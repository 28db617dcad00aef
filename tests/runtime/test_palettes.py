"""Labels brought back to the colors of their palette."""

import tracemalloc

import numpy as np

from export.runtime.palettes import nearest_colors


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
