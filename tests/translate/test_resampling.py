"""Resampling against OpenCV and numpy."""

import cv2
import numpy as np
import pytest
import torch

from tests.photographs import window
from translate.layers.resampling import PixelShuffle, pad_to_multiple, upsample
from translate.pixels import to_floats


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_bilinear_is_opencvs(scale: int) -> None:
    photo = to_floats(window("coffee", 9, 14))
    height, width = 9 * scale, 14 * scale
    expected = cv2.resize(photo, (width, height), interpolation=cv2.INTER_LINEAR)
    enlarged = upsample(torch.from_numpy(photo).permute(2, 0, 1)[None], scale)
    assert enlarged.shape == (1, 3, height, width)
    np.testing.assert_allclose(enlarged[0].permute(1, 2, 0), expected, atol=1e-5)


def test_bilinear_by_hand() -> None:
    row = torch.tensor([[[[0.0, 1.0, 1.0]]]])
    assert upsample(row, 2)[0, 0, 0].tolist() == [0, 0.25, 0.75, 1, 1, 1]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 9), (8, 8), (9, 1), (16, 5)])
@pytest.mark.parametrize("multiple", [1, 2, 4, 8])
def test_padding_mirrors_the_edge(size: tuple[int, int], multiple: int) -> None:
    height, width = size
    picture = np.random.default_rng(0).random((2, 3, height, width), np.float32)
    padded = pad_to_multiple(torch.from_numpy(picture), multiple)
    below, right = -height % multiple, -width % multiple
    expected = np.pad(picture, ((0, 0), (0, 0), (0, below), (0, right)), "symmetric")
    assert np.array_equal(padded.numpy(), expected)


def test_padding_by_hand() -> None:
    column = torch.tensor([1.0, 2.0, 3.0])[None, None, :, None]
    assert pad_to_multiple(column, 8)[0, 0, :, 0].tolist() == [1, 2, 3, 3, 2, 1, 1, 2]


def test_sub_pixels_are_rearranged_in_rows() -> None:
    layer = PixelShuffle(1, 1, 2, smooth=False)
    with torch.no_grad():
        layer.convolution.weight.zero_()
        # Four channels become the pixels (0, 0), (0, 1), (1, 0), (1, 1) of each 2x2 square.
        layer.convolution.bias = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert layer(torch.zeros(1, 1, 1, 2))[0, 0].tolist() == [[1, 2, 1, 2], [3, 4, 3, 4]]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_smooth_start_has_no_checkerboard(scale: int) -> None:
    torch.manual_seed(0)
    layer = PixelShuffle(8, 3, scale)
    features = torch.randn(2, 8, 5, 6)
    written = layer(features)
    assert written.shape == (2, 3, 5 * scale, 6 * scale)
    assert written.std() > 0.1
    # ICNR: the result is the nearest-neighbor enlargement of one convolution's output.
    blocks = written.reshape(2, 3, 5, scale, 6, scale)
    assert torch.allclose(blocks, blocks[:, :, :, :1, :, :1].expand_as(blocks), atol=1e-6)


def test_without_smoothing_the_sub_pixels_differ() -> None:
    torch.manual_seed(0)
    written = PixelShuffle(8, 3, 2, smooth=False)(torch.randn(1, 8, 4, 4))
    assert not torch.allclose(written[..., ::2], written[..., 1::2])
