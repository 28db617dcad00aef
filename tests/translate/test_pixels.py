"""Value ranges, and pictures between numpy and torch."""

import numpy as np
import torch

from translate.pixels import (
    from_network,
    to_batch,
    to_bytes,
    to_floats,
    to_network,
    to_picture,
)


def test_the_range_inside_a_network() -> None:
    picture = torch.tensor([-0.5, 0.0, 0.25, 1.0, 1.5])
    expected = torch.tensor([-2.0, -1.0, -0.5, 1.0, 2.0])
    assert torch.equal(to_network(picture), expected), "noise outside the range is not clipped"
    assert torch.equal(from_network(expected), picture)


def test_integers_become_floats_by_their_largest_value() -> None:
    fifths = np.array([0, 0.2, 1], np.float32).tolist()
    assert to_floats(np.array([0, 51, 255], np.uint8)).tolist() == fifths
    assert to_floats(np.array([0, 13107, 65535], np.uint16)).tolist() == fifths
    floats = to_floats(np.array([-0.5, 2.0], np.float64))
    assert floats.dtype == np.float32
    assert floats.tolist() == [-0.5, 2.0]


def test_floats_become_the_nearest_byte() -> None:
    steps = np.arange(256, dtype=np.uint8)
    assert (to_bytes(to_floats(steps)) == steps).all()
    assert to_bytes(np.array([0.49, 0.51, -30, 300, 127.4]) / 255).tolist() == [0, 1, 0, 255, 127]


def test_pictures_become_a_batch_and_come_back() -> None:
    random = np.random.default_rng(0)
    pictures = [random.random((4, 5, 3), np.float32) for _ in range(2)]
    batch = to_batch(pictures)
    assert batch.shape == (2, 3, 4, 5)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert batch[1, 2, 3, 4] == pictures[1][3, 4, 2]
    for index, picture in enumerate(pictures):
        assert (to_picture(batch, index) == picture).all()
    half = to_picture(batch.bfloat16().requires_grad_())
    assert half.dtype == np.float32
    assert np.abs(half - pictures[0]).max() < 2**-8
